import BerthDigest
import BerthModel

/// Reads a file from its start and hashes it, a turn at a time: whoever shares the thread is served in between.
struct HashedReading: ~Copyable {
    /// How much is read in one turn, in bytes.
    private static let turn: Int64 = 4 << 20
    private static let bufferSize = 256 << 10

    private(set) var hasher: ContentHasher
    /// Bytes read and hashed.
    private(set) var offset: Int64 = 0

    init(_ algorithm: Digest.Algorithm) throws(HashError) {
        hasher = try ContentHasher(algorithm)
    }

    /// Reads on for a turn, and no further than `end`. `.stale` if the file ends before that.
    mutating func readOn(_ descriptor: CInt, to end: Int64, _ files: any FileOperations) throws(SystemError) {
        guard offset < end else { return }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferSize, alignment: 4_096)
        defer { buffer.deallocate() }
        let stop = min(end, offset + Self.turn)
        while offset < stop {
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(stop - offset, Int64(buffer.count)))])
            guard try files.readAll(descriptor, part, at: offset) == part.count else {
                throw SystemError(.read, .stale)
            }
            do {
                try hasher.update(UnsafeRawBufferPointer(part))
            } catch { throw SystemError(.read, .stale) }
            offset += Int64(part.count)
        }
    }

    consuming func takeHasher() -> ContentHasher { hasher }
}
