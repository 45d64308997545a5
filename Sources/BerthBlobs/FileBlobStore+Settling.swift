import BerthDigest
package import BerthModel

extension FileBlobStore {
    /// Content that is synced and waits for its name.
    private enum Ready: Sendable {
        /// A temporary file; `copyOf` is the finished upload that it replaces.
        case temporary(String, copyOf: UploadID?)
        case sealed(UploadID)
        /// Has its final name already, by an earlier process.
        case inPlace
    }
    private typealias Item = (content: StagedContent, ready: Ready)

    package func settle(_ batch: [StagedContent]) async -> [Digest: Result<Void, BlobError>] {
        var failures: [Digest: BlobError] = [:]
        let ready = await inParallel(batch, &failures, content: \.self) { content async throws(BlobError) in
            (content, try await prepare(content))
        }
        let folders = await openFolders(ready)
        let named = await inParallel(ready, &failures, content: \.content) { item async throws(BlobError) in
            try await name(item, in: folders)
            return item
        }
        let synced = await syncFolders(of: named, folders)
        let settled = await inParallel(named, &failures, content: \.content) { item async throws(BlobError) in
            try await finish(item, in: folders, synced)
            return item
        }
        var results: [Digest: Result<Void, BlobError>] = [:]
        for item in settled { results[item.content.digest] = .success(()) }
        for (digest, failure) in failures { results[digest] = .failure(failure) }
        return results
    }

    /// Does `work` for all of `inputs` at once; one that fails is noted and left out.
    private func inParallel<Input: Sendable, Output: Sendable>(
        _ inputs: [Input],
        _ failures: inout [Digest: BlobError],
        content: (Input) -> StagedContent,
        _ work: @escaping @Sendable (Input) async throws(BlobError) -> Output
    ) async -> [Output] {
        let digests = inputs.map { content($0).digest }
        return await withTaskGroup(of: (Int, Result<Output, BlobError>).self) { group in
            for (index, input) in inputs.enumerated() {
                group.addTask {
                    do throws(BlobError) {
                        return (index, .success(try await work(input)))
                    } catch { return (index, .failure(error)) }
                }
            }
            var outputs: [Output] = []
            for await (index, result) in group {
                switch result {
                case .success(let output): outputs.append(output)
                case .failure(let error): failures[digests[index]] = error
                }
            }
            return outputs
        }
    }

    // Step 1: bytes that are synced, under a name that no reader looks at (B2)

    private func prepare(_ content: StagedContent) async throws(BlobError) -> Ready {
        try await workers.run(.syncs) { () throws(BlobError) in
            do throws(BlobError) {
                return try prepareNow(content)
            } catch where error == .noSpace {
                return try prepareNow(content)  // the reserve has been given up meanwhile
            }
        }
    }

    private func prepareNow(_ content: StagedContent) throws(BlobError) -> Ready {
        switch content.source {
        case .bytes(let bytes):
            let name = try writeTemporary { (file) throws(SystemError) in
                try bytes.withUnsafeBytes { (all) throws(SystemError) in try files.writeAll(file, all, at: 0) }
            }
            return .temporary(name, copyOf: nil)
        case .sealed(let id):
            do throws(SystemError) {
                let file = try openWhole(id.sealedName, in: uploadFolder.descriptor, size: content.size)
                return try prepare(file, of: id, content)
            } catch where error.errno == .notThere {
                return try findInPlace(content)
            } catch { throw uploadFolder.failure(error) }
        }
    }

    private func prepare(_ file: OpenFile, of id: UploadID, _ content: StagedContent) throws(SystemError) -> Ready {
        guard uploadFolder.syncs, !uploadFolder.isSynced(id) else { return .sealed(id) }
        if uploadFolder.isSuspect(id) { return .temporary(try copy(file, content), copyOf: id) }
        do {
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
        try writeTemporary { (target) throws(SystemError) in
            let digest = try files.hash(file.descriptor, size: content.size, content.digest.algorithm) {
                (bytes, offset) throws(SystemError) in
                try files.writeAll(target, bytes, at: offset)
            }
            guard digest == content.digest else { throw SystemError(.read, .inputOutput) }
        }
    }

    /// An earlier process got as far as the rename. The name is no evidence (B3), so the bytes are looked at.
    private func findInPlace(_ content: StagedContent) throws(BlobError) -> Ready {
        do throws(SystemError) {
            let folder = try fanOut.folder(content.digest)
            let file = try openWhole(content.digest.fileName, in: folder.descriptor, size: content.size)
            let digest = try files.hash(file.descriptor, size: content.size, content.digest.algorithm) { _, _ in }
            guard digest == content.digest else { throw SystemError(.open, .notThere) }
            if uploadFolder.syncs { try files.sync(file.descriptor) }
            return .inPlace
        } catch { throw missing(error) }
    }

    /// A new file, sealed and synced; removed again if anything fails. Answers its name under uploads/.
    private func writeTemporary<Failure: StoreFailure>(
        _ write: (CInt) throws(SystemError) -> Void
    ) throws(Failure) -> String {
        let name = uploadFolder.temporaryName()
        do throws(SystemError) {
            let file = try files.open(name, in: uploadFolder.descriptor, .creating)
            defer { files.close(file) }
            do {
                try write(file)
                try files.setMode(file, 0o400)
                if uploadFolder.syncs { try files.syncData(file) }
            } catch {
                try? files.unlink(name, in: uploadFolder.descriptor)
                throw error
            }
            return name
        } catch { throw Failure(error, uploadFolder) }
    }
}
