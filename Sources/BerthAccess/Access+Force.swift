import Logging
import Synchronization

// A change that is committed counts once the tables are read again. Where that fails, it is tried until it succeeds.

/// Whether all changes are in force.
final class ChangeForce: Sendable {
    /// How many were not brought into force at once, and of how many of these that has been made good.
    private let missing = Atomic(0)
    private let madeGood = Atomic(0)
    let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init() { (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1)) }

    var count: Int { missing.load(ordering: .acquiring) }
    var isWhole: Bool { madeGood.load(ordering: .acquiring) >= count }

    func missed() {
        missing.add(1, ordering: .releasing)
        wake.yield()
    }

    /// All that were missing when there were `count` are in force.
    func made(good count: Int) { madeGood.store(count, ordering: .releasing) }
}

extension Access {
    /// Why accounts are not what they should be; nil while all is well.
    package var trouble: String? {
        force.isWhole ? nil : "accounts were changed, and the change is not in force yet"
    }

    /// Brings into force what could not be read right after it was changed. Runs until cancelled.
    package func keepInForce() async {
        for await _ in force.wakes {
            while !Task.isCancelled, !(await bringIntoForce()) { try? await Task.sleep(for: .seconds(1)) }
        }
    }

    /// False where the tables still cannot be read.
    func bringIntoForce() async -> Bool {
        let count = force.count
        do { try await reload() } catch {
            log.critical("a change to accounts is still not in force", metadata: ["cause": "\(error)"])
            return false
        }
        force.made(good: count)
        log.notice("the changes to accounts are in force")
        return true
    }
}
