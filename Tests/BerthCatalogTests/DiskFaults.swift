import Foundation
import Synchronization

/// Makes fdatasync and pwrite fail for chosen files, and counts the syncs. SQLite's library finds these functions here
/// instead of in libc, for the linker puts the executable first; everything else goes through untouched.
final class DiskFaults: Sendable {
    static let shared = DiskFaults()

    private struct State {
        var failing: [String: Int32] = [:]
        var syncs: [String: Int] = [:]
    }
    private let state = Mutex(State())
    /// Looking up a file's name costs a system call; most runs of the process need none.
    private let isWatching = Atomic<Bool>(false)

    private init() {}

    /// From now on every sync and write of the file `path` fails with `error`.
    func fail(_ path: String, with error: Int32) {
        state.withLock { $0.failing[path] = error }
        isWatching.store(true, ordering: .releasing)
    }
    func heal(_ path: String) { state.withLock { $0.failing[path] = nil } }

    /// Counts the syncs of the file `path` from here on.
    func watch(_ path: String) {
        state.withLock { $0.syncs[path] = 0 }
        isWatching.store(true, ordering: .releasing)
    }
    func syncs(of path: String) -> Int { state.withLock { $0.syncs[path] ?? 0 } }

    fileprivate func failure(of file: Int32, isSync: Bool) -> Int32? {
        guard isWatching.load(ordering: .acquiring) else { return nil }
        var buffer = [UInt8](repeating: 0, count: 1_024)
        let count = buffer.withUnsafeMutableBytes { buffer in
            readlink("/proc/self/fd/\(file)", buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        guard count > 0 else { return nil }
        let path = String(decoding: buffer[..<count], as: UTF8.self)
        return state.withLock { state in
            if isSync, state.syncs[path] != nil { state.syncs[path, default: 0] += 1 }
            return state.failing[path]
        }
    }
}

private typealias Sync = @convention(c) (Int32) -> Int32
private typealias Write = @convention(c) (Int32, UnsafeRawPointer?, Int, Int) -> Int

private let realSync: Sync = next("fdatasync")
private let realWrite: Write = next("pwrite64")

/// The function of that name in the libraries that come after this executable.
private func next<Function>(_ name: String) -> Function {
    // RTLD_NEXT, a macro that Swift does not see.
    let address = dlsym(UnsafeMutableRawPointer(bitPattern: -1), name)
    precondition(address != nil, "libc has \(name)")
    return unsafeBitCast(address, to: Function.self)
}

@_cdecl("fdatasync")
public func watchedSync(_ file: Int32) -> Int32 {
    if let error = DiskFaults.shared.failure(of: file, isSync: true) {
        errno = error
        return -1
    }
    return realSync(file)
}

@_cdecl("pwrite64")
public func watchedWrite(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ offset: Int) -> Int {
    if let error = DiskFaults.shared.failure(of: file, isSync: false) {
        errno = error
        return -1
    }
    return realWrite(file, bytes, count, offset)
}
