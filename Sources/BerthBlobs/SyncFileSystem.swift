import Glibc

/// syncfs(2), which Swift's Glibc module leaves out, for its header asks for _GNU_SOURCE. Looked up once.
enum SyncFileSystem {
    private typealias Call = @convention(c) (CInt) -> CInt

    private static let call: Call? = dlsym(dlopen(nil, RTLD_NOW), "syncfs").map { symbol in
        // The signature is glibc's (syncfs(2)).
        unsafeBitCast(symbol, to: Call.self)
    }

    /// 0, or -1 with `errno`.
    static func sync(_ descriptor: CInt) -> CInt {
        guard let call else {
            errno = ENOSYS
            return -1
        }
        return call(descriptor)
    }
}
