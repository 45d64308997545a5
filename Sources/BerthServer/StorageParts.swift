import BerthBlobs
import BerthCatalog
import BerthConfig
import BerthDigest
import BerthModel
import BerthRegistry
import Logging

/// What stands on the disk, opened: the root's lock, the store and the catalog.
struct StorageParts: Sendable {
    let root: StoreRoot
    let store: FileBlobStore
    let catalog: Catalog
    let sealKey: SealKey

    static func open(_ configuration: Configuration, logger: Logger) async throws -> StorageParts {
        let storage = configuration.storage
        let root = try StoreRoot(storage.root, id: storage.id, reserve: Int64(storage.reserveBytes))
        let never = storage.sync == .never
        if never { logger.warning("storage.sync is never: a power cut may lose acknowledged pushes") }
        let store = try await FileBlobStore(
            root: root, options: FileBlobStoreOptions(sync: never ? .never : .always))
        var settings = CatalogSettings()
        settings.registryID = root.id
        let catalog = try await Catalog.open(
            path: root.path + "/berth.db", snapshots: root.path + "/snapshots", sync: never ? .never : .always,
            settings: settings)
        let parts = StorageParts(root: root, store: store, catalog: catalog, sealKey: try SealKeyFile.load(folder: root.path + "/keys"))
        try await Recovery(store: store, catalog: catalog, logger: logger).run()
        return parts
    }

    func close(_ log: Logger) async {
        do {
            try await catalog.close()
            try await root.markClean()
        } catch {
            log.error("not closed cleanly; the next start checks more", metadata: ["cause": "\(error)"])
        }
    }
}
