package import Glibc

/// The real system calls.
package struct SystemFiles: FileOperations {
    package var now: ContinuousClock.Instant { .now }

    package init() {}

    package func openRoot(_ path: String) throws(SystemError) -> CInt {
        try check(.open) { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    }

    package func open(_ name: String, in folder: CInt, _ purpose: OpenPurpose) throws(SystemError) -> CInt {
        let flags = purpose.flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY
        let descriptor = try check(.open) { openat(folder, name, flags, purpose.mode) }
        guard purpose == .creating || purpose == .creatingSealed else { return descriptor }
        do {
            // Whatever the umask; the server's own, 077, takes nothing away.
            if try status(descriptor).mode != UInt32(purpose.mode) { try setMode(descriptor, UInt32(purpose.mode)) }
        } catch {
            close(descriptor)
            _ = unlinkat(folder, name, 0)
            throw error
        }
        return descriptor
    }

    package func openIfCached(_ path: String, in folder: CInt) -> CInt? { OpenCached.open(path, in: folder) }

    package func close(_ descriptor: CInt) {
        // Linux lets go of the descriptor even if it reports an interruption (close(2)): never repeated.
        _ = Glibc.close(descriptor)
    }

    package func write(
        _ descriptor: CInt, _ pieces: UnsafeBufferPointer<iovec>, at offset: Int64
    ) throws(SystemError) -> Int {
        try check(.write) { pwritev(descriptor, pieces.baseAddress, CInt(pieces.count), off_t(offset)) }
    }

    package func read(
        _ descriptor: CInt, _ into: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(SystemError) -> Int {
        try check(.read) { pread(descriptor, into.baseAddress, into.count, off_t(offset)) }
    }

    package func truncate(_ descriptor: CInt, to size: Int64) throws(SystemError) {
        _ = try check(.truncate) { ftruncate(descriptor, off_t(size)) }
    }

    package func setMode(_ descriptor: CInt, _ mode: UInt32) throws(SystemError) {
        _ = try check(.setMode) { fchmod(descriptor, mode) }
    }

    package func status(_ descriptor: CInt) throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try check(.status) { fstat(descriptor, &status) }
        return FileStatus(status)
    }

    package func status(of name: String, in folder: CInt) throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try check(.statusOfName) { fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) }
        return FileStatus(status)
    }

    package func names(in folder: CInt) throws(SystemError) -> [String] {
        // A second descriptor: closedir closes the one it was given, and a listing has a place of its own.
        let descriptor = try check(.list) { openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard let listing = fdopendir(descriptor) else {
            let code = errno
            close(descriptor)
            throw SystemError(.list, ErrorNumber(code))
        }
        defer { closedir(listing) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(listing) else { break }
            let record = UnsafeRawBufferPointer(start: entry, count: Int(entry.pointee.d_reclen))
            let bytes = record.dropFirst(MemoryLayout<dirent>.offset(of: \.d_name) ?? 0).prefix { $0 != 0 }
            let name = String(decoding: bytes, as: UTF8.self)
            if name != "." && name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw SystemError(.list, ErrorNumber(errno)) }
        return names
    }

    package func sync(_ descriptor: CInt) throws(SystemError) {
        try checkOnce(.sync) { fsync(descriptor) }
    }

    package func syncData(_ descriptor: CInt) throws(SystemError) {
        try checkOnce(.syncData) { fdatasync(descriptor) }
    }

    package func syncAll(_ folder: CInt) throws(SystemError) {
        try checkOnce(.syncAll) { SyncFileSystem.sync(folder) }
    }

    package func startWriteBack(
        _ descriptor: CInt, from offset: Int64, count: Int64, waiting: Bool
    ) throws(SystemError) {
        try checkOnce(.startWriteBack) {
            SyncFileRange.start(descriptor, from: offset, count: count, waiting: waiting)
        }
    }

    package func rename(
        _ name: String, in folder: CInt, to newName: String, in newFolder: CInt
    ) throws(SystemError) {
        _ = try check(.rename) { renameat(folder, name, newFolder, newName) }
    }

    package func unlink(_ name: String, in folder: CInt) throws(SystemError) {
        _ = try check(.unlink) { unlinkat(folder, name, 0) }
    }

    package func makeFolder(_ name: String, in folder: CInt) throws(SystemError) {
        _ = try check(.makeFolder) { mkdirat(folder, name, 0o700) }
        _ = try check(.makeFolder) { fchmodat(folder, name, 0o700, 0) }  // whatever the umask
    }

    package func allocate(_ descriptor: CInt, size: Int64) throws(SystemError) {
        // Answers the error instead of setting errno; writes by itself where the file system cannot allocate.
        var code: Int32
        repeat { code = posix_fallocate(descriptor, 0, off_t(size)) } while code == EINTR
        guard code == 0 else { throw SystemError(.allocate, ErrorNumber(code)) }
    }

    package func freeSpace(_ descriptor: CInt) throws(SystemError) -> Int64 {
        var status = statvfs()
        _ = try check(.freeSpace) { fstatvfs(descriptor, &status) }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : Int64(clamping: bytes)
    }

    package func lock(_ descriptor: CInt) throws(SystemError) {
        _ = try check(.lock) { flock(descriptor, LOCK_EX | LOCK_NB) }
    }

    private func check<Value: SignedInteger>(
        _ call: SystemCall, _ body: () -> Value
    ) throws(SystemError) -> Value {
        while true {
            let result = body()
            if result >= 0 { return result }
            if errno != EINTR { throw SystemError(call, ErrorNumber(errno)) }
        }
    }

    /// An interrupted sync is a failed one: a second call could report a success that is none (B6).
    private func checkOnce(_ call: SystemCall, _ body: () -> CInt) throws(SystemError) {
        guard body() == 0 else { throw SystemError(call, ErrorNumber(errno)) }
    }
}

extension OpenPurpose {
    fileprivate var mode: mode_t { self == .creatingSealed ? 0o400 : 0o600 }

    fileprivate var flags: CInt {
        switch self {
        case .reading: O_RDONLY | O_NONBLOCK
        case .writing: O_RDWR | O_NONBLOCK
        case .creating, .creatingSealed: O_RDWR | O_CREAT | O_EXCL
        case .writingOrCreating: O_RDWR | O_CREAT | O_NONBLOCK
        case .folder: O_RDONLY | O_DIRECTORY
        }
    }
}

extension FileStatus {
    fileprivate init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: kind = .regular
        case S_IFDIR: kind = .folder
        default: kind = .other
        }
        size = Int64(status.st_size)
        allocated = Int64(status.st_blocks) * 512
        owner = status.st_uid
        mode = status.st_mode & 0o7777
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        links = Int(clamping: status.st_nlink)
        modifiedSeconds = Int64(status.st_mtim.tv_sec)
    }
}
