/// What lies on the disk beside settled content, in bytes.
package struct DiskUsage: Hashable, Sendable {
    package let catalog: Int64
    /// The catalog's write-ahead log.
    package let log: Int64
    package let snapshots: Int
    package let snapshotBytes: Int64
    /// Uploads that go on.
    package let uploads: Int
    package let uploadBytes: Int64
    /// Finished uploads that have not been given their place yet.
    package let sealedBytes: Int64
    /// What the registry may still write to the file system.
    package let free: Int64

    package init(
        catalog: Int64, log: Int64, snapshots: Int, snapshotBytes: Int64, uploads: Int, uploadBytes: Int64,
        sealedBytes: Int64, free: Int64
    ) {
        (self.catalog, self.log, self.snapshots, self.snapshotBytes) = (catalog, log, snapshots, snapshotBytes)
        (self.uploads, self.uploadBytes, self.sealedBytes, self.free) = (uploads, uploadBytes, sealedBytes, free)
    }
}
