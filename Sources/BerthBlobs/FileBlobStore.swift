import BerthModel

/// Blobs as files: `blobs/<algorithm>/<first two digits>/<hex>` below the root, uploads under `uploads/`.
///
/// One process at a time serves a root; `StoreRoot` sees to that.
package struct FileBlobStore: BlobStore {
    private let path: String
    let folders: StoreFolders
    let files: any FileOperations
    let workers: Workers
    let uploadFolder: UploadFolder
    let table: UploadTable
    let cache: DescriptorCache
    let locks = DigestLocks()
    let fanOut: FanOut

    /// Opens the store at `root`, a folder that is there; makes what is missing below it and removes temporary files.
    package init(
        root path: String,
        options: FileBlobStoreOptions = FileBlobStoreOptions(),
        files: any FileOperations = SystemFiles()
    ) async throws(BlobError) {
        let syncs = options.sync == .always
        let workers = Workers(threads: options.threads)
        let folders = try await workers.run(.calls) { () throws(BlobError) in
            do throws(SystemError) {
                return try StoreFolders(path: path, files: files, syncs: syncs)
            } catch { throw BlobError(error) }
        }
        let reserve = Reserve(size: options.reserve, in: folders.root.descriptor, files: files)
        // A disk that is full already is no reason not to start: deleting must go on.
        _ = try await workers.run(.calls) { reserve.restore() }
        let limit = DescriptorLimit.raised()
        (self.path, self.folders, self.files, self.workers) = (path, folders, files, workers)
        uploadFolder = UploadFolder(folders.uploads, files: files, workers: workers, reserve: reserve, syncs: syncs)
        table = UploadTable(mostOpen: min(256, limit / 8))
        cache = DescriptorCache(capacity: min(options.descriptorCache, limit / 4))
        fanOut = FanOut(folders.algorithms, files: files, syncs: syncs)
    }

    /// How many files are open for readers to come.
    package var openFiles: Int { cache.count }

    // Room

    package func checkRoom() async throws(BlobError) { try await uploadFolder.checkRoom() }

    package func giveUpReserve() async {
        let reserve = uploadFolder.reserve
        _ = try? await workers.run(.calls) { reserve.giveUp() }
    }

    package func checkWritable() async throws(BlobError) {
        try await workers.run(.calls) { () throws(BlobError) in
            do throws(SystemError) {
                try checkRoot()
                try writeSomething()
            } catch { throw uploadFolder.failure(error) }
        }
        try await checkRoom()
    }

    /// `.stale` if the path leads somewhere else by now: unmounted, moved, or removed.
    private func checkRoot() throws(SystemError) {
        let now = Folder(try files.openRoot(path), files: files)
        let found = try files.status(now.descriptor)
        let held = try files.status(folders.root.descriptor)
        guard found.device == held.device, found.inode == held.inode else { throw SystemError(.open, .stale) }
    }

    private func writeSomething() throws(SystemError) {
        let name = uploadFolder.temporaryName()
        let file = try files.open(name, in: uploadFolder.descriptor, .creating)
        defer { files.close(file) }
        do throws(SystemError) {
            try files.writeAll(file, [UInt8](repeating: 0, count: 4_096), at: 0)
        } catch {
            try? files.unlink(name, in: uploadFolder.descriptor)
            throw error
        }
        try files.unlink(name, in: uploadFolder.descriptor)
    }
}
