import BerthModel

/// Text of others inside a line of ours: nothing in it can end the line, close a quotation or steer a terminal, and
/// none of it is longer than `longestField`.
extension [UInt8] {
    /// Bytes of one field as written, escapes included and quotation marks not.
    static var longestField: Int { 512 }

    enum Surroundings {
        /// Between quotation marks: these are escaped. What comes out is the inside of a JSON string as well.
        case quotes
        /// Free-standing: quotation marks stay as they are; backslashes are escaped here too.
        case none
    }

    /// Control characters become `\n`, `\r`, `\t` or `\u001b`; text over the limit ends in `…`.
    mutating func appendEscaped(_ text: String, in surroundings: Surroundings) {
        let isDone = text.utf8.withContiguousStorageIfAvailable { bytes in
            guard bytes.count <= Self.longestField, bytes.allSatisfy(\.isPlain) else { return false }
            append(contentsOf: bytes)
            return true
        }
        if isDone != true { appendByScalar(text, in: surroundings) }
    }

    /// `text` between quotation marks.
    mutating func appendQuoted(_ text: String) {
        append(UInt8(ascii: "\""))
        appendEscaped(text, in: .quotes)
        append(UInt8(ascii: "\""))
    }

    private mutating func appendByScalar(_ text: String, in surroundings: Surroundings) {
        let ellipsis = "…".utf8
        let start = count
        var cut = count
        for scalar in text.unicodeScalars {
            append(scalar, in: surroundings)
            guard count - start <= Self.longestField else {
                removeLast(count - cut)
                append(contentsOf: ellipsis)
                return
            }
            if count - start <= Self.longestField - ellipsis.count { cut = count }
        }
    }

    private mutating func append(_ scalar: Unicode.Scalar, in surroundings: Surroundings) {
        switch scalar {
        case "\n": append(contentsOf: #"\n"#.utf8)
        case "\r": append(contentsOf: #"\r"#.utf8)
        case "\t": append(contentsOf: #"\t"#.utf8)
        case "\\": append(contentsOf: #"\\"#.utf8)
        case "\"" where surroundings == .quotes: append(contentsOf: #"\""#.utf8)
        case _ where scalar.steersOutput:
            append(contentsOf: #"\u"#.utf8)
            let hex = String(scalar.value, radix: 16)
            for _ in hex.utf8.count..<4 { append(UInt8(ascii: "0")) }
            append(contentsOf: hex.utf8)
        default: append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
    }
}

extension UInt8 {
    /// Printable ASCII that needs no escape anywhere.
    fileprivate var isPlain: Bool {
        self >= 0x20 && self < 0x7f && self != UInt8(ascii: "\"") && self != UInt8(ascii: "\\")
    }
}
