package import BerthModel
package import NIOCore

/// An upload that is being written. One caller at a time.
package protocol BlobWrite: AnyObject, Sendable {
    var id: UploadID { get }
    /// Bytes written and hashed so far, including those in flight. After an error was thrown: exactly those that are both
    /// in the file and hashed (B7).
    var offset: Int64 { get }

    /// Takes a batch: usually up to 256 KiB in several buffers, written from where they lie.
    ///
    /// Returns as soon as fewer than three batches are in flight. A failure of an earlier batch is thrown here or by
    /// `flush`, whichever comes first; batches behind it are dropped, and the upload may go on from `offset`.
    func append(_ batch: [ByteBuffer]) async throws(BlobError)
    /// Receives, hashes and writes, on one thread, behind all batches so far. Returns how many bytes it was: at most `most`,
    /// of which a megabyte at least is asked for; fewer where others wait for a thread; 0 when nothing more comes from
    /// `input`. Fails as a batch does.
    func append(from input: any DirectInput, upTo most: Int64) async throws(BlobError) -> Int64
    /// Waits until all is written and hashed: then it survives kill -9.
    func flush() async throws(BlobError)
    /// Remembers offset and running hash for `rollback`. Implies `flush`.
    func checkpoint() async throws(BlobError)
    /// Cuts the file back to the last checkpoint and restores the hash; may be repeated. Without a checkpoint: to nothing.
    func rollback() async throws(BlobError)
    /// The digest of all bytes. Another algorithm than the running one costs one reading of the file. Implies `flush`;
    /// the upload may go on afterwards.
    func digest(_ algorithm: Digest.Algorithm) async throws(BlobError) -> Digest
    /// All bytes of a small upload; nil if it has more than `limit`. Implies `flush`.
    func bytes(upTo limit: Int) async throws(BlobError) -> [UInt8]?
    /// Steps 2 and 3 of the large upload: read-only under its sealed name, synced with its folder. Implies `flush`.
    /// A failed sync ends the upload: `.dead` (B6). Any other error leaves it open.
    func seal() async throws(BlobError)
    /// Undoes `seal` if the catalog refuses.
    func unseal() async throws(BlobError)
    /// The caller has done with it for now: the bytes stay, and the descriptor may be closed. Calls afterwards, on this
    /// object or on the one that the store answers, open the file again.
    func close() async
}
