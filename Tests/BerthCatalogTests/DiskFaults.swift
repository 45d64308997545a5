import Foundation
import GRDBSQLite
import Synchronization

/// Stands between SQLite and its files: makes syncs and writes of chosen files fail, and counts the syncs. Everything
/// else goes through untouched. Files that are opened before `install` are not watched.
final class DiskFaults: Sendable {
    static let shared = DiskFaults()

    /// A file that SQLite has open, and the functions that it would call for it without us, by their address.
    fileprivate struct OpenFile {
        let path: String
        let functions: UInt

        var original: sqlite3_io_methods? { UnsafePointer<sqlite3_io_methods>(bitPattern: functions)?.pointee }
    }
    private struct State {
        var files: [UInt: OpenFile] = [:]
        var failing: [String: (error: Int32, isSyncAlone: Bool)] = [:]
        var syncs: [String: Int] = [:]
    }
    private let state = Mutex(State())

    private init() {}

    /// Puts this in front of SQLite's own file system, once in the life of the process.
    static func install() { _ = isInstalled }

    /// From now on every sync of the file `path`, and unless `onlySyncs` every write, fails with `error`.
    func fail(_ path: String, with error: Int32, onlySyncs: Bool = false) {
        state.withLock { $0.failing[path] = (error, onlySyncs) }
    }
    func heal(_ path: String) { state.withLock { $0.failing[path] = nil } }

    /// Counts the syncs of the file `path` from here on.
    func watch(_ path: String) { state.withLock { $0.syncs[path] = 0 } }
    func syncs(of path: String) -> Int { state.withLock { $0.syncs[path] ?? 0 } }

    fileprivate func opened(_ file: UnsafeMutablePointer<sqlite3_file>, path: String) {
        let functions = UInt(bitPattern: file.pointee.pMethods)
        state.withLock { $0.files[UInt(bitPattern: file)] = OpenFile(path: path, functions: functions) }
    }
    fileprivate func closed(_ file: UnsafeMutablePointer<sqlite3_file>?) -> OpenFile? {
        state.withLock { $0.files.removeValue(forKey: UInt(bitPattern: file)) }
    }

    /// The file if the call is to go through; nil with `errno` set if it has to fail.
    fileprivate func passing(_ file: UnsafeMutablePointer<sqlite3_file>?, isSync: Bool) -> OpenFile? {
        let (open, error) = state.withLock { state -> (OpenFile?, Int32?) in
            guard let open = state.files[UInt(bitPattern: file)] else { return (nil, EBADF) }
            if isSync, let count = state.syncs[open.path] { state.syncs[open.path] = count + 1 }
            guard let failing = state.failing[open.path], isSync || !failing.isSyncAlone else { return (open, nil) }
            return (open, failing.error)
        }
        guard let error else { return open }
        errno = error
        return nil
    }
}

private let isInstalled: Bool = {
    guard let original = sqlite3_vfs_find(nil) else { return false }
    // Lives as long as the process, as SQLite asks of what is registered.
    let system = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    system.initialize(to: original.pointee)
    system.pointee.zName = UnsafePointer(strdup("berth-faults"))
    system.pointee.xOpen = { system, name, file, flags, given in
        guard let file, let original = sqlite3_vfs_find("unix") else { return SQLITE_ERROR }
        let code = original.pointee.xOpen(system, name, file, flags, given)
        guard code == SQLITE_OK, let name, let functions = file.pointee.pMethods else { return code }
        DiskFaults.shared.opened(file, path: String(cString: name))
        let watched = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        watched.initialize(to: functions.pointee)
        watch(watched)
        file.pointee.pMethods = UnsafePointer(watched)
        return code
    }
    return sqlite3_vfs_register(system, 1) == SQLITE_OK
}()

private func watch(_ functions: UnsafeMutablePointer<sqlite3_io_methods>) {
    functions.pointee.xSync = { file, flags in
        guard let open = DiskFaults.shared.passing(file, isSync: true) else { return SQLITE_IOERR | 4 << 8 }
        return open.original?.xSync?(file, flags) ?? SQLITE_ERROR
    }
    functions.pointee.xWrite = { file, bytes, count, offset in
        guard let open = DiskFaults.shared.passing(file, isSync: false) else {
            return errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR | 3 << 8
        }
        return open.original?.xWrite?(file, bytes, count, offset) ?? SQLITE_ERROR
    }
    functions.pointee.xClose = { file in
        let watched = file?.pointee.pMethods
        let code = DiskFaults.shared.closed(file)?.original?.xClose?(file) ?? SQLITE_ERROR
        UnsafeMutablePointer(mutating: watched)?.deallocate()
        return code
    }
}
