import Foundation
import GRDBSQLite
import Synchronization

/// Stands between SQLite and its files: makes syncs and writes of chosen files fail, and counts the syncs. Everything
/// else goes through untouched. Files that are opened before `install` are not watched.
final class DiskFaults: Sendable {
    static let shared = DiskFaults()

    private struct State {
        var paths: [UInt: String] = [:]
        var failing: [String: Int32] = [:]
        var syncs: [String: Int] = [:]
    }
    private let state = Mutex(State())

    private init() {}

    /// Puts this in front of SQLite's own file system, once in the life of the process.
    static func install() { _ = isInstalled }

    /// From now on every sync and write of the file `path` fails with `error`.
    func fail(_ path: String, with error: Int32) { state.withLock { $0.failing[path] = error } }
    func heal(_ path: String) { state.withLock { $0.failing[path] = nil } }

    /// Counts the syncs of the file `path` from here on.
    func watch(_ path: String) { state.withLock { $0.syncs[path] = 0 } }
    func syncs(of path: String) -> Int { state.withLock { $0.syncs[path] ?? 0 } }

    fileprivate func opened(_ file: UInt, path: String) { state.withLock { $0.paths[file] = path } }
    fileprivate func closed(_ file: UInt) { state.withLock { $0.paths[file] = nil } }

    /// Sets `errno` and is true where the call has to fail.
    fileprivate func fails(_ file: UnsafeMutablePointer<sqlite3_file>?, isSync: Bool) -> Bool {
        let error = state.withLock { state -> Int32? in
            guard let path = state.paths[UInt(bitPattern: file)] else { return nil }
            if isSync, let count = state.syncs[path] { state.syncs[path] = count + 1 }
            return state.failing[path]
        }
        guard let error else { return false }
        errno = error
        return true
    }
}

/// What SQLite would call without us. The tables live as long as the process.
private struct Original: @unchecked Sendable {
    // Safe to share: C tables that nobody changes once they are registered.
    let system: UnsafeMutablePointer<sqlite3_vfs>
    let files: UnsafePointer<sqlite3_io_methods>
    let watched: UnsafeMutablePointer<sqlite3_io_methods>
}

private let untouched: Original? = {
    guard let system = sqlite3_vfs_find(nil) else { return nil }
    // SQLite does not name its table of file functions; a file that is opened has it.
    guard let files = functionsOfFiles(system) else { return nil }
    let watched = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    watched.initialize(to: files.pointee)
    watched.pointee.xSync = { file, flags in
        DiskFaults.shared.fails(file, isSync: true)
            ? SQLITE_IOERR | 4 << 8 : untouched?.files.pointee.xSync?(file, flags) ?? SQLITE_ERROR
    }
    watched.pointee.xWrite = { file, bytes, count, offset in
        guard DiskFaults.shared.fails(file, isSync: false) else {
            return untouched?.files.pointee.xWrite?(file, bytes, count, offset) ?? SQLITE_ERROR
        }
        return errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR | 3 << 8
    }
    watched.pointee.xClose = { file in
        DiskFaults.shared.closed(UInt(bitPattern: file))
        return untouched?.files.pointee.xClose?(file) ?? SQLITE_ERROR
    }
    return Original(system: system, files: files, watched: watched)
}()

private let isInstalled: Bool = {
    guard let original = untouched else { return false }
    let system = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    system.initialize(to: original.system.pointee)
    system.pointee.zName = UnsafePointer(strdup("berth-faults"))
    system.pointee.xOpen = { system, name, file, flags, given in
        guard let original = untouched else { return SQLITE_ERROR }
        let code = original.system.pointee.xOpen(system, name, file, flags, given)
        if code == SQLITE_OK, let name, file?.pointee.pMethods == original.files {
            DiskFaults.shared.opened(UInt(bitPattern: file), path: String(cString: name))
            file?.pointee.pMethods = UnsafePointer(original.watched)
        }
        return code
    }
    return sqlite3_vfs_register(system, 1) == SQLITE_OK
}()

private func functionsOfFiles(_ system: UnsafeMutablePointer<sqlite3_vfs>) -> UnsafePointer<sqlite3_io_methods>? {
    let size = Int(system.pointee.szOsFile)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    let file = memory.assumingMemoryBound(to: sqlite3_file.self)
    let path = strdup("\(FileManager.default.temporaryDirectory.path)/berth-faults-\(UUID().uuidString)")
    defer { free(path) }
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_DELETEONCLOSE
    guard system.pointee.xOpen(system, path, file, flags, nil) == SQLITE_OK else { return nil }
    let files = file.pointee.pMethods
    _ = files?.pointee.xClose?(file)
    return files
}
