// Names and numbers of the protocol are ASCII and are looked at as bytes.

extension UInt8 {
    var isASCIIDigit: Bool { self >= 0x30 && self <= 0x39 }

    /// `tchar` of RFC 9110 §5.6.2.
    var isToken: Bool {
        self < 128 && (self < 64 ? Self.tokensLow : Self.tokensHigh) >> UInt64(self & 63) & 1 == 1
    }

    /// A byte that a field's value may hold: RFC 9110 §5.5, with tabs.
    var isFieldContent: Bool { self >= 0x20 && self != 0x7f || self == 0x09 }

    /// A letter in lower case; every other byte as it is.
    var lowered: UInt8 { self >= 0x41 && self <= 0x5a ? self | 0x20 : self }

    var hexValue: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x41 + 10
        case 0x61...0x66: self - 0x61 + 10
        default: nil
        }
    }

    /// Bits of the `tchar`s under 64: `!#$%&'*+-.` and the digits.
    private static var tokensLow: UInt64 { 0x3ff_6cfa_0000_0000 }
    /// Bits of the `tchar`s from 64: letters, `^_|~` and the backquote.
    private static var tokensHigh: UInt64 { 0x57ff_ffff_c7ff_fffe }
}

extension Collection where Element == UInt8 {
    /// Whether these are the bytes of `text` (given in lower case), letters of either case.
    func isCaseInsensitively(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { wanted in zip(self, wanted).allSatisfy { $0.lowered == $1 } }
    }

    /// Elements of a comma-separated list, without spaces and tabs around them; empty elements are left out.
    var commaSeparated: [SubSequence] {
        split(separator: UInt8(ascii: ",")).map(\.trimmed).filter { !$0.isEmpty }
    }
}

extension Collection where Element == UInt8, SubSequence: Collection {
    /// Without the spaces and tabs at both ends.
    var trimmed: SubSequence {
        var result = self[...]
        while let first = result.first, first == 0x20 || first == 0x09 { result = result.dropFirst() }
        while result.count > 0 {
            let last = result[result.index(result.startIndex, offsetBy: result.count - 1)]
            guard last == 0x20 || last == 0x09 else { break }
            result = result.dropLast()
        }
        return result
    }
}
