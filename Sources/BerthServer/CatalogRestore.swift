import BerthBlobs
import BerthCatalog
import BerthRegistry
import Glibc
import Logging

/// Brings a snapshot back before anything is served, under the root's lock. What is there is kept as a snapshot itself.
struct CatalogRestore {
    let root: StoreRoot
    let store: FileBlobStore
    let log: Logger
    /// Opens the catalog that is there.
    let openCatalog: () async throws -> Catalog

    var swap: CatalogSwap { CatalogSwap(catalog: root.catalogPath, snapshots: root.snapshotsPath) }

    /// Throws where the snapshot or the present catalog is no good for it; then nothing has changed unless the exchange is
    /// decided, and nothing may be served if it is.
    func run(_ order: RestoreOrder) async throws {
        guard let snapshot = try swap.find(order.snapshot) else {
            throw RestoreError.noSnapshot(order.snapshot, root: root.path)
        }
        let clock = SystemClock()
        let mark = ClosedMark(root)
        var purges = try PurgeList(path: root.purgeListPath).entries()
        var present: PresentCatalog
        if let catalog = try await openPresent() {
            (present, purges) = try await keep(catalog, adding: purges)
        } else {
            try swap.keepUnreadable(wall: clock.wall())
            present = PresentCatalog(snapshots: try swap.list(), isClosed: false)
        }
        // A registry with accounts does not become open because an older catalog knows none.
        present.isClosed = present.isClosed || mark.isSet
        try swap.decide(
            on: snapshot, registryID: root.id, replacing: present, purges: purges, by: order.restorer,
            wall: clock.wall())
        RestoreOrder.remove(from: root.path)
        do { try swap.finish() } catch { throw RestoreError.stopped("\(error)") }
        log.notice("a snapshot is brought back", metadata: ["snapshot": "\(snapshot.name)"])
    }

    /// Nil where the catalog is gone or damaged. Any other trouble is thrown.
    private func openPresent() async throws -> Catalog? {
        guard isThere(root.catalogPath) else { return nil }
        do {
            let catalog = try await openCatalog()
            try await Recovery(store: store, catalog: catalog, logger: log).run(mayHaveLost: root.uncleanPowerLoss)
            return catalog
        } catch let error as CatalogError {
            guard case .damaged = error else { throw error }
            log.error(
                "the present catalog cannot be opened, and is kept as it is", metadata: [LogKey.cause: "\(error)"])
            return nil
        }
    }

    private func isThere(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_size > 0
    }

    private func keep(
        _ catalog: Catalog, adding listed: [PurgeEntry]
    ) async throws -> (PresentCatalog, [PurgeEntry]) {
        do {
            // Finished uploads get their place, for the catalog that comes does not know them.
            await Settler(store: store, catalog: catalog, logger: log).settleAll()
            var (present, kept) = try await catalog.keepBeforeRestore()
            let known = try await catalog.purges(limit: .max).map(\.entry)
            try await catalog.close()
            present.kept = kept
            (present.seq, present.registryTime) = (catalog.statistics.seq, catalog.registryTime())
            log.notice("the present catalog is kept", metadata: ["snapshot": "\(kept.name)"])
            return (present, known.reversed() + listed)
        } catch {
            let stopped = catalog.stopped
            try? await catalog.close()
            // What the disk holds is not known: only another process reads it anew.
            if let stopped { throw RestoreError.stopped(stopped) }
            throw error
        }
    }
}

/// Why a snapshot is not brought back.
package enum RestoreError: Error, CustomStringConvertible {
    case noSnapshot(String, root: String)
    case cannotRestart
    /// What is on the disk is not known, or half exchanged: only the next start may go on.
    case stopped(String)

    package var description: String {
        switch self {
        case .noSnapshot("latest", let root): "There is no snapshot in \(root)/snapshots."
        case .noSnapshot(let name, let root): "There is no snapshot \(name) in \(root)/snapshots that can be read."
        case .cannotRestart: "The server did not come back."
        case .stopped(let reason): "The restore is not finished, start again: \(reason)."
        }
    }
}
