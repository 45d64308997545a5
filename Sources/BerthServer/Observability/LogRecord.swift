import Logging

/// One event before it becomes a line.
struct LogRecord: Sendable {
    let time: WallTime
    let level: Logger.Level
    /// Where it comes from, as in `berth.access`.
    let label: String
    let message: String
    /// In the order in which they are written; no key comes twice.
    let fields: [Field]

    struct Field: Sendable {
        let key: String
        let value: LogValue

        init(_ key: String, _ value: LogValue) {
            self.key = key
            self.value = value
        }
    }
}

enum LogValue: Sendable {
    case text(String)
    case integer(Int64)
    case flag(Bool)
    /// Written in milliseconds with three decimals; fractions of a microsecond are cut off.
    case duration(Duration)

    /// Digits, or `true` and `false`; the same in both forms of a line. nil for text.
    var literal: String? {
        switch self {
        case .text: nil
        case .integer(let number): String(number)
        case .flag(let isSet): isSet ? "true" : "false"
        case .duration(let duration): Self.milliseconds(duration)
        }
    }

    private static func milliseconds(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        // A year is more than any request takes; the bound keeps the sum from overflowing.
        let bounded = min(max(0, seconds), 31_536_000)
        let microseconds = bounded * 1_000_000 + max(0, attoseconds) / 1_000_000_000_000
        let (whole, rest) = microseconds.quotientAndRemainder(dividingBy: 1000)
        let decimals = String(rest + 1000).dropFirst()
        return "\(whole).\(decimals)"
    }
}
