import BerthBlobs
import BerthCatalog
import BerthDigest
package import BerthModel
import NIOCore

extension Registry {
    /// Content up to this size travels in the catalog's shared transaction; larger content is a file before its commit.
    static let largestStaged = 64 << 10

    /// Closes an upload: takes the last bytes, compares the digest, and makes the blob readable in `repository`. When
    /// this returns, nothing is lost by a power cut (B5). After a failure the upload is where it was before.
    ///
    /// Repeating a close whose answer was lost succeeds, for the same upload and digest (B8). `address` stands for a
    /// principal without a name.
    package func finish(
        _ ticket: UploadTicket, with body: some BodySource, as range: ChunkRange?, digest: Digest,
        in repository: RepositoryName, by principal: Principal, from address: String
    ) async throws(RegistryError) {
        catalog.leases.noteUpload(in: repository)
        let claim = try await sessions.claim(ticket.id)
        let upload = HeldUpload(ticket, claim, sessions.takeWrite(claim), store)
        do throws(RegistryError) {
            let commit = Commit(
                digest: digest, repository: repository, principal: principal, address: address, upload: ticket.id)
            try await finish(upload, with: body, as: range, commit)
            await sessions.release(claim, keeping: upload.openFile)
            quota.release(ticket.id)
        } catch {
            if case .uploadDead = error { await upload.discard() }
            quota.settle(ticket.id, bytes: upload.offset)
            await sessions.release(claim, keeping: upload.openFile)
            throw error
        }
    }

    /// Takes a whole blob in one request. Distribution specification, "Single POST".
    package func put(
        _ body: some BodySource, digest: Digest, in repository: RepositoryName, by principal: Principal,
        from address: String
    ) async throws(RegistryError) {
        catalog.leases.noteUpload(in: repository)
        let ticket = newTicket(in: repository, by: principal, algorithm: digest.algorithm)
        let upload = HeldUpload(ticket, UploadClaim(ticket.id, isFirst: true), nil, store)
        defer { quota.release(ticket.id) }
        do throws(RegistryError) {
            let commit = Commit(
                digest: digest, repository: repository, principal: principal, address: address, upload: nil)
            try await finish(upload, with: body, as: nil, commit)
        } catch {
            await upload.discard()
            throw error
        }
    }

    private func finish(
        _ upload: HeldUpload, with body: some BodySource, as range: ChunkRange?, _ commit: Commit
    ) async throws(RegistryError) {
        if commit.upload != nil, upload.openFile == nil, !upload.claim.isFirst {
            let size: Int64?
            do { size = try await store.uploadSize(upload.ticket.id) } catch { throw RegistryError(error) }
            if size != nil {
                if try await wasClosed(commit) { return try await readOut(body) }
                _ = try await upload.openWrite()
            } else if let range, range.first > 0, try await wasClosed(commit) {
                // The last chunk again: what came before it has gone into the blob.
                return try await readOut(body)
            }
        }
        try check(range, against: body, at: upload.offset)
        guard upload.openFile == nil else { return try await finishLarge(upload, body, range, commit) }
        guard let rest = try await finishSmall(upload, body, range, commit) else { return }
        // The transaction guards small content against an upload that has ended; a file must not even be begun.
        if try await wasClosed(commit) { return try await readOut(rest) }
        try await finishLarge(upload, rest, range, commit)
    }

    /// Takes the rest of a body that is not needed: the client sends it before it reads the answer.
    private func readOut(_ body: some BodySource) async throws(RegistryError) {
        while try await body.batch() != nil {}
    }

    /// Takes a body that fits into the shared transaction; answers what to go on with where it does not fit.
    private func finishSmall(
        _ upload: HeldUpload, _ body: some BodySource, _ range: ChunkRange?, _ commit: Commit
    ) async throws(RegistryError) -> PrefixedBody? {
        let prefix = try await gather(body, upTo: Self.largestStaged, under: upload.claim)
        guard prefix.isWhole else { return PrefixedBody(prefix.batches, then: body) }
        let bytes = prefix.bytes
        if let range, range.length != Int64(bytes.count) {
            throw .chunkLength(said: range.length, found: Int64(bytes.count))
        }
        let found = try hash(bytes, commit.digest.algorithm)
        guard found == commit.digest else {
            // Nothing is ever given for a digest alone; but the answer to the same close may have been lost, whose body
            // was the last chunk or nothing. Which upload had this digest is on record.
            if try await wasClosed(commit) { return nil }
            throw .digestMismatch(said: commit.digest, found: found)
        }
        try await commitBytes(bytes, commit)
        return nil
    }

    /// Small content is durable with the catalog's shared transaction, and needs no file of its own yet.
    private func commitBytes(_ bytes: [UInt8], _ commit: Commit) async throws(RegistryError) {
        do { try await store.checkRoom() } catch { throw RegistryError(error) }
        try await settler.admit(bytes.count)
        if try await self.commit(commit, size: Int64(bytes.count), content: .bytes(bytes)) == .staged {
            settler.wake()
        }
    }

