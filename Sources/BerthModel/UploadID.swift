/// The name of an upload: a UUID of version 7, whose first 48 bits are the time of its start (RFC 9562, section 5.7).
package struct UploadID: Hashable, Sendable, CustomStringConvertible {
    /// 36 characters, lower case.
    package let text: String
    package var description: String { text }

    /// When the upload was started, in milliseconds since 1970.
    package let startedMilliseconds: Int64

    /// A new id for an upload that starts at `milliseconds` since 1970; `random` gives the other 74 bits.
    package init(startedMilliseconds milliseconds: Int64, using random: inout some RandomNumberGenerator) {
        let time = UInt64(truncatingIfNeeded: milliseconds) & 0xFFFF_FFFF_FFFF
        let high = time << 16 | 0x7000 | random.next() & 0xFFF
        let low = random.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        self.startedMilliseconds = Int64(time)
        var text = ""
        text.reserveCapacity(36)
        for index in 0..<32 {
            if index == 8 || index == 12 || index == 16 || index == 20 { text.append("-") }
            let word = index < 16 ? high : low
            let nibble = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (index % 16))) & 15
            text.unicodeScalars.append(Unicode.Scalar(lowerHexDigit(nibble)))
        }
        self.text = text
    }

    /// Nil unless `text` is the one spelling of a version 7 UUID.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count == 36, bytes[14] == UInt8(ascii: "7") else { return nil }
        guard [UInt8(ascii: "8"), UInt8(ascii: "9"), UInt8(ascii: "a"), UInt8(ascii: "b")].contains(bytes[19])
        else { return nil }
        var time: Int64 = 0
        for (index, byte) in bytes.enumerated() {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard byte.isLowerHexDigit else { return nil }
            if index < 13 { time = time << 4 | Int64(byte.isDigit ? byte - 48 : byte - 87) }
        }
        self.text = String(text)
        self.startedMilliseconds = time
    }
}
