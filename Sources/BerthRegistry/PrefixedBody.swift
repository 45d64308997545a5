import BerthBlobs
import NIOCore
import Synchronization

/// The beginning of a body, read to see whether it is small.
struct BodyPrefix: Sendable {
    var batches: [[ByteBuffer]] = []
    /// Whether the body ended within the limit.
    var isWhole = false

    /// All bytes in one piece.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(batches.reduce(0) { $0 + $1.byteCount })
        for batch in batches { for buffer in batch { bytes.append(contentsOf: buffer.readableBytesView) } }
        return bytes
    }
}

/// A body whose beginning has been read already, as if it had not.
final class PrefixedBody: BodySource {
    private let first: Mutex<[[ByteBuffer]]>
    private let rest: any BodySource
    let length: Int64?

    init(_ batches: [[ByteBuffer]], then rest: any BodySource) {
        self.first = Mutex(batches.reversed())
        self.rest = rest
        self.length = rest.length
    }

    func interrupt() { rest.interrupt() }

    func takeInput() -> (any DirectInput)? { first.withLock { $0.isEmpty } ? rest.takeInput() : nil }

    func next() async throws(BodyFailure) -> [ByteBuffer]? {
        if let batch = first.withLock({ $0.popLast() }) { return batch }
        return try await rest.next()
    }
}

extension Registry {
    /// Reads a body until it ends or is longer than `limit`, or a later request takes the upload over.
    func gather(
        _ body: some BodySource, upTo limit: Int, under claim: UploadClaim
    ) async throws(RegistryError) -> BodyPrefix {
        if let length = body.length, length > limit { return BodyPrefix() }
        claim.interrupt { body.interrupt() }
        var prefix = BodyPrefix()
        var count = 0
        do throws(RegistryError) {
            while let batch = try await body.batch() {
                prefix.batches.append(batch)
                count += batch.byteCount
                if count > limit { return prefix }
            }
        } catch {
            throw claim.isSuperseded ? .superseded : error
        }
        prefix.isWhole = true
        return prefix
    }
}
