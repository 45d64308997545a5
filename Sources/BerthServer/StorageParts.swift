import BerthAccess
import BerthBlobs
import BerthCatalog
import BerthCollector
import BerthConfig
import BerthDigest
import BerthRegistry
import Logging

/// What stands on the disk, opened: the root's lock, the store and the catalog.
struct StorageParts: Sendable {
    let root: StoreRoot
    let store: FileBlobStore
    let catalog: Catalog
    let sealKey: SealKey
    /// What was brought back by this opening.
    var restored: RestoreOrder?

    /// - Parameter restoring: a snapshot that is to be brought back first. Without one, what a server has left to be restored
    ///   at its next start is.
    static func open(
        _ configuration: Configuration, _ observability: Observability, _ log: Logger, restoring: RestoreOrder? = nil
    ) async throws -> StorageParts {
        let storage = configuration.storage
        let never = storage.sync == .never
        let root = try StoreRoot(path: storage.root, id: storage.id, sync: never ? .never : .always)
        try CatalogSwap(catalog: root.catalogPath, snapshots: root.snapshotsPath).finish()
        let pending = restoring == nil ? RestoreOrder.pending(in: root.path) : nil
        if restoring == nil, pending == nil { try ClosedMark(root).checkCatalog(root) }
        let store = try await FileBlobStore(
            root: root.path,
            options: FileBlobStoreOptions(sync: never ? .never : .always, reserve: Int64(storage.reserveBytes)))
        let settings = CatalogSettings(configuration, root, observability, log)
        func openCatalog() async throws -> Catalog {
            try await Catalog.open(
                path: root.catalogPath, snapshots: root.snapshotsPath, sync: never ? .never : .always,
                settings: settings)
        }
        let restore = CatalogRestore(root: root, store: store, log: log, openCatalog: openCatalog)
        var restored: RestoreOrder?
        if let restoring {
            try await restore.run(restoring)
            restored = restoring
        }
        if let pending {
            do {
                try await restore.run(pending)
                restored = pending
            } catch {
                if restore.swap.isDecided { throw error }
                if case RestoreError.stopped = error { throw error }
                log.error("no snapshot was brought back", metadata: [LogKey.cause: "\(error)"])
                RestoreOrder.remove(from: root.path)
            }
            try ClosedMark(root).checkCatalog(root)
        }
        let catalog = try await openCatalog()
        do {
            let parts = StorageParts(
                root: root, store: store, catalog: catalog, sealKey: try SealKeyFile.load(folder: root.keysPath),
                restored: restored)
            try await parts.recover(log)
            return parts
        } catch {
            try? await catalog.close()
            throw error
        }
    }

    /// Finishes what an earlier process has left, and what a restored or exchanged catalog does not know.
    private func recover(_ log: Logger) async throws {
        try await Recovery(store: store, catalog: catalog, logger: log).run(mayHaveLost: root.uncleanPowerLoss)
        if root.uncleanPowerLoss { try root.markRecovered() }
        // Before anything settles: what is purged gets no file.
        try await Purger(store: store, catalog: catalog, logger: log).finishAll()
        guard let restored = try await catalog.lastRestoration(), !restored.isChecked else { return }
        await Settler(store: store, catalog: catalog, logger: log).settleAll()
        try await RestoreCheck(catalog: catalog, store: store, logger: log).run()
    }

    /// The accounts, unless they were lost.
    func openAccess(
        _ configuration: Configuration, clock: any WallClock = SystemWallClock(), fetch: KeyFetch? = nil, _ log: Logger
    ) async throws -> Access {
        let mark = ClosedMark(root)
        let access = try await Access.open(
            catalog, settings: AccessSettings(configuration, registry: root.id), clock: clock, logger: log,
            markClosed: { try mark.set() }, fetch: fetch)
        try mark.check(isClosed: access.isClosed)
        if let restored {
            await access.note("restore", restored.snapshot, "", by: Actor(name: restored.restorer, address: "local"))
        }
        return access
    }

    func registry(
        _ configuration: Configuration, _ access: Access, clock: any WallClock = SystemWallClock(), _ log: Logger
    ) -> Registry {
        Registry(
            store: store, catalog: catalog, access: access, sealKey: sealKey,
            settings: RegistrySettings(configuration), clock: clock, logger: log)
    }

    func collector(_ configuration: Configuration, _ log: Logger) -> Collector {
        Collector(
            catalog: catalog, store: store, interval: configuration.collector.interval,
            pace: Pace(budget: configuration.collector.budget), logger: log)
    }

    func close(_ log: Logger) async {
        do {
            try await catalog.close()
            try root.markClean()
        } catch {
            log.error("not closed cleanly; the next start checks more", metadata: [LogKey.cause: "\(error)"])
        }
    }
}

extension CatalogSettings {
    fileprivate init(
        _ configuration: Configuration, _ root: StoreRoot, _ observability: Observability, _ log: Logger
    ) {
        self.init()
        registryID = root.id
        purgeList = PurgeList(path: root.purgeListPath)
        terms = CollectionTerms(
            lease: configuration.collector.lease, window: configuration.collector.window,
            longestUpload: configuration.upload.maxAge)
        stopped = { log.critical("the catalog has stopped writing", metadata: [LogKey.cause: "\($0)"]) }
        committed = { [commits = observability.commits] in commits.committed(closures: $0) }
    }
}
