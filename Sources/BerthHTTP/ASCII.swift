#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// Names and numbers of the protocol are ASCII and are looked at as bytes.

extension UInt8 {
    var isASCIIDigit: Bool { self >= 0x30 && self <= 0x39 }

    /// `tchar` of RFC 9110 §5.6.2.
    var isToken: Bool {
        self < 128 && (self < 64 ? Self.tokensLow : Self.tokensHigh) >> UInt64(self & 63) & 1 == 1
    }

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

extension UnsafeRawBufferPointer {
    /// Where the first `byte` is, from `start` on. By memchr(3), which looks at many bytes at once.
    func offset(of byte: UInt8, from start: Int = 0) -> Int? {
        guard start < count, let base = baseAddress,
            let found = memchr(base + start, CInt(byte), count - start)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// The bytes of `range`, counted from this buffer's start.
    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self[range]) }

    /// Whether a field's value may hold these bytes: RFC 9110 §5.5, with tabs.
    var isFieldContent: Bool {
        hasNone { byte in
            let isControl: UInt8 = byte < 0x20 ? 1 : 0
            let isNoTab: UInt8 = byte == 0x09 ? 0 : 1
            let isDelete: UInt8 = byte == 0x7f ? 1 : 0
            return isControl & isNoTab | isDelete
        }
    }

    /// Whether a target may hold these bytes: visible ASCII but for `#`, which begins a fragment and is never sent.
    var isTarget: Bool {
        hasNone { byte in
            let isLow: UInt8 = byte <= 0x20 ? 1 : 0
            let isHigh: UInt8 = byte >= 0x7f ? 1 : 0
            let isFragment: UInt8 = byte == UInt8(ascii: "#") ? 1 : 0
            return isLow | isHigh | isFragment
        }
    }

    /// Whether `refused` is 0 for all bytes and not 1. Neither the loop nor `refused` branches, so that the compiler makes
    /// it look at many bytes at once.
    private func hasNone(_ refused: (UInt8) -> UInt8) -> Bool {
        var found: UInt8 = 0
        for byte in self { found |= refused(byte) }
        return found == 0
    }
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
