package import BerthModel

extension FileBlobStore {
    package func upload(
        _ id: UploadID, _ algorithm: Digest.Algorithm, isNew: Bool
    ) async throws(BlobError) -> any BlobWrite {
        guard !uploadFolder.isDead(id) else { throw .dead(id) }
        if let write = table.use(id) { return write }
        guard !isNew, try await uploadSize(id) != nil else {
            try await checkRoom()
            let write = FileBlobWrite(try UploadFile(id, algorithm, in: uploadFolder), in: uploadFolder, table: table)
            table.insert(write)
            return write
        }
        let write = try await workers.run(.calls) { () throws(BlobError) in
            let file = try UploadFile(resuming: id, algorithm, in: uploadFolder)
            return FileBlobWrite(file, in: uploadFolder, table: table)
        }
        try await write.catchUp()
        table.insert(write)
        return write
    }

    package func uploadSize(_ id: UploadID) async throws(BlobError) -> Int64? {
        try await workers.run(.calls) { () throws(BlobError) in
            do throws(SystemError) {
                return try files.status(of: id.openName, in: uploadFolder.descriptor).size
            } catch  where error.errno == .notThere {
                return nil
            } catch { throw BlobError(error) }
        }
    }

    package func discard(_ id: UploadID) async throws(BlobError) {
        await table.remove(id)?.end()
        try await workers.run(.calls) { () throws(BlobError) in try removeIfThere(id.openName) }
        uploadFolder.revive(id)
    }

    package func discardSealed(_ id: UploadID) async throws(BlobError) {
        await table.remove(id)?.end()
        try await workers.run(.calls) { () throws(BlobError) in try removeIfThere(id.sealedName) }
        uploadFolder.forget(id)
    }

    package func uploads() async throws(BlobError) -> [StoredUpload] {
        try await workers.run(.calls) { () throws(BlobError) in
            do throws(SystemError) {
                var found: [StoredUpload] = []
                for name in try files.names(in: uploadFolder.descriptor) {
                    guard let (id, isSealed) = UploadID.parse(fileName: name) else { continue }
                    guard let status = try status(name), status.kind == .regular else { continue }
                    found.append(
                        StoredUpload(
                            id: id, size: status.size, isSealed: isSealed, modifiedSeconds: status.modifiedSeconds))
                }
                return found
            } catch { throw BlobError(error) }
        }
    }

    package func unseal(_ id: UploadID) async throws(BlobError) {
        await table.remove(id)?.end()
        try await workers.run(.calls) { () throws(BlobError) in
            do throws(SystemError) {
                let file = try files.open(id.sealedName, in: uploadFolder.descriptor, .reading)
                defer { files.close(file) }
                guard try files.status(file).kind == .regular else { throw SystemError(.open, .notThere) }
                try files.setMode(file, 0o600)
                let folder = uploadFolder.descriptor
                try files.rename(id.sealedName, in: folder, to: id.openName, in: folder)
            } catch { throw missing(error) }
        }
        uploadFolder.noteUnsealed(id)
    }

    private func status(_ name: String) throws(SystemError) -> FileStatus? {
        do {
            return try files.status(of: name, in: uploadFolder.descriptor)
        } catch  where error.errno == .notThere {
            return nil  // settled or discarded in the meantime
        }
    }

    func removeIfThere(_ name: String) throws(BlobError) {
        do {
            try files.unlink(name, in: uploadFolder.descriptor)
        } catch  where error.errno == .notThere {
            // nothing to remove
        } catch { throw BlobError(error) }
    }
}
