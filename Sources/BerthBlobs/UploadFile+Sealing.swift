import BerthModel

// Steps 2 and 3 of the large upload, and back.
extension UploadFile {
    /// Step 2 of the large upload.
    mutating func seal() throws(BlobError) {
        let descriptor = try openedForWriting()
        guard !isSealed else { return }
        let files = uploads.files
        do throws(SystemError) {
            let status = try files.status(descriptor)
            guard status.size == offset, status.links == 1, try !isTaken(id.sealedName)
            else { throw SystemError(.status, .stale) }
            try files.rename(id.openName, in: uploads.descriptor, to: id.sealedName, in: uploads.descriptor)
        } catch  where error.errno == .stale || error.errno == .notThere {
            throw die()
        } catch { throw uploads.failure(error) }
        do {
            try files.setMode(descriptor, 0o400)
        } catch {
            let failure = uploads.failure(error)
            try renameBack()
            throw failure
        }
        isSealed = true
    }

    /// A finished upload of the same id may be committed content: nothing is ever renamed over it (B3).
    private func isTaken(_ name: String) throws(SystemError) -> Bool {
        do throws(SystemError) {
            _ = try uploads.files.status(of: name, in: uploads.descriptor)
            return true
        } catch {
            guard error.errno == .notThere else { throw error }
            return false
        }
    }

    /// Step 3 of the large upload: the file's part.
    mutating func sync() throws(BlobError) {
        guard uploads.syncs else { return }
        guard let descriptor, !isDead else { throw .dead(id) }
        do {
            try uploads.files.sync(descriptor)
        } catch { throw die() }
    }

    mutating func unseal() throws(BlobError) {
        guard !isDead else { throw .dead(id) }
        guard isSealed, let descriptor else { return }
        do {
            try uploads.files.setMode(descriptor, 0o600)
        } catch { throw uploads.failure(error) }
        try renameBack()
        isSealed = false
        uploads.noteUnsealed(id)
    }

    private mutating func renameBack() throws(BlobError) {
        do {
            try uploads.files.rename(id.sealedName, in: uploads.descriptor, to: id.openName, in: uploads.descriptor)
        } catch { throw die() }
    }
}
