import BerthAdmin
import BerthBlobs

extension DiskUsage {
    init(_ root: RootUsage) {
        self.init(
            catalog: root.catalog, log: root.log, snapshots: root.snapshots, snapshotBytes: root.snapshotBytes,
            uploads: root.uploads, uploadBytes: root.uploadBytes, sealedBytes: root.sealedBytes, free: root.free)
    }
}

extension StorageParts {
    /// What lies on the disk beside content; nil where that cannot be told at the moment.
    var disk: @Sendable () async -> DiskUsage? {
        { [store] in (try? await store.usage()).map(DiskUsage.init) }
    }
}
