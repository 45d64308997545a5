import BerthAPI
import BerthAccess
import BerthBlobs
import BerthCatalog
import Synchronization

/// Whether the server has begun to stop.
package final class DrainGate: Sendable {
    private let draining = Atomic(false)

    package var isDraining: Bool { draining.load(ordering: .relaxed) }
    package func close() { draining.store(true, ordering: .relaxed) }
}

/// Ready means: the store takes a write, the catalog answers, accounts are in force, and no stop has begun.
struct ServerReadiness: Readiness {
    let parts: StorageParts
    let access: Access
    let gate: DrainGate

    func trouble() async -> String? {
        if gate.isDraining { return "stopping" }
        do { try await parts.store.checkWritable() } catch {
            return error == .noSpace ? "the disk is full" : "the store cannot be written"
        }
        if parts.catalog.stopped != nil { return "the catalog has stopped writing: restart the server" }
        if let trouble = access.trouble { return trouble }
        do { try await parts.catalog.check() } catch { return "the catalog does not answer" }
        return nil
    }
}
