import Glibc

/// sync_file_range(2), which Swift's Glibc module leaves out, for its header asks for _GNU_SOURCE. Looked up once, so
/// that a C library without it costs the early write-back and nothing else.
enum SyncFileRange {
    private typealias Call = @convention(c) (CInt, Int64, Int64, CUnsignedInt) -> CInt
    private static let waitBefore: CUnsignedInt = 1
    private static let write: CUnsignedInt = 2

    private static let call: Call? = dlsym(dlopen(nil, RTLD_NOW), "sync_file_range").map { symbol in
        // The signature is glibc's (sync_file_range(2)); its off64_t has 64 bits everywhere.
        unsafeBitCast(symbol, to: Call.self)
    }

    /// 0, or -1 with `errno`.
    static func start(_ descriptor: CInt, from offset: Int64, count: Int64, waiting: Bool) -> CInt {
        guard let call else {
            errno = ENOSYS
            return -1
        }
        return call(descriptor, offset, count, write | (waiting ? waitBefore : 0))
    }
}
