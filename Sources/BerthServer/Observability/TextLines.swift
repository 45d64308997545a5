import Logging

/// For people: `2026-05-01T12:00:00.123Z INFO     request method=GET status=200`.
struct TextLines: LineFormat {
    let isColored: Bool

    func append(_ record: LogRecord, to lines: inout [UInt8]) {
        paint(.dim, &lines) { record.time.append(to: &$0) }
        lines.append(UInt8(ascii: " "))
        let name = record.level.rawValue.uppercased()
        paint(Color(record.level), &lines) { $0.append(contentsOf: name.utf8) }
        for _ in name.utf8.count..<Self.levelWidth { lines.append(UInt8(ascii: " ")) }
        lines.append(UInt8(ascii: " "))
        lines.appendEscaped(record.message, in: .none)
        for field in record.fields {
            lines.append(UInt8(ascii: " "))
            paint(.dim, &lines) {
                $0.appendEscaped(field.key, in: .quotes)
                $0.append(UInt8(ascii: "="))
            }
            append(field.value, to: &lines)
        }
        lines.append(UInt8(ascii: "\n"))
    }

    /// As long as the longest name of a level.
    private static let levelWidth = 8

    /// Text that could be read as something else stands between quotation marks.
    private func append(_ value: LogValue, to lines: inout [UInt8]) {
        guard case .text(let text) = value else {
            lines.append(contentsOf: (value.literal ?? "").utf8)
            return
        }
        if !text.isEmpty, text.utf8.allSatisfy(\.standsAlone) {
            lines.appendEscaped(text, in: .quotes)
        } else {
            lines.appendQuoted(text)
        }
    }

    private enum Color: String {
        case dim = "2"
        case green = "32"
        case cyan = "36"
        case yellow = "33"
        case red = "31"
        case boldRed = "1;31"

        init(_ level: Logger.Level) {
            switch level {
            case .trace, .debug: self = .dim
            case .info: self = .green
            case .notice: self = .cyan
            case .warning: self = .yellow
            case .error: self = .red
            case .critical: self = .boldRed
            }
        }
    }

    private func paint(_ color: Color, _ lines: inout [UInt8], _ write: (inout [UInt8]) -> Void) {
        guard isColored else { return write(&lines) }
        lines.append(contentsOf: "\u{1b}[\(color.rawValue)m".utf8)
        write(&lines)
        lines.append(contentsOf: "\u{1b}[0m".utf8)
    }
}

extension UInt8 {
    /// Printable ASCII without space, `"`, `=` and `\`.
    fileprivate var standsAlone: Bool {
        self > 0x20 && self < 0x7f && self != UInt8(ascii: "\"") && self != UInt8(ascii: "=")
            && self != UInt8(ascii: "\\")
    }
}
