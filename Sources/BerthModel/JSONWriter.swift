/// Writes JSON into bytes. The same calls always make the same bytes; no spaces, commas by itself.
///
/// Opening, closing and keys have to be called in a sensible order: that is for the caller (and his tests) to see to.
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    /// Something stands before in the same array or object.
    private var needsComma = false

    package init(reservingCapacity capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    /// Gives away what was written so far. The document goes on behind it.
    package mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    package mutating func beginObject() { begin(UInt8(ascii: "{")) }
    package mutating func endObject() { end(UInt8(ascii: "}")) }
    package mutating func beginArray() { begin(UInt8(ascii: "[")) }
    package mutating func endArray() { end(UInt8(ascii: "]")) }

    /// The key of the value that comes next.
    package mutating func key(_ key: String) {
        string(key)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func string(_ text: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { appendEscaped($0) }
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func int(_ value: some FixedWidthInteger) { raw(String(value).utf8) }
    package mutating func bool(_ value: Bool) { raw((value ? "true" : "false").utf8) }
    package mutating func null() { raw("null".utf8) }

    /// A value that is JSON already; it is not looked at.
    package mutating func raw(_ json: some Sequence<UInt8>) {
        separate()
        bytes.append(contentsOf: json)
    }

    private mutating func begin(_ byte: UInt8) {
        separate()
        bytes.append(byte)
        needsComma = false
    }

    private mutating func end(_ byte: UInt8) {
        bytes.append(byte)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    /// Escapes what RFC 8259, section 7 asks for, and beside it DEL and the control characters from U+0080 to U+009F: people
    /// look at JSON on terminals, which obey them.
    private mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        // Nearly every text stays as it is. Without a branch in the loop the compiler makes it look at many bytes at once.
        var isToEscape: UInt8 = 0
        for byte in text {
            let isControl: UInt8 = byte < 0x20 ? 1 : 0
            let isDelete: UInt8 = byte == 0x7F ? 1 : 0
            let isQuote: UInt8 = byte == UInt8(ascii: "\"") ? 1 : 0
            let isBackslash: UInt8 = byte == UInt8(ascii: "\\") ? 1 : 0
            let mayBeC1: UInt8 = byte == 0xC2 ? 1 : 0
            isToEscape |= isControl | isDelete | isQuote | isBackslash | mayBeC1
        }
        guard isToEscape == 1 else { return bytes.append(contentsOf: text) }
        var start = 0
        for (index, byte) in text.enumerated() {
            // Of U+0080 to U+009F in UTF-8 the first byte is always 0xC2, and the second the number itself.
            let isFirstOfC1 = byte == 0xC2 && index + 1 < text.count && text[index + 1] <= 0x9F
            guard isFirstOfC1 || byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
            else { continue }
            bytes.append(contentsOf: text[start..<index])
            start = index + (isFirstOfC1 ? 2 : 1)
            bytes.append(UInt8(ascii: "\\"))
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
            case UInt8(ascii: "\n"): bytes.append(UInt8(ascii: "n"))
            case UInt8(ascii: "\r"): bytes.append(UInt8(ascii: "r"))
            case UInt8(ascii: "\t"): bytes.append(UInt8(ascii: "t"))
            default:
                let number = isFirstOfC1 ? text[index + 1] : byte
                bytes.append(contentsOf: "u00".utf8)
                bytes.append(lowerHexDigit(number >> 4))
                bytes.append(lowerHexDigit(number & 15))
            }
        }
        bytes.append(contentsOf: text[start...])
    }
}
