import BerthModel
import Synchronization

/// What all uploads of a store share: their folder, its sync, the reserve, and who has died.
final class UploadFolder: Sendable {
    let folder: Folder
    let files: any FileOperations
    let workers: Workers
    let reserve: Reserve
    /// False for throw-away stores: nothing is synced at all.
    let syncs: Bool
    let batchSync: BatchSync
    let buffers = ReceiveBuffers()
    private let folderSync: FolderSync
    private let temporaries = Atomic<UInt64>(0)
    private let marks = Mutex(Marks())

    private struct Marks {
        var dead: Set<UploadID> = []
        var synced: Set<UploadID> = []
        var suspect: Set<UploadID> = []
    }

    init(_ folder: Folder, files: any FileOperations, workers: Workers, reserve: Reserve, syncs: Bool) {
        (self.folder, self.files, self.workers) = (folder, files, workers)
        (self.reserve, self.syncs) = (reserve, syncs)
        batchSync = BatchSync(folder.descriptor, files: files)
        folderSync = FolderSync(folder.descriptor, files: files, workers: workers)
    }

    var descriptor: CInt { folder.descriptor }

    /// Makes all entries so far durable, with one fsync for all that wait.
    func sync() async throws(BlobError) {
        if syncs { try await folderSync.sync() }
    }

    /// A name that nobody has had since the start.
    func temporaryName() -> String {
        TemporaryName.numbered(temporaries.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    /// Throws `.noSpace` while the reserve is not whole; makes it whole if there is room again.
    func checkRoom() async throws(BlobError) {
        if reserve.isWhole { return }
        let reserve = reserve
        guard try await workers.run(.calls, { reserve.restore() }) else { throw .noSpace }
    }

    /// Turns what the system said into the store's words; a full disk costs the reserve.
    func failure(_ error: SystemError) -> BlobError {
        let failure = BlobError(error)
        if failure == .noSpace { reserve.giveUp() }
        return failure
    }

    /// An upload whose bytes cannot be vouched for any more: nothing of it is left for another start to believe in (B6).
    func bury(_ id: UploadID, _ descriptor: CInt?, isSealed: Bool) -> BlobError {
        marks.withLock { marks in
            marks.dead.insert(id)
            marks.synced.remove(id)
        }
        try? files.unlink(isSealed ? id.sealedName : id.openName, in: folder.descriptor)
        if let descriptor, !isSealed { try? files.truncate(descriptor, to: 0) }
        return .dead(id)
    }

    func isDead(_ id: UploadID) -> Bool { marks.withLock { $0.dead.contains(id) } }

    /// Whether this process has synced the finished upload since its start (B4).
    func isSynced(_ id: UploadID) -> Bool { marks.withLock { $0.synced.contains(id) } }
    func noteSynced(_ id: UploadID) { marks.withLock { _ = $0.synced.insert(id) } }
    func noteUnsealed(_ id: UploadID) { marks.withLock { _ = $0.synced.remove(id) } }

    /// Whether a sync of the finished and committed upload has failed: its bytes go to a new file (B6).
    func isSuspect(_ id: UploadID) -> Bool { marks.withLock { $0.suspect.contains(id) } }
    func noteSuspect(_ id: UploadID) { marks.withLock { _ = $0.suspect.insert(id) } }

    /// The upload may begin anew. What is known of a finished one of that id stays known.
    func revive(_ id: UploadID) { marks.withLock { _ = $0.dead.remove(id) } }

    func forget(_ id: UploadID) {
        marks.withLock { marks in
            marks.dead.remove(id)
            marks.synced.remove(id)
            marks.suspect.remove(id)
        }
    }
}
