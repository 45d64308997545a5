import Testing

/// Reads the text exposition format strictly, as far as we write it.
struct Exposition {
    struct Malformed: Error { let line: Substring }

    /// Name with labels as written → value.
    private(set) var samples: [String: Double] = [:]
    private(set) var types: [String: String] = [:]
    private(set) var help: [String: String] = [:]

    init(_ bytes: [UInt8]) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.utf8.last == UInt8(ascii: "\n") else { throw Malformed(line: text[...]) }
        var family = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("# HELP ") {
                let parts = line.dropFirst(7).split(separator: " ", maxSplits: 1)
                guard parts.count == 2, help.updateValue(String(parts[1]), forKey: String(parts[0])) == nil
                else {
                    throw Malformed(line: line)
                }
            } else if line.hasPrefix("# TYPE ") {
                let parts = line.dropFirst(7).split(separator: " ")
                guard parts.count == 2, ["counter", "gauge", "histogram"].contains(parts[1]),
                    types.updateValue(String(parts[1]), forKey: String(parts[0])) == nil
                else { throw Malformed(line: line) }
                family = String(parts[0])
            } else {
                try add(line, of: family)
            }
        }
    }

    subscript(series: String) -> Double? { samples[series] }

    private mutating func add(_ line: Substring, of family: String) throws {
        guard let space = line.lastIndex(of: " ") else { throw Malformed(line: line) }
        let series = line[..<space]
        let name = series.prefix { $0 != "{" }
        let suffixes = types[family] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        guard suffixes.contains(where: { family + $0 == name }),
            let value = Self.number(line[space...].dropFirst()),
            Self.hasGoodLabels(series.dropFirst(name.count)),
            samples.updateValue(value, forKey: String(series)) == nil
        else { throw Malformed(line: line) }
    }

    private static func number(_ text: Substring) -> Double? {
        switch text {
        case "+Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: text.contains("n") ? nil : Double(text)
        }
    }

    /// `` or `{a="x",b="y"}`
    private static func hasGoodLabels(_ text: Substring) -> Bool {
        if text.isEmpty { return true }
        guard text.first == "{", text.last == "}" else { return false }
        var rest = text.dropFirst()
        while true {
            let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            rest = rest.dropFirst(name.count)
            guard !name.isEmpty, rest.hasPrefix("=\"") else { return false }
            rest = rest.dropFirst(2)
            while let character = rest.popFirst(), character != "\"" {
                if character == "\\" {
                    guard let escaped = rest.popFirst(), "\\\"n".contains(escaped) else { return false }
                }
            }
            switch rest.popFirst() {
            case ",": continue
            case "}": return rest.isEmpty
            default: return false
            }
        }
    }
}
