import BerthDigest
import BerthModel
import NIOCore

/// The file of an upload with its running hash. Blocks: worked on by the jobs of one `SerialState`.
///
/// One descriptor from the first write to the sync: a second one could miss the error of a write-back (B6). Where it has
/// to be closed in between, the data is synced first.
struct UploadFile: ~Copyable {
    private struct Checkpoint: ~Copyable {
        let offset: Int64
        let hasher: ContentHasher
    }

    let id: UploadID
    let uploads: UploadFolder
    var descriptor: CInt?
    var hasher: ContentHasher
    /// Bytes that are in the file and hashed (B7).
    var offset: Int64 = 0
    /// Size of the file that a resumed upload found; as soon as `offset` is there, the hash has caught up.
    let foundSize: Int64
    private var isOnDisk: Bool
    var isSealed = false
    var isDead = false
    private var checkpoint: Checkpoint?
    /// What an earlier process wrote and this one has not hashed yet; its offset is `offset` as long as it is there.
    var catchingUp: HashedReading?
    /// For another algorithm than the running one.
    var secondReading: HashedReading?
    private var writeBack = WriteBack()

    /// An upload without a file.
    init(_ id: UploadID, _ algorithm: Digest.Algorithm, in uploads: UploadFolder) throws(BlobError) {
        let hasher = try Self.hasher(algorithm)
        self.init(id, hasher, in: uploads, descriptor: nil, foundSize: 0)
    }

    /// An upload whose file is there. `catchUp` has to be called until it answers true.
    init(resuming id: UploadID, _ algorithm: Digest.Algorithm, in uploads: UploadFolder) throws(BlobError) {
        let hasher = try Self.hasher(algorithm)
        let opened = try Self.open(id, in: uploads)
        self.init(id, hasher, in: uploads, descriptor: opened.descriptor, foundSize: opened.size)
    }

    private init(
        _ id: UploadID, _ hasher: consuming ContentHasher, in uploads: UploadFolder, descriptor: CInt?, foundSize: Int64
    ) {
        (self.id, self.uploads, self.descriptor) = (id, uploads, descriptor)
        self.hasher = hasher
        (self.foundSize, isOnDisk) = (foundSize, descriptor != nil)
    }

    deinit { if let descriptor { uploads.files.close(descriptor) } }

    private static func hasher(_ algorithm: Digest.Algorithm) throws(BlobError) -> ContentHasher {
        do {
            return try ContentHasher(algorithm)
        } catch { throw BlobError(error) }
    }

    private static func open(
        _ id: UploadID, in uploads: UploadFolder
    ) throws(BlobError) -> (descriptor: CInt, size: Int64) {
        let files = uploads.files
        let descriptor: CInt
        do {
            descriptor = try files.open(id.openName, in: uploads.descriptor, .writing)
        } catch  where [.notThere, .symbolicLink, .isFolder, .noDevice].contains(error.errno) {
            throw uploads.bury(id, nil, isSealed: false)
        } catch { throw uploads.failure(error) }
        do throws(SystemError) {
            let status = try files.status(descriptor)
            guard status.kind == .regular else {
                files.close(descriptor)
                throw SystemError(.open, .isFolder)
            }
            return (descriptor, status.size)
        } catch  where error.errno == .isFolder {
            throw uploads.bury(id, nil, isSealed: false)
        } catch {
            files.close(descriptor)
            throw uploads.failure(error)
        }
    }

    // Writing

    /// Writes and hashes a batch, or leaves file and hash as they were.
    mutating func write(_ batch: [ByteBuffer]) throws(BlobError) {
        let descriptor = try openedForWriting()
        guard !isSealed else { throw BlobError(SystemError(.write, .readOnly)) }
        let bytes = HeldBytes(batch)
        do {
            try uploads.files.writeAll(descriptor, bytes.pieces, at: offset)
            uploads.batchSync.noteWritten(batch.reduce(0) { $0 + $1.readableBytes })
        } catch {
            let failure = uploads.failure(error)
            try cut(to: offset)
            throw failure
        }
        do {
            try bytes.hash(into: &hasher)
        } catch { throw die() }
        offset += batch.reduce(0) { $0 + Int64($1.readableBytes) }
        if let range = writeBack.rangeToStart(at: offset) { try startWriteBack(range, waiting: false) }
    }

