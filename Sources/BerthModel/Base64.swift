/// Decodes base64 (RFC 4648, section 4) strictly: padded, no line breaks, no stray bits in the last character, so that
/// every reader decodes the same bytes. Nil for anything else.
package func decodeBase64(_ text: String) -> [UInt8]? {
    let utf8 = text.utf8
    let count = utf8.count
    guard count % 4 == 0 else { return nil }
    guard count > 0 else { return [] }
    let padding = utf8.reversed().prefix { $0 == UInt8(ascii: "=") }.count
    guard padding <= 2 else { return nil }
    var decoded: [UInt8] = []
    decoded.reserveCapacity(count / 4 * 3)
    var bits: UInt32 = 0
    var bitCount = 0
    for byte in utf8.prefix(count - padding) {
        guard let sextet = sextet(byte) else { return nil }
        bits = (bits << 6 | sextet) & 0xFFFF
        bitCount += 6
        if bitCount >= 8 {
            bitCount -= 8
            decoded.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
        }
    }
    let strayBits = bits & (1 << UInt32(bitCount) - 1)
    return strayBits == 0 ? decoded : nil
}

private func sextet(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
}
