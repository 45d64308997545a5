import Glibc

/// A moment of the wall clock, for people and log files; never to measure with.
struct WallTime: Hashable, Sendable {
    /// Since 1970, UTC.
    let seconds: Int64
    /// 0...999
    let milliseconds: Int64

    static func now() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(seconds: Int64(time.tv_sec), milliseconds: Int64(time.tv_nsec) / 1_000_000)
    }

    /// `2026-05-01T12:00:00.123Z`, RFC 3339 §5.6.
    func append(to line: inout [UInt8]) {
        var seconds = time_t(self.seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        line.appendDecimal(Int64(parts.tm_year) + 1900, digits: 4)
        line.append(UInt8(ascii: "-"))
        line.appendDecimal(Int64(parts.tm_mon) + 1, digits: 2)
        line.append(UInt8(ascii: "-"))
        line.appendDecimal(Int64(parts.tm_mday), digits: 2)
        line.append(UInt8(ascii: "T"))
        line.appendDecimal(Int64(parts.tm_hour), digits: 2)
        line.append(UInt8(ascii: ":"))
        line.appendDecimal(Int64(parts.tm_min), digits: 2)
        line.append(UInt8(ascii: ":"))
        line.appendDecimal(Int64(parts.tm_sec), digits: 2)
        line.append(UInt8(ascii: "."))
        line.appendDecimal(milliseconds, digits: 3)
        line.append(UInt8(ascii: "Z"))
    }
}

extension [UInt8] {
    /// A number that is not negative, with at least `digits` digits.
    mutating func appendDecimal(_ number: Int64, digits: Int = 1) {
        let text = String(Swift.max(0, number))
        for _ in 0..<Swift.max(0, digits - text.utf8.count) { append(UInt8(ascii: "0")) }
        append(contentsOf: text.utf8)
    }
}
