import BerthModel
import HTTPTypes
import Synchronization

/// How much memory manifests that are being pushed may take together: each is collected whole before it is read.
final class ManifestMemory: Sendable {
    private let most: Int
    private let taken = Mutex(0)

    /// `most` in bytes.
    init(most: Int = 128 << 20) { self.most = most }

    /// Runs `work` with `bytes` reserved. Throws 503 where they are not to be had.
    func with<Value: Sendable>(
        _ bytes: Int, _ work: () async throws(Refusal) -> Value
    ) async throws(Refusal) -> Value {
        let isIn = taken.withLock { taken in
            guard taken + bytes <= most else { return false }
            taken += bytes
            return true
        }
        guard isIn else {
            throw Refusal(.serviceUnavailable, .unavailable, "Too many manifests at once; try again shortly.")
                .with(.retryAfter, "1")
        }
        defer { taken.withLock { $0 -= bytes } }
        return try await work()
    }
}
