package import BerthModel

extension FileBlobStore {
    /// Content that is synced and waits for its name.
    fileprivate enum Ready: Sendable {
        /// A temporary file; `copyOf` is the finished upload that it replaces.
        case temporary(String, copyOf: UploadID?)
        case sealed(UploadID)
    }
    private struct Item: Sendable {
        let content: StagedContent
        let ready: Ready
    }

    /// In turn with whoever settles or removes the same content: an unlink under way is waited for.
    package func settle(_ batch: [StagedContent]) async -> [Digest: Result<Void, BlobError>] {
        let results = try? await locks.withLocks(Set(batch.map(\.digest))) { await settleInTurn(batch) }
        return results ?? [:]
    }

    private func settleInTurn(_ batch: [StagedContent]) async -> [Digest: Result<Void, BlobError>] {
        var failures: [Digest: BlobError] = [:]
        let small = batch.count { if case .bytes = $0.source { true } else { false } }
        let isTogether = uploadFolder.syncs && uploadFolder.batchSync.isWorthIt(files: small)
        var ready = await onThreads(batch, &failures, content: \.self) { content throws(BlobError) in
            Item(content: content, ready: try prepare(content, isSynced: !isTogether))
        }
        if isTogether { ready = await syncTogether(ready, &failures) }
        let folders = await openFolders(ready)
        let named = await onThreads(ready, &failures, content: \.content) { item throws(BlobError) in
            try name(item, in: folders)
            return item
        }
        let synced =
            isTogether ? await syncTogether(namesOf: named) : await syncFolders(of: named, folders)
        var results: [Digest: Result<Void, BlobError>] = [:]
        for item in named {
            do throws(BlobError) {
                try await finish(item, in: folders, synced)
                results[item.content.digest] = .success(())
            } catch { results[item.content.digest] = .failure(error) }
        }
        for (digest, failure) in failures { results[digest] = .failure(failure) }
        return results
    }

