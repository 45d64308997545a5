import BerthModel
import NIOCore

/// An upload into a file. The caller waits; the store's threads work.
final class FileBlobWrite: BlobWrite {
    /// Batches of one upload between the caller and the disk: one that is written, and the next one.
    static let mostInFlight = 2

    /// Bytes that are received of one upload before a thread goes on to the next that waits for it.
    private static let fairTurn: Int64 = 1 << 20
    /// Bytes below which what was received came no faster than it was written: nothing is gained by waiting for more of it
    /// here, and nobody measures here how slow its sender is.
    private static let smallRead: Int64 = 4 << 10
    /// Milliseconds that a thread waits for more of an upload, where nobody waits for the thread.
    private static let patience = 2

    let id: UploadID
    private let file: SerialState<UploadFile>
    private let flow: WriteFlow
    private let uploads: UploadFolder
    private weak let table: UploadTable?

    init(
        _ file: consuming UploadFile, offset: Int64 = 0, in uploads: UploadFolder, table: UploadTable
    ) {
        id = file.id
        self.file = SerialState(file, workers: uploads.workers)
        flow = WriteFlow(offset: offset)
        (self.uploads, self.table) = (uploads, table)
    }

    var offset: Int64 { flow.offset }

    func append(_ batch: [ByteBuffer]) async throws(BlobError) {
        let count = batch.reduce(0) { $0 + Int64($1.readableBytes) }
        guard count > 0 else { return }
        if flow.hasFailed { try await flush() }
        try await checkRoom()
        flow.begin(count)
        file.submit(.bytes) { file in self.write(batch, count, to: &file) }
        await flow.wait(below: Self.mostInFlight)
        if flow.hasFailed { try await flush() }
    }

    func append(from input: any DirectInput, upTo most: Int64) async throws(BlobError) -> Int64 {
        if flow.hasFailed { try await flush() }
        try await checkRoom()
        let taken = try await file.run(.bytes) { file in self.receive(from: input, upTo: most, &file) }
        if flow.hasFailed { try await flush() }
        return taken
    }

    private func checkRoom() async throws(BlobError) {
        do throws(BlobError) {
            try await uploads.checkRoom()
        } catch {
            try await flush()  // what is thrown tells of all that came before
            throw error
        }
    }

    /// One turn of an upload on a thread.
    private func receive(from input: any DirectInput, upTo most: Int64, _ file: inout UploadFile) -> Int64 {
        uploads.buffers.withBuffer { buffer in
            var taken: Int64 = 0
            var isAlone = uploads.workers.isFree(.bytes)
            while !flow.hasFailed, let batch = input.read(into: &buffer, waiting: isAlone ? Self.patience : 0) {
                let count = batch.reduce(0) { $0 + Int64($1.readableBytes) }
                flow.begin(count)
                write(batch, count, to: &file)
                taken += count
                if count < Self.smallRead { input.giveBack() }
                isAlone = uploads.workers.isFree(.bytes)
                let isOver = taken + Int64(ReceiveBuffers.bytes) > most || (!isAlone && taken >= Self.fairTurn)
                if isOver || file.isWriteBackBehind { break }
            }
            return taken
        }
    }

    private func write(_ batch: [ByteBuffer], _ count: Int64, to file: inout UploadFile) {
        guard !flow.hasFailed else { return flow.end(count, nil) }
        do throws(BlobError) {
            try file.write(batch)
        } catch {
            return flow.end(count, .failure(error))
        }
        if file.isWriteBackBehind { self.file.submit(.syncs) { file in self.awaitWriteBack(&file) } }
        flow.end(count, .success(()))
    }

    private func awaitWriteBack(_ file: inout UploadFile) {
        do throws(BlobError) {
            try file.awaitWriteBack()
        } catch {
            flow.fail(error)
        }
    }

    func flush() async throws(BlobError) {
        await flow.wait(below: 1)
        if let failure = flow.takeFailure() { throw failure }
    }

    func checkpoint() async throws(BlobError) {
        try await flush()
        try await file.run(.calls) { (file) throws(BlobError) in try file.mark() }
    }

    func rollback() async throws(BlobError) {
        await flow.wait(below: 1)
        _ = flow.takeFailure()  // what failed is what is taken back
        flow.reset(to: try await file.run(.calls) { (file) throws(BlobError) in try file.rollback() })
    }

    func digest(_ algorithm: Digest.Algorithm) async throws(BlobError) -> Digest {
        try await flush()
        while true {
            let digest = try await file.run(.bytes) { (file) throws(BlobError) in try file.digest(algorithm) }
            if let digest { return digest }
        }
    }

    func bytes(upTo limit: Int) async throws(BlobError) -> [UInt8]? {
        try await flush()
        return try await file.run(.calls) { (file) throws(BlobError) in try file.bytes(upTo: limit) }
    }

    func seal() async throws(BlobError) {
        try await flush()
        try await file.run(.calls) { (file) throws(BlobError) in try file.seal() }
        guard uploads.syncs else { return }
        try await file.run(.syncs) { (file) throws(BlobError) in try file.sync() }
        do throws(BlobError) {
            try await uploads.sync()
        } catch {
            throw try await file.run(.calls) { file in file.die() }  // its name is not durable, and never will be (B6)
        }
        uploads.noteSynced(id)
    }

    func unseal() async throws(BlobError) {
        try await file.run(.calls) { (file) throws(BlobError) in try file.unseal() }
    }

    func close() async {
        await flow.wait(below: 1)
        guard let table else { return }
        let isSealed = try? await file.run(.calls) { file in file.isSealed }
        if isSealed == true {
            await end()
            table.remove(id, self)
        } else {
            await table.rest(self)
        }
    }

    /// Hashes what an earlier process wrote.
    func catchUp() async throws(BlobError) {
        var offset: Int64?
        while offset == nil {
            offset = try await file.run(.bytes) { (file) throws(BlobError) in try file.catchUp() ? file.offset : nil }
        }
        flow.reset(to: offset ?? 0)
    }

    /// Closes the descriptor of an upload that nobody writes to at present. A failure is told to the next caller.
    func closeDescriptor() async {
        do throws(BlobError) {
            try await file.run(.syncs) { (file) throws(BlobError) in try file.rest() }
        } catch {
            flow.fail(error)
        }
    }

    /// Lets go of an upload that ended: discarded, or settled.
    func end() async {
        _ = try? await file.run(.calls) { file in file.end() }
    }
}
