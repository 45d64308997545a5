package import BerthModel
import Synchronization

/// Which digests a client was told "exists" of lately: it will not upload them, and names them in a manifest soon (G2).
///
/// In memory, so that a HEAD writes nothing; the collector waits out a whole lease after each start (G4). Two generations
/// bound it: when the younger is full it becomes the older, and what was the older is forgotten.
package final class Leases: Sendable {
    private struct Generations {
        var younger: [Digest: ContinuousClock.Instant] = [:]
        var older: [Digest: ContinuousClock.Instant] = [:]
    }
    private let capacity: Int
    private let promised = Mutex(Generations())

    package init(capacity: Int) { self.capacity = capacity }

    /// Notes the promise before the state of the content is read, so that no sweep can come between.
    package func promise(_ digest: Digest) {
        let now = ContinuousClock.now
        let forgotten = promised.withLock { promised -> [Digest: ContinuousClock.Instant] in
            promised.younger[digest] = now
            guard promised.younger.count > capacity / 2 else { return [:] }
            let forgotten = promised.older
            promised.older = promised.younger
            promised.younger = [:]
            return forgotten
        }
        withExtendedLifetime(forgotten) {}  // freed here, outside the lock
    }

    /// Nothing was promised after all: the content is not here. Questions for what nobody has must not push out others.
    package func withdraw(_ digest: Digest) {
        promised.withLock { promised in
            promised.younger[digest] = nil
            promised.older[digest] = nil
        }
    }

    /// When `digest` was last promised, nil if not since the start or too long ago to matter.
    package func lastPromise(of digest: Digest) -> ContinuousClock.Instant? {
        promised.withLock { $0.younger[digest] ?? $0.older[digest] }
    }
}
