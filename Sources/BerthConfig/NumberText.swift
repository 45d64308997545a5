// Numbers with units, as people write them: `1h30m`, `64KiB`. Digits are ASCII; nothing overflows.

/// The number that `text` writes in decimal digits alone; `nil` for anything else, also for one that does not fit.
func wholeNumber(_ text: some StringProtocol) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(text)
}

package enum DurationText {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]

    /// Numbers each with a unit, largest first, each unit once. A number alone is none: nobody would know its unit.
    package static func read(_ text: String) throws(WrongValue) -> Duration {
        if wholeNumber(text) != nil { throw WrongValue("the unit is missing") }
        var rest = text[...]
        var unitsLeft = units[...]
        var total: Int64 = 0
        guard !rest.isEmpty else { throw WrongValue() }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            let name = rest[digits.endIndex...].prefix { $0.isASCII && $0.isLetter }
            guard let count = wholeNumber(digits) else { throw WrongValue() }
            guard let unit = unitsLeft.firstIndex(where: { $0.name == name }) else {
                throw WrongValue("units are d, h, m, s and ms, largest first")
            }
            let (product, overflow) = Int64(count).multipliedReportingOverflow(by: units[unit].milliseconds)
            let (sum, overflowOfSum) = total.addingReportingOverflow(product)
            guard !overflow, !overflowOfSum else { throw WrongValue() }
            total = sum
            unitsLeft = units[(unit + 1)...]
            rest = rest[name.endIndex...]
        }
        return .milliseconds(total)
    }

    /// In the fewest words; parts of a millisecond are left out.
    static func write(_ duration: Duration) -> String {
        var left = max(0, duration.milliseconds)
        var text = ""
        for unit in units where left >= unit.milliseconds {
            text += "\(left / unit.milliseconds)\(unit.name)"
            left %= unit.milliseconds
        }
        return text.isEmpty ? "0s" : text
    }
}

extension Duration {
    /// Whole milliseconds; what does not fit is `Int64.max`.
    package var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        let (sum, overflowOfSum) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        return overflow || overflowOfSum ? .max : sum
    }
}

enum SizeText {
    private static let units: [(name: String, bytes: Int)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
        ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000),
    ]

    /// Bytes: a number alone, or with a unit by 1024 (`KiB` …) or by 1000 (`kB` …).
    static func read(_ text: String) throws(WrongValue) -> Int {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = wholeNumber(digits) else { throw WrongValue() }
        let name = text[digits.endIndex...]
        if name.isEmpty { return count }
        guard let unit = units.first(where: { $0.name == name }) else {
            throw WrongValue("units are KiB, MiB, GiB and TiB, or kB, MB, GB and TB by the thousand")
        }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: unit.bytes)
        guard !overflow else { throw WrongValue() }
        return bytes
    }

    /// With the largest unit by 1024 that leaves a whole number.
    static func write(_ bytes: Int) -> String {
        guard bytes > 0, let unit = units.prefix(4).first(where: { bytes % $0.bytes == 0 }) else { return "\(bytes)" }
        return "\(bytes / unit.bytes)\(unit.name)"
    }
}
