/// base64url without padding (RFC 4648, section 5).
package enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    package static func encode(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: (bytes.count * 4 + 2) / 3) { text in
            var bits: UInt32 = 0
            var count = 0
            var at = 0
            for byte in bytes {
                bits = bits << 8 | UInt32(byte)
                count += 8
                while count >= 6 {
                    count -= 6
                    text.initializeElement(at: at, to: alphabet[Int(bits >> UInt32(count) & 63)])
                    at += 1
                }
            }
            if count > 0 {
                text.initializeElement(at: at, to: alphabet[Int(bits << UInt32(6 - count) & 63)])
                at += 1
            }
            return at
        }
    }

    /// Nil for other characters, and for text that `encode` would not give.
    package static func decode(_ text: Substring.UTF8View) -> [UInt8]? {
        let characters = text.span
        guard characters.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count * 3 / 4)
        var bits: UInt32 = 0
        var count = 0
        for index in characters.indices {
            guard let value = value(of: characters[index]) else { return nil }
            bits = (bits << 6 | value) & 0xFFFF
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        let strayBits = bits & (1 << UInt32(count) - 1)
        return strayBits == 0 ? bytes : nil
    }

    package static func decode(_ text: Substring) -> [UInt8]? { decode(text.utf8) }
    package static func decode(_ text: String) -> [UInt8]? { decode(text[...].utf8) }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
