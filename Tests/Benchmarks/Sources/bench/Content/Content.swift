import Glibc

/// A blob that needs no memory: the pattern, again and again, and 64 bytes of its own at the end. Its digest costs one
/// block, since the running hash of everything before the end is kept (`Digests`).
struct Content {
    static let tailBytes = 64
    /// At least `tailBytes`.
    let size: Int
    /// With `number` it makes the content unlike every other of its size.
    let series: UInt64
    let number: UInt64

    var prefixBytes: Int { size - Self.tailBytes }

    /// Writes the last `tailBytes`.
    func writeTail(to target: UnsafeMutablePointer<UInt8>) {
        Hex.write(series, to: target)
        Hex.write(number, to: target + 16)
        memset(target + 32, 0x2e, Self.tailBytes - 32)
    }

    /// Writes all of it.
    func write(to target: UnsafeMutablePointer<UInt8>) {
        var done = 0
        while done < prefixBytes {
            let length = min(Pattern.bytes, prefixBytes - done)
            memcpy(target + done, Pattern.base, length)
            done += length
        }
        writeTail(to: target + prefixBytes)
    }

    /// Whether `received` is what stands at `offset`.
    func matches(_ received: UnsafePointer<UInt8>, _ count: Int, at offset: Int) -> Bool {
        guard offset + count <= size else { return false }
        let ofPrefix = max(0, min(count, prefixBytes - offset))
        guard Pattern.matches(received, ofPrefix, at: offset) else { return false }
        guard ofPrefix < count else { return true }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.tailBytes) { tail in
            guard let base = tail.baseAddress else { return false }
            writeTail(to: base)
            return memcmp(received + ofPrefix, base + (offset + ofPrefix - prefixBytes), count - ofPrefix) == 0
        }
    }

    /// `sha256:…`
    var digest: String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { hex in
            guard let base = hex.baseAddress else { return "" }
            Digests.write(self, to: base)
            return "sha256:" + String(decoding: hex, as: UTF8.self)
        }
    }
}

/// Lower-case hexadecimal.
enum Hex {
    private static let digits: StaticString = "0123456789abcdef"

    static func write(_ number: UInt64, to target: UnsafeMutablePointer<UInt8>) {
        for index in 0..<16 { target[index] = digits.utf8Start[Int(number >> UInt64(60 - 4 * index)) & 15] }
    }

    static func write(_ bytes: UnsafePointer<UInt8>, _ count: Int, to target: UnsafeMutablePointer<UInt8>) {
        for index in 0..<count {
            target[2 * index] = digits.utf8Start[Int(bytes[index] >> 4)]
            target[2 * index + 1] = digits.utf8Start[Int(bytes[index] & 15)]
        }
    }
}
