// Names are compared and checked as bytes: String's == is canonical equivalence, and a Character can be many scalars.

extension UInt8 {
    package var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
    package var isLowerLetter: Bool { self >= UInt8(ascii: "a") && self <= UInt8(ascii: "z") }
    package var isUpperLetter: Bool { self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") }
    package var isLetter: Bool { isLowerLetter || isUpperLetter }
    package var isLowerHexDigit: Bool { isDigit || (self >= UInt8(ascii: "a") && self <= UInt8(ascii: "f")) }
    /// An upper-case letter made lower; any other byte as it is.
    package var asciiLowercased: UInt8 { isUpperLetter ? self + 0x20 : self }

    /// The value of a hexadecimal digit of either case.
    var hexDigitValue: UInt8? {
        if isDigit { return self - UInt8(ascii: "0") }
        let lower = asciiLowercased
        return lower.isLowerHexDigit ? lower - UInt8(ascii: "a") + 10 : nil
    }
}

extension Span where Element == UInt8 {
    package func firstIndex(of byte: UInt8) -> Int? { withUnsafeBufferPointer { $0.firstIndex(of: byte) } }

    package func lastIndex(of byte: UInt8) -> Int? { withUnsafeBufferPointer { $0.lastIndex(of: byte) } }

    package func starts(with text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        return withUnsafeBufferPointer { bytes in
            text.withUTF8Buffer { wanted in
                for index in wanted.indices where bytes[index] != wanted[index] { return false }
                return true
            }
        }
    }
}

extension Substring {
    /// What stands before the first `byte`, an ASCII character, and behind it; nothing is behind where there is none.
    package func cut(at byte: UInt8) -> (before: Substring, after: Substring?) {
        guard let offset = utf8.span.firstIndex(of: byte) else { return (self, nil) }
        let index = utf8.index(startIndex, offsetBy: offset)
        return (self[..<index], self[utf8.index(after: index)...])
    }
}

extension String {
    /// Nil if they are not UTF-8. Most texts that clients send are ASCII, which needs no decoder.
    package init?(utf8 bytes: UnsafeRawBufferPointer) {
        if bytes.allSatisfy({ $0 < 0x80 }) {
            self = String(decoding: bytes, as: UTF8.self)
        } else {
            self.init(validating: bytes, as: UTF8.self)
        }
    }
}

/// Whether `a` comes before `b` in byte order, the order of every list of the API.
package func precedesInBytes(_ a: String, _ b: String) -> Bool {
    let a = a.utf8.span
    let b = b.utf8.span
    for index in 0..<min(a.count, b.count) where a[index] != b[index] { return a[index] < b[index] }
    return a.count < b.count
}

/// Whether both are the same bytes, which String's == does not say.
package func hasSameBytes(_ a: String, _ b: String) -> Bool {
    let a = a.utf8.span
    let b = b.utf8.span
    guard a.count == b.count else { return false }
    for index in a.indices where a[index] != b[index] { return false }
    return true
}

func lowerHexDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
}

/// Two hexadecimal digits.
func hexText(_ byte: UInt8) -> String {
    String(decoding: [lowerHexDigit(byte >> 4), lowerHexDigit(byte & 15)], as: UTF8.self)
}

/// A client's text inside a message, cut so that an answer stays short whatever was sent.
func quoted(_ text: String) -> String {
    let shown = text.unicodeScalars.prefix(100)
    return shown.endIndex == text.unicodeScalars.endIndex ? "\"\(text)\"" : "\"\(String(shown))…\""
}
