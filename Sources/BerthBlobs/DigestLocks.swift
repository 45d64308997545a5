import BerthModel
import Synchronization

/// One at a time for each digest: a name is given and taken away in turn, in the order of asking.
final class DigestLocks: Sendable {
    /// Held digests and who waits for them.
    private let held = Mutex<[Digest: [CheckedContinuation<Void, Never>]]>([:])

    /// Holds all of `digests` while `body` runs. They are taken in byte order, so that two batches never wait for each
    /// other.
    func withLocks<Value>(
        _ digests: Set<Digest>, _ body: () async throws(BlobError) -> Value
    ) async throws(BlobError) -> Value {
        let ordered = digests.sorted { precedesInBytes($0.text, $1.text) }
        for digest in ordered { await take(digest) }
        defer { for digest in ordered { release(digest) } }
        return try await body()
    }

    private func take(_ digest: Digest) async {
        await withCheckedContinuation { continuation in
            let isFree = held.withLock { held in
                guard held[digest] != nil else {
                    held[digest] = []
                    return true
                }
                held[digest]?.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    private func release(_ digest: Digest) {
        let next = held.withLock { held -> CheckedContinuation<Void, Never>? in
            guard let waiting = held[digest], !waiting.isEmpty else {
                held[digest] = nil
                return nil
            }
            return held[digest]?.removeFirst()
        }
        next?.resume()
    }
}
