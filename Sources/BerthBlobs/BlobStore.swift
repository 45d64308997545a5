package import BerthModel

/// Keeps bytes under their digest. Every conforming type passes `BlobStoreContract` in the tests.
///
/// Which content exists is the catalog's business: a file under a digest's name proves nothing while the catalog says that
/// the content is staged (B3).
package protocol BlobStore: Sendable {
    // Reading

    /// Opens settled content. `.absent` if it is not there, not a regular file or not of `size` bytes (B9).
    func open(_ digest: Digest, size: Int64) async throws(BlobError) -> OpenFile
    /// The same from what is open already, or can be opened without waiting for a disk: an event loop may call it. Nil says
    /// nothing but that `open` has to be asked.
    func cached(_ digest: Digest, size: Int64) -> OpenFile?
    /// Settled content for somebody who reads it from its beginning: opened, and small content read as well where the disk
    /// had to be waited for. `.absent` as in `open`.
    func content(_ digest: Digest, size: Int64) async throws(BlobError) -> BlobContent
    /// Forgets an open file: its content is about to go.
    func evict(_ digest: Digest)
    /// Opens a finished upload that has not settled yet. `.absent` as in `open`.
    func openSealed(_ upload: UploadID, size: Int64) async throws(BlobError) -> OpenFile
    /// All bytes of a small open file. `.absent` if it has become shorter.
    func contents(of file: OpenFile) async throws(BlobError) -> [UInt8]
    /// Whether settled content of that size is there now: looks at the disk, not at what is open.
    func isPresent(_ digest: Digest, size: Int64) async throws(BlobError) -> Bool

    // Uploads

    /// Goes on with an upload, or begins it: its file is made by the first `append`.
    ///
    /// While the process lives this answers the same object and costs nothing; after a restart the file is read again to
    /// rebuild the running hash, with the given algorithm. One caller at a time an upload. Throws `.dead`, or `.noSpace`
    /// if the free space is below the reserve.
    ///
    /// - Parameter isNew: nobody can have begun it before, so its file need not be looked for.
    func upload(_ id: UploadID, _ algorithm: Digest.Algorithm, isNew: Bool) async throws(BlobError) -> any BlobWrite
    /// Bytes of an unfinished upload on disk; nil when there is no file.
    func uploadSize(_ id: UploadID) async throws(BlobError) -> Int64?
    /// Removes an unfinished upload, and forgets that it died. No error if there is none. A finished one of that id stays:
    /// a staging row may name it.
    func discard(_ id: UploadID) async throws(BlobError)
    /// Removes a finished upload that no staging row names. No error if there is none.
    func discardSealed(_ id: UploadID) async throws(BlobError)
    /// All uploads that have a file, in no order.
    func uploads() async throws(BlobError) -> [StoredUpload]
    /// Makes a finished upload without row an open one again (step 2 of the large upload, after a restart).
    /// `.absent` if there is no such finished upload.
    func unseal(_ id: UploadID) async throws(BlobError)

    // Content

    /// Gives committed content its final name; may be repeated (B4, G7). Every folder is synced once a batch.
    ///
    /// Answers for each digest of the batch: its row may go only after a success. A failure leaves the others alone.
    func settle(_ batch: [StagedContent]) async -> [Digest: Result<Void, BlobError>]
    /// Removes settled content; no file is a success. Durable when it returns, with one fsync a folder for the batch.
    ///
    /// `stillGoing` is asked while nobody can give one of these digests its file: what it leaves out stays, and is not
    /// in the answer. An upload that commits later is settled after the removal (G3).
    func remove(
        _ digests: [Digest], stillGoing: @escaping @Sendable ([Digest]) async -> Set<Digest>
    ) async -> [Digest: Result<Void, BlobError>]
    /// Where settled content lies, in parts that are small enough to be looked through one at a time.
    var places: [BlobPlace] { get }
    /// Settled content in one of them, in no order.
    func files(in place: BlobPlace) async throws(BlobError) -> [StoredBlob]

    // Room

    /// Throws `.noSpace` while the free space is below the reserve. Costs nothing as long as the reserve is whole.
    func checkRoom() async throws(BlobError)
    /// Gives up the reserve: somebody, the catalog for one, met a full disk. It comes back by itself when there is room.
    func giveUpReserve() async
    /// Throws if the root cannot be written, by a real small write, or if the free space is below the reserve.
    func checkWritable() async throws(BlobError)
}

extension BlobStore {
    package func upload(_ id: UploadID, _ algorithm: Digest.Algorithm) async throws(BlobError) -> any BlobWrite {
        try await upload(id, algorithm, isNew: false)
    }

    /// Removes one settled content, whatever the catalog says of it.
    package func remove(_ digest: Digest) async throws(BlobError) {
        try await remove([digest], stillGoing: { Set($0) })[digest]?.get()
    }
}

/// All digests of an algorithm that begin with the same byte.
package struct BlobPlace: Hashable, Sendable {
    package let algorithm: Digest.Algorithm
    package let prefix: UInt8

    package init(algorithm: Digest.Algorithm, prefix: UInt8) { (self.algorithm, self.prefix) = (algorithm, prefix) }

    /// The first and the last digest of them.
    package var lowest: Digest? { digest(filledWith: 0) }
    package var highest: Digest? { digest(filledWith: 0xff) }

    private func digest(filledWith byte: UInt8) -> Digest? {
        Digest(algorithm, hash: [prefix] + [UInt8](repeating: byte, count: algorithm.byteCount - 1))
    }
}

/// A file under the name of a digest.
package struct StoredBlob: Hashable, Sendable {
    package let digest: Digest
    /// In bytes.
    package let size: Int64

    package init(digest: Digest, size: Int64) { (self.digest, self.size) = (digest, size) }
}

/// Content that the catalog has committed and the store has not settled.
package struct StagedContent: Sendable {
    package enum Source: Sendable {
        /// The bytes travelled in the catalog's row.
        case bytes([UInt8])
        /// The bytes are in the finished upload.
        case sealed(UploadID)
    }

    package let digest: Digest
    /// In bytes.
    package let size: Int64
    package let source: Source

    package init(digest: Digest, size: Int64, source: Source) {
        (self.digest, self.size, self.source) = (digest, size, source)
    }
}

/// An upload as a start finds it.
package struct StoredUpload: Hashable, Sendable {
    package let id: UploadID
    /// In bytes.
    package let size: Int64
    /// Whether it was finished (and has either a staging row, or an end mark, or neither).
    package let isSealed: Bool
    /// Of the last write, in seconds since 1970 by the wall clock.
    package let modifiedSeconds: Int64

    package init(id: UploadID, size: Int64, isSealed: Bool, modifiedSeconds: Int64) {
        (self.id, self.size, self.isSealed, self.modifiedSeconds) = (id, size, isSealed, modifiedSeconds)
    }
}
