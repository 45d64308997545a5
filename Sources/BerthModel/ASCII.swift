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

/// Whether `a` comes before `b` in byte order, the order of every list of the API.
package func precedesInBytes(_ a: String, _ b: String) -> Bool {
    a.utf8.lexicographicallyPrecedes(b.utf8)
}

/// Whether both are the same bytes, which String's == does not say.
package func hasSameBytes(_ a: String, _ b: String) -> Bool {
    a.utf8.elementsEqual(b.utf8)
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
