/// What lies in a root beside settled content, in bytes, and what there is room for.
package struct RootUsage: Hashable, Sendable {
    package var catalog: Int64 = 0
    /// The catalog's write-ahead log.
    package var log: Int64 = 0
    package var snapshots = 0
    package var snapshotBytes: Int64 = 0
    /// Uploads that go on.
    package var uploads = 0
    package var uploadBytes: Int64 = 0
    /// Uploads that are finished and have not been given their place yet.
    package var sealedBytes: Int64 = 0
    /// What this process may still write to the file system.
    package var free: Int64 = 0
}

extension FileBlobStore {
    /// Looks at a few files, and at those in `uploads/` and `snapshots/`.
    package func usage() async throws(BlobError) -> RootUsage {
        var usage = try await workers.run(.calls) { () throws(BlobError) in
            do throws(SystemError) { return try rootUsage() } catch { throw BlobError(error) }
        }
        for upload in try await uploads() {
            if upload.isSealed {
                usage.sealedBytes += upload.size
            } else {
                usage.uploads += 1
                usage.uploadBytes += upload.size
            }
        }
        return usage
    }

    private func rootUsage() throws(SystemError) -> RootUsage {
        let root = folders.root
        var usage = RootUsage()
        usage.free = try files.freeSpace(root.descriptor)
        usage.catalog = try size(of: "berth.db", in: root) ?? 0
        usage.log = try size(of: "berth.db-wal", in: root) ?? 0
        let snapshots: Folder
        do { snapshots = try root.folder("snapshots") } catch  where error.errno == .notThere { return usage }
        for name in try files.names(in: snapshots.descriptor) {
            guard let size = try size(of: name, in: snapshots) else { continue }
            usage.snapshots += 1
            usage.snapshotBytes += size
        }
        return usage
    }

    /// Nil for what is no file, or not any more.
    private func size(of name: String, in folder: Folder) throws(SystemError) -> Int64? {
        do {
            let status = try files.status(of: name, in: folder.descriptor)
            return status.kind == .regular ? status.size : nil
        } catch  where error.errno == .notThere { return nil }
    }
}
