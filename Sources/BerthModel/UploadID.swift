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
        self.text = String(unsafeUninitializedCapacity: 36) { text in
            var at = 0
            for index in 0..<32 {
                if index == 8 || index == 12 || index == 16 || index == 20 {
                    text.initializeElement(at: at, to: UInt8(ascii: "-"))
                    at += 1
                }
                let word = index < 16 ? high : low
                let nibble = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (index % 16))) & 15
                text.initializeElement(at: at, to: lowerHexDigit(nibble))
                at += 1
            }
            return at
        }
    }

    /// Nil unless `text` is the one spelling of a version 7 UUID.
    package init?(_ text: String) {
        let bytes = text.utf8.span
        guard bytes.count == 36, bytes[14] == UInt8(ascii: "7") else { return nil }
        guard bytes[19].isDigit ? bytes[19] >= UInt8(ascii: "8") : bytes[19] <= UInt8(ascii: "b") else { return nil }
        var time: Int64 = 0
        for index in bytes.indices {
            let byte = bytes[index]
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard byte.isLowerHexDigit else { return nil }
            if index < 13 { time = time << 4 | Int64(byte.isDigit ? byte - 48 : byte - 87) }
        }
        self.text = text
        self.startedMilliseconds = time
    }
}
