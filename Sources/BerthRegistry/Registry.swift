package import BerthBlobs
package import BerthCatalog
package import BerthDigest
import BerthModel
package import Logging

/// The registry itself: what every way in (HTTP, command line, mirror) goes through. A rule that must always hold is
/// here, once. Knows no HTTP, no SQL and no paths.
package final class Registry: Sendable {
    package let settings: RegistrySettings
    package let access: any AccessPolicy
    package let catalog: Catalog
    package let store: any BlobStore
    package let settler: Settler
    let seals: UploadSeals
    let sessions: UploadSessions
    let quota: UploadQuota
    let manifestBytes: ManifestCache
    let purgeTurn = Turn()
    let clock: any WallClock
    let log: Logger

    package init(
        store: any BlobStore, catalog: Catalog, access: any AccessPolicy, sealKey: SealKey, settings: RegistrySettings,
        clock: any WallClock = SystemWallClock(), logger: Logger
    ) {
        self.settings = settings
        self.access = access
        self.catalog = catalog
        self.store = store
        self.settler = Settler(store: store, catalog: catalog, logger: logger)
        self.seals = UploadSeals(key: sealKey)
        self.sessions = UploadSessions()
        self.quota = UploadQuota(mostUploads: settings.openUploads, mostBytes: settings.openUploadBytes)
        self.manifestBytes = ManifestCache(capacity: settings.manifestCacheBytes)
        self.clock = clock
        self.log = logger
    }
}

/// What the operator can choose about the registry's behaviour.
package struct RegistrySettings: Sendable {
    /// Age after which an upload that was never finished is forgotten.
    package var uploadMaxAge: Duration = .seconds(24 * 3600)
    /// Unfinished uploads with bytes that one principal may have (without accounts: one address), and their bytes.
    package var openUploads = 100
    package var openUploadBytes: Int64 = 1 << 40
    /// Whether an index may be pushed before its entries.
    package var sparseIndexes = false
    /// Whether content that manifests refer to may be deleted from under them.
    package var deletesReferenced = false
    /// Whether the manifests that only a deleted index held stay after it.
    package var keepsChildren = false
    /// Whether what refers to a deleted manifest as its subject stays after it.
    package var keepsReferrers = false
    /// Manifests kept in memory, in bytes.
    package var manifestCacheBytes = 64 << 20

    package init() {}
}

/// The time that people read, in milliseconds since 1970. Nothing durable is decided by it but an upload's age.
package protocol WallClock: Sendable {
    func milliseconds() -> Int64
}
