#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// preadv2(2) with RWF_NOWAIT: reads what the page cache holds and never waits for a disk. Swift's Glibc module leaves
/// it out, for its header asks for _GNU_SOURCE; it is looked up once.
enum CachedReading {
    private typealias Call = @convention(c) (CInt, UnsafePointer<iovec>, CInt, Int64, CInt) -> Int
    private static let noWait: CInt = 8

    private static let call: Call? = dlsym(dlopen(nil, RTLD_NOW), "preadv2").map { symbol in
        // The signature is glibc's (preadv2(2)); its off64_t has 64 bits everywhere.
        unsafeBitCast(symbol, to: Call.self)
    }

    /// Bytes read into `buffer`; 0 where the file ends, the bytes are not in memory, or this can't be done at all.
    static func read(_ descriptor: CInt, at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let call else { return 0 }
        var part = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
        return max(0, call(descriptor, &part, 1, offset, noWait))
    }
}
