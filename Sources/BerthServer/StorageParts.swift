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

    static func open(
        _ configuration: Configuration, _ observability: Observability, _ log: Logger
    ) async throws -> StorageParts {
        let storage = configuration.storage
        let never = storage.sync == .never
        let root = try StoreRoot(path: storage.root, id: storage.id, sync: never ? .never : .always)
        try ClosedMark(root).checkCatalog(root)
        let store = try await FileBlobStore(
            root: root.path,
            options: FileBlobStoreOptions(sync: never ? .never : .always, reserve: Int64(storage.reserveBytes)))
        var settings = CatalogSettings()
        settings.registryID = root.id
        settings.terms = CollectionTerms(
            lease: configuration.collector.lease, window: configuration.collector.window,
            longestUpload: configuration.upload.maxAge)
        settings.stopped = { log.critical("the catalog has stopped writing", metadata: [LogKey.cause: "\($0)"]) }
        settings.committed = { [commits = observability.commits] in commits.committed(closures: $0) }
        let catalog = try await Catalog.open(
            path: root.catalogPath, snapshots: root.snapshotsPath, sync: never ? .never : .always, settings: settings)
        let parts = StorageParts(
            root: root, store: store, catalog: catalog, sealKey: try SealKeyFile.load(folder: root.keysPath))
        try await Recovery(store: store, catalog: catalog, logger: log).run(mayHaveLost: root.uncleanPowerLoss)
        if root.uncleanPowerLoss { try root.markRecovered() }
        return parts
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
