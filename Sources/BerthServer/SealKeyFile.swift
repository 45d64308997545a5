import BerthDigest
import Glibc

/// The key of upload locations, made at the first start and kept under keys/ with mode 0600: a location goes on working
/// after a restart.
enum SealKeyFile {
    static func load(folder: String) throws(StartError) -> SealKey {
        let path = folder + "/upload-seal"
        if let bytes = try read(path) {
            guard bytes.count == 32 else { throw .keyUnusable(path: path, "it has \(bytes.count) bytes, not 32") }
            return SealKey(bytes)
        }
        let key = SealKey.random()
        try write(key.bytes, to: path, in: folder)
        return key
    }

    private static func read(_ path: String) throws(StartError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            guard errno == ENOENT else { throw .keyUnusable(path: path, reason(errno)) }
            return nil
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 33)
        let count = Glibc.read(file, &bytes, bytes.count)
        guard count >= 0 else { throw .keyUnusable(path: path, reason(errno)) }
        return Array(bytes.prefix(count))
    }

    /// Whole or not at all: written beside, synced, and renamed.
    static func write(_ bytes: [UInt8], to path: String, in folder: String) throws(StartError) {
        let temporary = path + ".new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw .keyUnusable(path: path, reason(errno)) }
        defer { close(file) }
        guard Glibc.write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0, rename(temporary, path) == 0
        else { throw .keyUnusable(path: path, reason(errno)) }
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw .keyUnusable(path: path, reason(errno)) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw .keyUnusable(path: path, reason(errno)) }
    }

    private static func reason(_ code: CInt) -> String { strerror(code).map { String(cString: $0) } ?? "errno \(code)" }
}
