package import BerthModel
import NIOCore

extension FileBlobStore {
    package func cached(_ digest: Digest, size: Int64) -> OpenFile? {
        guard let file = cache.file(digest, size: size) else { return openNow(digest, size: size) }
        // Content that somebody removed behind our back must not be promised to a pusher because it is still open here.
        guard let status = try? files.status(file.descriptor), status.links > 0 else {
            cache.evict(digest)
            return nil
        }
        return file
    }

    /// Small content is read by many names, more than can stay open; most of it is in the kernel's memory.
    private func openNow(_ digest: Digest, size: Int64) -> OpenFile? {
        let generation = cache.generation(digest)
        guard let descriptor = fanOut.openIfCached(digest) else { return nil }
        let file = OpenFile(descriptor, size: size, files: files)
        guard let status = try? files.status(descriptor), status.kind == .regular, status.size == size,
            status.links > 0
        else { return nil }
        cache.insertIfHot(file, digest, since: generation)
        return file
    }

    package func evict(_ digest: Digest) { cache.evict(digest) }

    package func open(_ digest: Digest, size: Int64) async throws(BlobError) -> OpenFile {
        if let file = cached(digest, size: size) { return file }
        return try await workers.run(.calls) { () throws(BlobError) in try openWaiting(digest, size: size) }
    }

    /// What is not in memory is not read by event loops, and each change of threads costs more than some pages: whoever has
    /// waited for the name waits for the bytes as well.
    package func content(_ digest: Digest, size: Int64) async throws(BlobError) -> BlobContent {
        if let file = cached(digest, size: size) { return .file(file) }
        return try await workers.run(.calls) { () throws(BlobError) in
            let file = try openWaiting(digest, size: size)
            guard size <= Self.largestRead else { return .file(file) }
            var bytes = ByteBufferAllocator().buffer(capacity: Int(size))
            do throws(SystemError) {
                let count = try files.readAll(file.descriptor, count: Int(size), into: &bytes)
                guard count == Int(size) else { throw SystemError(.read, .inputOutput) }
            } catch { throw BlobError(error) }
            return .bytes(bytes)
        }
    }

    private static let largestRead: Int64 = 64 << 10

    private func openWaiting(_ digest: Digest, size: Int64) throws(BlobError) -> OpenFile {
        let generation = cache.generation(digest)
        let file: OpenFile
        do throws(SystemError) {
            let folder = try fanOut.folder(digest)
            file = try openWhole(digest.fileName, in: folder.descriptor, size: size)
        } catch { throw missing(error) }
        cache.insert(file, digest, since: generation)
        return file
    }

    package func openSealed(_ upload: UploadID, size: Int64) async throws(BlobError) -> OpenFile {
        try await workers.run(.calls) { () throws(BlobError) in
            do throws(SystemError) {
                return try openWhole(upload.sealedName, in: uploadFolder.descriptor, size: size)
            } catch { throw missing(error) }
        }
    }

    package func contents(of file: OpenFile) async throws(BlobError) -> [UInt8] {
        try await workers.run(.calls) { () throws(BlobError) in
            let bytes: [UInt8]
            do throws(SystemError) {
                bytes = try files.readAll(file.descriptor, count: Int(file.size))
            } catch { throw BlobError(error) }
            guard bytes.count == Int(file.size) else { throw .absent }
            return bytes
        }
    }

    package func isPresent(_ digest: Digest, size: Int64) async throws(BlobError) -> Bool {
        try await workers.run(.calls) { () throws(BlobError) in
            do throws(SystemError) {
                let folder = try fanOut.folder(digest)
                let status = try files.status(of: digest.fileName, in: folder.descriptor)
                return status.kind == .regular && status.size == size
            } catch {
                let failure = missing(error)
                guard failure == .absent else { throw failure }
                return false
            }
        }
    }

    /// A regular file of `size` bytes; `.notThere` if it is anything else (B9).
    func openWhole(_ name: String, in folder: CInt, size: Int64) throws(SystemError) -> OpenFile {
        let file = OpenFile(try files.open(name, in: folder, .reading), size: size, files: files)
        let status = try files.status(file.descriptor)
        guard status.kind == .regular, status.size == size else { throw SystemError(.open, .notThere) }
        return file
    }

    /// What an error of looking for content means. Absence counts only while the store itself is there (B9).
    func missing(_ error: SystemError) -> BlobError {
        switch error.errno {
        case .notThere, .symbolicLink, .noFolder, .noDevice:
            do throws(SystemError) {
                let status = try files.status(folders.blobs.descriptor)
                return status.links > 0 ? .absent : BlobError(SystemError(error.call, .stale))
            } catch { return BlobError(error) }
        default: return BlobError(error)
        }
    }
}