    private func finishLarge(
        _ upload: HeldUpload, _ body: some BodySource, _ range: ChunkRange?, _ commit: Commit
    ) async throws(RegistryError) {
        try admit(upload, of: commit.principal, from: commit.address)
        let write = try await upload.openWrite()
        let start = write.offset
        try await write.checked { w async throws(BlobError) in try await w.checkpoint() }
        do throws(RegistryError) {
            try await pump(body, into: write, under: upload.claim, in: commit.repository)
            try await write.checked { w async throws(BlobError) in try await w.flush() }
            if let range, write.offset - start != range.length {
                throw .chunkLength(said: range.length, found: write.offset - start)
            }
            let found: Digest
            do { found = try await write.digest(commit.digest.algorithm) } catch { throw RegistryError(error) }
            guard found == commit.digest else { throw .digestMismatch(said: commit.digest, found: found) }
            if write.offset <= Int64(Self.largestStaged), let bytes = try await smallContent(of: write) {
                try await commitBytes(bytes, commit)
                await upload.discard()
            } else if try await commitFile(write, commit) {
                await upload.handOver()
            } else {
                await upload.discard()
            }
        } catch {
            try await write.checked { w async throws(BlobError) in try await w.rollback() }
            throw error
        }
    }

    private func smallContent(of write: any BlobWrite) async throws(RegistryError) -> [UInt8]? {
        do { return try await write.bytes(upTo: Self.largestStaged) } catch { throw RegistryError(error) }
    }

    /// Steps 2 to 5 of a large upload: sealed, synced, then committed. False where the content was here before, and the
    /// file is of no use.
    private func commitFile(_ write: any BlobWrite, _ commit: Commit) async throws(RegistryError) -> Bool {
        let size = write.offset
        if try await isPresent(commit.digest, size: size),
            try await self.commit(commit, size: size, content: .presentAndGood) != .contentGone
        {
            return false
        }
        try await write.checked { w async throws(BlobError) in try await w.seal() }
        do throws(RegistryError) {
            if try await self.commit(commit, size: size, content: .sealed(write.id)) == .staged {
                settler.wake()
                return true
            }
            try? await store.discardSealed(write.id)
            return false
        } catch {
            // After a commit of unknown outcome the row, if it is there at the next start, names the sealed file.
            if catalog.stopped == nil { try? await write.unseal() }
            throw error
        }
    }

    /// Whether good content of the digest is in its place, as a re-push asks before it commits ("Re-push heals").
    func isPresent(_ digest: Digest, size: Int64) async throws(RegistryError) -> Bool {
        let fact: BlobFact?
        do { fact = try await catalog.content(digest) } catch { throw RegistryError(error) }
        guard let fact, fact.state != .sweeping, !fact.isDamaged, fact.size == size, fact.staged == nil
        else { return false }
        do { return try await store.isPresent(digest, size: size) } catch { throw RegistryError(error) }
    }

    /// Whether this close has been answered before: the same upload, the same digest, and the blob still readable here.
    /// An upload that ended in another way is unknown (B8).
    private func wasClosed(_ commit: Commit) async throws(RegistryError) -> Bool {
        guard let upload = commit.upload else { return false }
        do throws(CatalogError) {
            guard let row = try await catalog.upload(upload), !row.isOpen else { return false }
            if try await isRepeat(commit, of: row) { return true }
        } catch { throw RegistryError(error) }
        throw .uploadUnknown
    }

    private func isRepeat(_ commit: Commit, of row: UploadFact) async throws(CatalogError) -> Bool {
        guard case .committed(let digest) = row.outcome, digest == commit.digest else { return false }
        // "Created" promises the content as much as "exists" does (G2).
        let promise = catalog.promise(digest, in: commit.repository)
        if let fact = try await catalog.blob(digest, in: commit.repository), !fact.isDamaged {
            if fact.state == .live { return true }
            if try await catalog.revive(digest, in: commit.repository) { return true }
        }
        catalog.leases.withdraw(promise)
        return false
    }

    private func commit(
        _ commit: Commit, size: Int64, content: BlobCommit.Content
    ) async throws(RegistryError) -> CommitResult {
        do throws(CatalogError) {
            let outcome = try await catalog.commitBlob(
                BlobCommit(
                    repository: commit.repository, digest: commit.digest, size: size, content: content,
                    upload: commit.upload, principal: commit.principal))
            switch outcome {
            case .committed(let isNew): return isNew ? .staged : .alreadyThere
            case .contentGone: return .contentGone
            case .uploadEnded(let row):
                guard try await isRepeat(commit, of: row) else { break }
                return .alreadyThere
            }
        } catch { throw RegistryError(error) }
        throw .uploadUnknown
    }

    func hash(_ bytes: [UInt8], _ algorithm: Digest.Algorithm) throws(RegistryError) -> Digest {
        do throws(HashError) {
            return try bytes.withUnsafeBufferPointer { buffer throws(HashError) in
                try Digest.of(UnsafeRawBufferPointer(buffer), algorithm)
            }
        } catch { throw RegistryError(error) }
    }
}

/// What a close commits, and for whom.
private struct Commit {
    let digest: Digest
    let repository: RepositoryName
    let principal: Principal
    /// Of the client.
    let address: String
    /// Nil where no client knows the upload's location, so that its end need not be remembered.
    let upload: UploadID?
}

private enum CommitResult {
    /// New content, which the settler has to give its place.
    case staged
    /// The content was here before; the new bytes are not needed.
    case alreadyThere
    /// The content that was seen has gone meanwhile; its bytes have to be given.
    case contentGone
}
