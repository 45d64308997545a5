import BerthBlobs
import BerthDigest
import BerthModel
import Glibc
import NIOCore

/// An empty folder that is removed with all in it when the last owner lets go.
final class TemporaryRoot: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/berth-blobs-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ErrorNumberThrown(errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { removeTree(path) }

    /// A store with a small reserve and few threads.
    func store(
        _ files: any FileOperations = SystemFiles(), sync: SyncMode = .always, descriptorCache: Int = 64,
        reserve: Int64 = 1 << 20
    ) async throws -> FileBlobStore {
        let options = FileBlobStoreOptions(sync: sync, descriptorCache: descriptorCache, threads: 2, reserve: reserve)
        return try await FileBlobStore(root: path, options: options, files: files)
    }

    /// Names below a folder, in byte order.
    func names(_ folder: String) throws -> [String] {
        let files = SystemFiles()
        let descriptor = try files.openRoot(path + "/" + folder)
        defer { files.close(descriptor) }
        return try files.names(in: descriptor).sorted { precedesInBytes($0, $1) }
    }

    func status(_ name: String) throws -> FileStatus {
        let files = SystemFiles()
        let folder = try files.openRoot(path)
        defer { files.close(folder) }
        return try files.status(of: name, in: folder)
    }

    func exists(_ name: String) -> Bool { access(path + "/" + name, F_OK) == 0 }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        guard let file = fopen(path + "/" + name, "w") else { throw ErrorNumberThrown(errno) }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw ErrorNumberThrown(errno) }
    }

    func read(_ name: String) throws -> [UInt8] {
        guard let file = fopen(path + "/" + name, "r") else { throw ErrorNumberThrown(errno) }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes[..<count])
    }

    /// Where the layout puts a digest, below the root.
    static func place(_ digest: Digest) -> String {
        "blobs/\(digest.algorithm.rawValue)/\(digest.hex.prefix(2))/\(digest.hex)"
    }
}

struct ErrorNumberThrown: Error {
    let code: CInt
    init(_ code: CInt) { self.code = code }
}

private func removeTree(_ path: String) {
    guard let listing = opendir(path) else {
        unlink(path)
        return
    }
    while let entry = readdir(listing) {
        let record = UnsafeRawBufferPointer(start: entry, count: Int(entry.pointee.d_reclen))
        let bytes = record.dropFirst(MemoryLayout<dirent>.offset(of: \.d_name) ?? 0).prefix { $0 != 0 }
        let name = String(decoding: bytes, as: UTF8.self)
        if name == "." || name == ".." { continue }
        if entry.pointee.d_type == UInt8(DT_DIR) { removeTree(path + "/" + name) } else { unlink(path + "/" + name) }
    }
    closedir(listing)
    rmdir(path)
}
