import BerthBlobs
import BerthCatalog
package import BerthModel
import NIOCore

/// The part of an upload that a chunk says it is: first and last byte, counted from 0.
package struct ChunkRange: Hashable, Sendable {
    package let first: Int64
    package let last: Int64

    /// Nil where `last` comes before `first`, or the length does not fit.
    package init?(first: Int64, last: Int64) {
        guard first >= 0, last >= first, last < .max else { return nil }
        (self.first, self.last) = (first, last)
    }
    var length: Int64 { last - first + 1 }
}

extension Registry {
    /// Names a new upload. Writes nothing: builders start thousands as a permission check.
    package func startUpload(
        in repository: RepositoryName, by principal: Principal, algorithm: Digest.Algorithm = .sha256
    ) -> UploadTicket {
        let ticket = newTicket(in: repository, by: principal, algorithm: algorithm)
        sessions.begin(ticket.id)
        return ticket
    }

    func newTicket(
        in repository: RepositoryName, by principal: Principal, algorithm: Digest.Algorithm
    ) -> UploadTicket {
        var random = SystemRandomNumberGenerator()
        let id = UploadID(startedMilliseconds: clock.milliseconds(), using: &random)
        return seals.ticket(for: id, in: repository, by: principal, algorithm: algorithm)
    }

    /// The upload that a location names, if the location was made for this repository and principal and is not too old.
    package func ticket(
        _ text: String, in repository: RepositoryName, by principal: Principal
    ) throws(RegistryError) -> UploadTicket {
        guard let ticket = seals.open(text, in: repository, by: principal) else { throw .uploadUnknown }
        let age = clock.milliseconds() - ticket.id.startedMilliseconds
        guard age <= settings.uploadMaxAge.components.seconds * 1000 else { throw .uploadUnknown }
        return ticket
    }

    /// How many bytes of the upload are here. Distribution specification, "Pushing a blob in chunks".
    package func uploadOffset(_ ticket: UploadTicket) async throws(RegistryError) -> Int64 {
        try await withUpload(ticket) { upload async throws(RegistryError) in upload.offset }
    }

    /// Appends a chunk, and answers how many bytes are here then. The bytes are in the upload's file when this returns
    /// (B7); a body that breaks off keeps what came of it. `address` stands for a principal without a name.
    package func append(
        _ body: some BodySource, as range: ChunkRange?, to ticket: UploadTicket, in repository: RepositoryName,
        by principal: Principal, from address: String
    ) async throws(RegistryError) -> Int64 {
        try await withUpload(ticket) { upload async throws(RegistryError) in
            try check(range, against: body, at: upload.offset)
            try admit(upload, of: principal, from: address)
            defer { quota.settle(ticket.id, bytes: upload.offset) }
            let start = upload.offset
            let write = try await upload.openWrite()
            if range != nil { try await write.checked { w async throws(BlobError) in try await w.checkpoint() } }
            var failure: RegistryError?
            do throws(RegistryError) {
                try await pump(body, into: write, under: upload.claim, in: repository)
            } catch { failure = error }
            try await write.checked { w async throws(BlobError) in try await w.flush() }
            if start == 0 || upload.lacksRow, write.offset > 0 {
                catalog.noteUpload(ticket.id, repository: repository, principal: principal)
            }
            if let failure { throw failure }
            if let range, write.offset - start != range.length {
                let found = write.offset - start
                try await write.checked { w async throws(BlobError) in try await w.rollback() }
                throw .chunkLength(said: range.length, found: found)
            }
            return write.offset
        }
    }

    /// Ends the upload without a blob; its location answers 404 from now on.
    package func cancelUpload(
        _ ticket: UploadTicket, in repository: RepositoryName, by principal: Principal
    ) async throws(RegistryError) {
        try await withUpload(ticket) { upload async throws(RegistryError) in
            do throws(CatalogError) {
                try await catalog.cancelUpload(ticket.id, repository: repository, principal: principal)
            } catch { throw RegistryError(error) }
            await upload.discard()
            quota.release(ticket.id)
        }
    }

    /// Refuses a chunk that does not go on where the upload ends, or whose length contradicts its range, before a byte
    /// of it is read.
    func check(_ range: ChunkRange?, against body: some BodySource, at offset: Int64) throws(RegistryError) {
        guard let range else { return }
        guard range.first == offset else { throw .chunkOutOfOrder(offset: offset) }
        if let length = body.length, length != range.length { throw .chunkLength(said: range.length, found: length) }
    }

    /// Counts the upload as one that has bytes. `address` stands for a principal without a name.
    func admit(_ upload: HeldUpload, of principal: Principal, from address: String) throws(RegistryError) {
        let owner = principal == .anonymous ? address : principal.text
        guard quota.admit(upload.ticket.id, of: owner, holding: upload.offset) else { throw .tooManyUploads }
    }

    /// Moves a body into the upload's file until it ends, fails, or a later request takes the upload over; no byte is
    /// written that its owner has no room for. What the push has brought to `repository` before keeps its lease
    /// meanwhile.
    func pump(
        _ body: some BodySource, into write: any BlobWrite, under claim: UploadClaim, in repository: RepositoryName
    ) async throws(RegistryError) {
        claim.interrupt { body.interrupt() }
        var left = body.length ?? .max
        var mayReceive = true
        do throws(RegistryError) {
            while true {
                if mayReceive, let input = body.takeInput() {
                    let turns = try await pump(input, upTo: left, into: write, under: claim, in: repository)
                    left -= turns.taken
                    mayReceive = turns.hadRoom
                }
                guard let batch = try await body.batch() else { return }
                left -= Int64(batch.byteCount)
                guard quota.charge(claim.upload, Int64(batch.byteCount)) else { throw .tooManyUploads }
                try await write.checked { w async throws(BlobError) in try await w.append(batch) }
                catalog.leases.noteUpload(in: repository)
                if claim.isSuperseded { throw .superseded }
            }
        } catch {
            throw claim.isSuperseded ? .superseded : error
        }
    }

    /// Lets the store receive by itself for as long as bytes keep coming, `most` at most. The owner's room is taken ahead; who
    /// has none for a whole turn goes on by batches, which are counted as they come.
    private func pump(
        _ input: any DirectInput, upTo most: Int64, into write: any BlobWrite, under claim: UploadClaim,
        in repository: RepositoryName
    ) async throws(RegistryError) -> (taken: Int64, hadRoom: Bool) {
        defer { input.giveBack() }
        var sum: Int64 = 0
        while true {
            let turn = min(Self.turnBytes, most - sum)
            guard quota.charge(claim.upload, turn) else { return (sum, false) }
            let taken: Int64
            do { taken = try await write.append(from: input, upTo: turn) } catch { throw RegistryError(error) }
            _ = quota.charge(claim.upload, taken - turn)
            sum += taken
            catalog.leases.noteUpload(in: repository)
            if claim.isSuperseded { throw .superseded }
            if taken == 0 || sum >= most { return (sum, true) }
        }
    }

    /// Bytes that a thread of the store receives, hashes and writes for one upload before others have their turn.
    private static let turnBytes: Int64 = 4 << 20
}

extension BodySource {
    /// `next`, with its failure as the registry's.
    func batch() async throws(RegistryError) -> [ByteBuffer]? {
        do { return try await next() } catch { throw .body(error) }
    }
}

extension BlobWrite {
    /// Runs one step of the store's with its failure as the registry's.
    func checked(_ step: (any BlobWrite) async throws(BlobError) -> Void) async throws(RegistryError) {
        do { try await step(self) } catch { throw RegistryError(error) }
    }
}
