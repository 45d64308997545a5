import BerthBlobs
import BerthDigest
import BerthModel
import NIOCore
import Synchronization

/// Content of which every byte depends on its place and on a seed.
struct Sample: Sendable {
    let bytes: [UInt8]

    init(_ count: Int, seed: Int = 1) {
        var state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        bytes = (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state)
        }
    }

    init(bytes: [UInt8]) { self.bytes = bytes }

    var size: Int64 { Int64(bytes.count) }

    func digest(_ algorithm: Digest.Algorithm = .sha256) throws -> Digest {
        try bytes.withUnsafeBytes { try Digest.of($0, algorithm) }
    }

    /// The bytes from `start` on, in batches of `size` bytes, each in several buffers.
    func batches(from start: Int64 = 0, of size: Int = 64 << 10) -> [[ByteBuffer]] {
        stride(from: Int(start), to: bytes.count, by: size).map { from in
            let batch = bytes[from..<min(from + size, bytes.count)]
            return stride(from: batch.startIndex, to: batch.endIndex, by: 10_000).map { from in
                ByteBuffer(bytes: batch[from..<min(from + 10_000, batch.endIndex)])
            }
        }
    }

    func staged() throws -> StagedContent {
        StagedContent(digest: try digest(), size: size, source: .bytes(bytes))
    }

    func staged(_ id: UploadID) throws -> StagedContent {
        StagedContent(digest: try digest(), size: size, source: .sealed(id))
    }
}

/// Bytes that arrive as fast as they are read, in pieces that do not fill the reader's buffer.
final class ScriptedInput: DirectInput {
    private let bytes: Mutex<ArraySlice<UInt8>>
    private let endless: Bool
    private let onRead: @Sendable () -> Void

    /// With `endless` the last piece comes for ever.
    init(_ sample: Sample, from start: Int = 0, endless: Bool = false, onRead: @escaping @Sendable () -> Void = {}) {
        bytes = Mutex(sample.bytes[start...])
        self.endless = endless
        self.onRead = onRead
    }

    func read(into buffer: inout ByteBuffer, waiting milliseconds: Int) -> [ByteBuffer]? {
        onRead()
        return bytes.withLock { bytes in
            guard !bytes.isEmpty else { return nil }
            buffer.clear()
            let piece = bytes.prefix(min(100_000, buffer.writableBytes))
            buffer.writeBytes(piece)
            if !endless || piece.count < bytes.count { bytes = bytes.dropFirst(piece.count) }
            return [buffer]
        }
    }

    func giveBack() { bytes.withLock { $0 = [] } }
    var isGivenBack: Bool { bytes.withLock { $0.isEmpty } }
}

extension UploadID {
    private static let random = Mutex(SystemRandomNumberGenerator())

    static func new() -> UploadID {
        random.withLock { UploadID(startedMilliseconds: 1_700_000_000_000, using: &$0) }
    }
}

extension BlobWrite {
    /// Appends all of `sample` that is not there yet.
    func append(_ sample: Sample) async throws(BlobError) {
        for batch in sample.batches(from: offset) { try await append(batch) }
    }
}

extension OpenFile {
    /// All bytes of the file.
    func bytes() throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(size) + 1)
        let count = try bytes.withUnsafeMutableBytes { try SystemFiles().read(descriptor, $0, at: 0) }
        return Array(bytes[..<count])
    }
}

extension BlobContent {
    func bytes() throws -> [UInt8] {
        switch self {
        case .file(let file): try file.bytes()
        case .bytes(let buffer): Array(buffer.readableBytesView)
        }
    }
}

extension BlobStore {
    /// Uploads and seals `sample`.
    func seal(_ sample: Sample, as id: UploadID = .new()) async throws -> UploadID {
        let write = try await upload(id, .sha256)
        try await write.append(sample)
        try await write.seal()
        await write.close()
        return id
    }

    /// Settles one, or throws its error.
    func settle(_ content: StagedContent) async throws {
        guard let result = await settle([content])[content.digest] else { throw BlobError.absent }
        try result.get()
    }

    /// Uploads, seals and settles `sample`.
    func put(_ sample: Sample) async throws {
        try await settle(sample.staged(try await seal(sample)))
    }

    func read(_ sample: Sample) async throws -> [UInt8] {
        try await open(sample.digest(), size: sample.size).bytes()
    }
}