    /// Does `work` for all of `inputs`, a share of them on each of the lane's threads; one that fails is noted and left
    /// out. A hop for each of a batch's small files would cost as much as some of its system calls.
    private func onThreads<Input: Sendable, Output: Sendable>(
        _ inputs: [Input],
        _ failures: inout [Digest: BlobError],
        content: (Input) -> StagedContent,
        _ work: @escaping @Sendable (Input) throws(BlobError) -> Output
    ) async -> [Output] {
        let digests = inputs.map { content($0).digest }
        let shares = min(Workers.settlingThreads, inputs.count)
        let results = await withTaskGroup(of: [(Int, Result<Output, BlobError>)].self) { group in
            for share in 0..<shares {
                group.addTask {
                    let done = try? await workers.run(.settling) {
                        stride(from: share, to: inputs.count, by: shares).map { index in
                            (index, Result { () throws(BlobError) in try work(inputs[index]) })
                        }
                    }
                    return done ?? []
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        var outputs: [Output] = []
        for (index, result) in results {
            switch result {
            case .success(let output): outputs.append(output)
            case .failure(let error): failures[digests[index]] = error
            }
        }
        return outputs
    }

    // Step 1: bytes that are synced, under a name that no reader looks at (B2)

    /// Without `isSynced` small files wait for the sync of the whole batch.
    private func prepare(_ content: StagedContent, isSynced: Bool) throws(BlobError) -> Ready {
        do throws(BlobError) {
            return try prepareNow(content, isSynced)
        } catch  where error == .noSpace {
            return try prepareNow(content, isSynced)  // the reserve has been given up meanwhile
        }
    }

    private func prepareNow(_ content: StagedContent, _ isSynced: Bool) throws(BlobError) -> Ready {
        switch content.source {
        case .bytes(let bytes):
            do throws(SystemError) {
                let name = try writeTemporary(isSynced: isSynced) { (file) throws(SystemError) in
                    try files.writeAll(file, bytes, at: 0)
                }
                return .temporary(name, copyOf: nil)
            } catch { throw uploadFolder.failure(error) }
        case .sealed(let id):
            do throws(SystemError) {
                return try prepare(try sealedFile(id, content), of: id, content)
            } catch { throw error.errno == .notThere ? missing(error) : uploadFolder.failure(error) }
        }
    }

    /// The finished upload. An earlier attempt may have got as far as its final name, which is no evidence (B3): the
    /// bytes are looked at, and the file goes back to its sealed name, so that its entry is made and synced anew.
    private func sealedFile(_ id: UploadID, _ content: StagedContent) throws(SystemError) -> OpenFile {
        do {
            return try openWhole(id.sealedName, in: uploadFolder.descriptor, size: content.size)
        } catch  where error.errno == .notThere {
            let folder = try fanOut.folder(content.digest)
            let name = content.digest.fileName
            let file = try openWhole(name, in: folder.descriptor, size: content.size)
            let digest = try files.hash(file.descriptor, size: content.size, content.digest.algorithm) { _, _ in }
            guard digest == content.digest else { throw SystemError(.open, .notThere) }
            try files.rename(name, in: folder.descriptor, to: id.sealedName, in: uploadFolder.descriptor)
            return file
        }
    }

    private func prepare(_ file: OpenFile, of id: UploadID, _ content: StagedContent) throws(SystemError) -> Ready {
        guard uploadFolder.syncs, !uploadFolder.isSynced(id) else { return .sealed(id) }
        if uploadFolder.isSuspect(id) { return .temporary(try copy(file, content), copyOf: id) }
        do throws(SystemError) {
            try files.sync(file.descriptor)
        } catch {
            uploadFolder.noteSuspect(id)
            throw error
        }
        uploadFolder.noteSynced(id)
        return .sealed(id)
    }

    /// A sync of `file` has failed, and a second one would prove nothing (B6): its bytes, if they are still right, go on
    /// in a new file.
    private func copy(_ file: OpenFile, _ content: StagedContent) throws(SystemError) -> String {
        try writeTemporary(isSynced: true) { (target) throws(SystemError) in
            let digest = try files.hash(file.descriptor, size: content.size, content.digest.algorithm) {
                (bytes, offset) throws(SystemError) in
                try files.writeAll(target, bytes, at: offset)
            }
            guard digest == content.digest else { throw SystemError(.read, .inputOutput) }
        }
    }

    /// A new file, sealed, and synced if that is asked; removed again if anything fails. Answers its name under uploads/.
    private func writeTemporary(
        isSynced: Bool, _ write: (CInt) throws(SystemError) -> Void
    ) throws(SystemError) -> String {
        let name = uploadFolder.temporaryName()
        let file = try files.open(name, in: uploadFolder.descriptor, .creatingSealed)
        defer { files.close(file) }
        do throws(SystemError) {
            try write(file)
            if uploadFolder.syncs, isSynced { try files.syncData(file) }
        } catch {
            try? files.unlink(name, in: uploadFolder.descriptor)
            throw error
        }
        return name
    }

    /// Syncs the small files of a batch, which are to have their names next. After a failure they go, and are written anew
    /// by a later attempt, one by one: nothing is synced again (B6).
    private func syncTogether(_ items: [Item], _ failures: inout [Digest: BlobError]) async -> [Item] {
        guard let failure = await failure(of: .settling, { () throws(SystemError) in try uploadFolder.batchSync.run() })
        else { return items }
        var left: [Item] = []
        for item in items {
            guard case .bytes = item.content.source, case .temporary(let name, _) = item.ready else {
                left.append(item)
                continue
            }
            try? await workers.run(.settling) { () throws(BlobError) in
                try? files.unlink(name, in: uploadFolder.descriptor)
            }
            failures[item.content.digest] = failure
        }
        return left
    }

    /// Makes the names of a batch durable, with one sync for all of their folders.
    private func syncTogether(namesOf items: [Item]) async -> FailedSyncs {
        var failed = FailedSyncs()
        guard let failure = await failure(of: .settling, { () throws(SystemError) in try uploadFolder.batchSync.run() })
        else { return failed }
        for item in items { failed.fanOut[FanOut.key(item.content.digest)] = failure }
        failed.uploads = failure
        return failed
    }

    // Step 2: the final name

    private func openFolders(_ items: [Item]) async -> [FanOut.Key: Result<Folder, SystemError>] {
        let keys = Set(items.map { FanOut.key($0.content.digest) })
        let opened = try? await workers.run(.settling) { fanOut.folders(keys) }
        return opened ?? [:]
    }

    private func name(_ item: Item, in folders: [FanOut.Key: Result<Folder, SystemError>]) throws(BlobError) {
        do throws(SystemError) {
            guard let opened = folders[FanOut.key(item.content.digest)] else { throw SystemError(.open, .stale) }
            try rename(item, in: opened.get())
        } catch {
            if case .temporary(let name, _) = item.ready {
                try? files.unlink(name, in: uploadFolder.descriptor)
            }
            throw uploadFolder.failure(error)
        }
    }

    private func rename(_ item: Item, in folder: Folder) throws(SystemError) {
        let name: String
        switch item.ready {
        case .temporary(let temporary, _): name = temporary
        case .sealed(let id): name = id.sealedName
        }
        let digest = item.content.digest
        try files.rename(name, in: uploadFolder.descriptor, to: digest.fileName, in: folder.descriptor)
        cache.evict(digest)  // what was open under this name may have been damaged
    }

    // Step 3: the name is durable

    /// Folders whose sync failed, and why.
    private struct FailedSyncs: Sendable {
        var fanOut: [FanOut.Key: BlobError] = [:]
        var uploads: BlobError?
    }

    private func syncFolders(
        of items: [Item], _ folders: [FanOut.Key: Result<Folder, SystemError>]
    ) async -> FailedSyncs {
        guard uploadFolder.syncs else { return FailedSyncs() }
        let keys = Set(items.map { FanOut.key($0.content.digest) })
        return await withTaskGroup(of: (FanOut.Key?, BlobError?).self) { group in
            for key in keys {
                guard case .success(let folder) = folders[key] else { continue }
                group.addTask {
                    let failure = await failure(of: .settling) { () throws(SystemError) in
                        try files.sync(folder.descriptor)
                    }
                    return (key, failure)
                }
            }
            if items.contains(where: \.ready.leavesUploads) {
                group.addTask {
                    do throws(BlobError) {
                        try await uploadFolder.sync()
                        return (nil, nil)
                    } catch { return (nil, error) }
                }
            }
            var failed = FailedSyncs()
            for await (key, failure) in group {
                if let key { failed.fanOut[key] = failure } else { failed.uploads = failure }
            }
            return failed
        }
    }

    private func failure(
        of lane: Lane, _ body: @escaping @Sendable () throws(SystemError) -> Void
    ) async -> BlobError? {
        do throws(BlobError) {
            try await workers.run(lane) { () throws(BlobError) in
                do throws(SystemError) { try body() } catch { throw BlobError(error) }
            }
            return nil
        } catch { return error }
    }

    /// Tidies up after a success. After a failure a large file goes back to its sealed name, so that the next attempt
    /// makes a new entry instead of relying on one whose sync failed (B6).
    private func finish(
        _ item: Item, in folders: [FanOut.Key: Result<Folder, SystemError>], _ failed: FailedSyncs
    ) async throws(BlobError) {
        let digest = item.content.digest
        let key = FanOut.key(digest)
        let failure = failed.fanOut[key] ?? (item.ready.leavesUploads ? failed.uploads : nil)
        switch (item.ready, failure) {
        case (.sealed(let id), nil):
            await table.remove(id)?.end()
            uploadFolder.forget(id)
        case (.temporary(_, let id?), nil):
            await table.remove(id)?.end()
            try await workers.run(.calls) { () throws(BlobError) in try removeIfThere(id.sealedName) }
            uploadFolder.forget(id)
        case (.sealed(let id), let failure?):
            try await workers.run(.calls) { () throws(BlobError) in
                guard case .success(let folder) = folders[key] else { throw failure }
                cache.evict(digest)
                try? files.rename(
                    digest.fileName, in: folder.descriptor, to: id.sealedName, in: uploadFolder.descriptor)
                throw failure
            }
        case (_, let failure?): throw failure
        case (_, nil): break
        }
    }
}

extension FileBlobStore.Ready {
    /// Whether giving the content its name takes a name of an upload away.
    fileprivate var leavesUploads: Bool {
        if case .sealed = self { true } else { false }
    }
}
