import Glibc
import Synchronization

/// openat2(2) with RESOLVE_CACHED: opens what the kernel finds without waiting for a disk, so that an event loop may call
/// it. Neither has the C library a door to it nor Swift's Glibc module one to syscall(2): looked up once, and given up
/// where the kernel is too old (before 5.12).
enum OpenCached {
    /// `struct open_how` of linux/openat2.h.
    private struct How {
        var flags: UInt64
        var mode: UInt64
        var resolve: UInt64
    }
    private typealias Call = @convention(c) (CLong, CInt, UnsafePointer<CChar>, UnsafeRawPointer, Int) -> CLong
    /// The same number on all architectures since Linux 5.6.
    private static let number: CLong = 437
    /// Below the folder, through no symbolic link, and from memory alone.
    private static let resolve: UInt64 = 0x08 | 0x04 | 0x20

    private static let call: Call? = dlsym(dlopen(nil, RTLD_NOW), "syscall").map { symbol in
        // Its further arguments have the sizes that the kernel takes (syscall(2)).
        unsafeBitCast(symbol, to: Call.self)
    }
    private static let isUnknown = Atomic<Bool>(false)

    /// A descriptor for reading; nil where the caller has to open it in the ordinary way, or learn why it cannot.
    static func open(_ path: String, in folder: CInt) -> CInt? {
        guard let call, !isUnknown.load(ordering: .relaxed) else { return nil }
        let how = How(
            flags: UInt64(UInt32(bitPattern: O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)), mode: 0,
            resolve: resolve)
        let descriptor = withUnsafePointer(to: how) {
            call(number, folder, path, UnsafeRawPointer($0), MemoryLayout<How>.size)
        }
        if descriptor >= 0 { return CInt(descriptor) }
        if errno == ENOSYS || errno == EINVAL || errno == EPERM { isUnknown.store(true, ordering: .relaxed) }
        return nil
    }
}