    mutating func openedForWriting() throws(BlobError) -> CInt {
        guard !isDead else { throw .dead(id) }
        if let descriptor { return descriptor }
        if isOnDisk {
            let opened = try Self.open(id, in: uploads)
            descriptor = opened.descriptor
            guard opened.size == offset else { throw die() }
            return opened.descriptor
        }
        do {
            let new = try uploads.files.open(id.openName, in: uploads.descriptor, .creating)
            (descriptor, isOnDisk) = (new, true)
            return new
        } catch { throw uploads.failure(error) }
    }

    private mutating func cut(to size: Int64) throws(BlobError) {
        guard let descriptor else { return }
        do {
            try uploads.files.truncate(descriptor, to: size)
        } catch { throw die() }
        writeBack.cut(to: size)
    }

    mutating func die() -> BlobError {
        isDead = true
        checkpoint = nil
        let error = uploads.bury(id, descriptor, isSealed: isSealed)
        closeDescriptor()
        return error
    }

    private mutating func closeDescriptor() {
        guard let open = descriptor else { return }
        descriptor = nil
        uploads.files.close(open)
    }

    // Write-back

    var isWriteBackBehind: Bool { uploads.syncs && writeBack.rangeToAwait != nil }

    /// Waits for the oldest write-back that was started.
    mutating func awaitWriteBack() throws(BlobError) {
        guard uploads.syncs, let range = writeBack.rangeToAwait else { return }
        try startWriteBack(range, waiting: true)
        writeBack.noteAwaited(range)
    }

    private mutating func startWriteBack(_ range: Range<Int64>, waiting: Bool) throws(BlobError) {
        guard uploads.syncs, let descriptor else { return }
        do {
            try uploads.files.startWriteBack(
                descriptor, from: range.lowerBound, count: range.upperBound - range.lowerBound, waiting: waiting)
        } catch  where [.invalid, .notImplemented, .unsupported, .notSeekable].contains(error.errno) {
            writeBack.isSupported = false
        } catch { throw die() }  // bytes are lost, as by a failed fsync (B6)
    }

    // Going back

    mutating func mark() throws(BlobError) {
        guard !isDead else { throw .dead(id) }
        do {
            checkpoint = Checkpoint(offset: offset, hasher: try hasher.copy())
        } catch { throw BlobError(error) }
    }

    /// Answers the offset that holds now.
    mutating func rollback() throws(BlobError) -> Int64 {
        guard !isDead else { throw .dead(id) }
        guard !isSealed else { throw BlobError(SystemError(.truncate, .readOnly)) }
        let algorithm = hasher.algorithm
        let target = checkpoint?.offset ?? 0
        guard offset != target else { return offset }
        _ = try openedForWriting()
        try cut(to: target)
        secondReading = nil
        do {
            hasher = try checkpoint?.hasher.copy() ?? ContentHasher(algorithm)
        } catch { throw die() }
        offset = target
        return target
    }

    // Ending

    /// Closes the descriptor; what was written is synced first, so that no error of a write-back is lost with it (B6).
    /// A sealed file keeps it: its sync is still to come, on this descriptor.
    mutating func rest() throws(BlobError) {
        guard let descriptor, !isDead, !isSealed else { return }
        if uploads.syncs {
            do {
                try uploads.files.syncData(descriptor)
            } catch { throw die() }
        }
        closeDescriptor()
    }

    /// Closes the descriptor of an upload that ended.
    mutating func end() {
        isDead = true
        checkpoint = nil
        closeDescriptor()
    }
}
