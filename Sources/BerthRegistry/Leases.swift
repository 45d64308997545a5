package import BerthModel
import Synchronization

/// Which digests a client was told "exists" of lately: it will not upload them, and names them in a manifest soon (G2).
///
/// In memory, so that a HEAD writes nothing; the collector waits out a whole lease after each start (G4).
package final class Leases: Sendable {
    private let capacity: Int
    private let promised = Mutex<[Digest: ContinuousClock.Instant]>([:])

    package init(capacity: Int) { self.capacity = capacity }

    /// Notes the promise before the state of the content is read, so that no sweep can come between.
    package func promise(_ digest: Digest) {
        let now = ContinuousClock.now
        promised.withLock { promised in
            promised[digest] = now
            if promised.count > capacity { forgetOlderHalf(&promised, now: now) }
        }
    }

    /// When `digest` was last promised, nil if not since the start or too long ago to matter.
    package func lastPromise(of digest: Digest) -> ContinuousClock.Instant? {
        promised.withLock { $0[digest] }
    }

    /// Bounded by forgetting the older half, a rare and linear step.
    private func forgetOlderHalf(_ promised: inout [Digest: ContinuousClock.Instant], now: ContinuousClock.Instant) {
        let ages = promised.values.sorted()
        let middle = ages[ages.count / 2]
        promised = promised.filter { $0.value >= middle }
    }
}
