import Glibc
import GRDBSQLite
import Synchronization

/// What is set once for all connections of this process, before the first of them opens.
enum SQLiteProcess {
    private typealias Configure = @convention(c) (CInt, CInt) -> CInt
    private typealias Read = @convention(c) (CInt, UnsafeMutableRawPointer?, Int, Int64) -> Int
    private typealias ReadVector = @convention(c) (CInt, UnsafePointer<iovec>, CInt, Int64, CInt) -> Int

    /// Whether reads can be told not to wait (`withoutWaiting`).
    static let canAvoidWaiting: Bool = {
        countNothing()
        return replaceRead()
    }()

    /// Whether SQLite reads by the call that was replaced: some builds of it do not.
    static var hasRead: Bool { called.load(ordering: .relaxed) }
    private static let called = Atomic<Bool>(false)

    /// What SQLite reads of its files in `body` comes from the kernel's memory or fails, with SQLITE_IOERR: nothing waits
    /// for a disk. What this thread has in SQLite's own memory it has all the same.
    static func withoutWaiting<Value>(_ body: () -> Value) -> Value {
        pthread_setspecific(impatient, UnsafeRawPointer(bitPattern: 1))
        defer { pthread_setspecific(impatient, nil) }
        return body()
    }

    /// SQLite counts its memory under a lock that each allocation of each thread takes. Nobody asks for the count.
    private static func countNothing() {
        // Variadic in C, and called with the arguments that it reads for this option (sqlite3_config(3)).
        guard let symbol = dlsym(dlopen(nil, RTLD_NOW), "sqlite3_config") else { return }
        // Refused where somebody has opened a database before: nothing is lost but some speed.
        _ = unsafeBitCast(symbol, to: Configure.self)(CInt(SQLITE_CONFIG_MEMSTATUS), 0)
    }

    /// SQLite's files are read through a table of system calls that is meant to be changed (`xSetSystemCall`).
    private static func replaceRead() -> Bool {
        guard readVector != nil, let system = sqlite3_vfs_find(nil), system.pointee.iVersion >= 3,
            let set = system.pointee.xSetSystemCall
        else { return false }
        let read: Read = { file, buffer, count, offset in
            SQLiteProcess.read(file, buffer, count, offset)
        }
        // Which of the two it uses depends on how it was built.
        return ["pread", "pread64"].allSatisfy { (name: String) in
            // The table holds functions of all types under one (sqlite3_vfs, "xSetSystemCall"); this is the type of pread(2).
            set(system, name, unsafeBitCast(read, to: sqlite3_syscall_ptr.self)) == SQLITE_OK
        }
    }

    private static func read(
        _ file: CInt, _ buffer: UnsafeMutableRawPointer?, _ count: Int, _ offset: Int64
    ) -> Int {
        if !called.load(ordering: .relaxed) { called.store(true, ordering: .relaxed) }
        guard pthread_getspecific(impatient) != nil, let readVector else {
            return pread(file, buffer, count, off_t(offset))
        }
        var part = iovec(iov_base: buffer, iov_len: count)
        let result = readVector(file, &part, 1, offset, noWait)
        guard result == 0 else { return result }
        // Linux 5.9 and 5.10 say so as well where a page is not in memory (preadv2(2), BUGS).
        errno = EAGAIN
        return -1
    }

    /// RWF_NOWAIT of preadv2(2).
    private static let noWait: CInt = 8
    /// Swift's Glibc module leaves preadv2 out, for its header asks for _GNU_SOURCE.
    private static let readVector: ReadVector? = dlsym(dlopen(nil, RTLD_NOW), "preadv2").map { symbol in
        // The signature is glibc's (preadv2(2)); its off64_t has 64 bits everywhere.
        unsafeBitCast(symbol, to: ReadVector.self)
    }
    /// Set on a thread while it may not wait.
    private static let impatient: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()
}
