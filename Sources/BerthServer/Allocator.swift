import Glibc

/// What the C library's allocator is told once.
enum Allocator {
    private typealias Option = @convention(c) (CInt, CInt) -> CInt
    /// Bytes at the end of an arena that stay, and from which on an allocation is a mapping of its own.
    private static let kept: CInt = 2 << 20

    /// Buffers of bodies come and go by the 256 KiB: as it is they are given back to the system each time, and each page
    /// of the next one is a fault. Linux with glibc alone; without it nothing changes (mallopt(3)).
    static func keepFreedBuffers() {
        guard let symbol = dlsym(dlopen(nil, RTLD_NOW), "mallopt") else { return }
        // `int mallopt(int, int)`, wherever there is one.
        let set = unsafeBitCast(symbol, to: Option.self)
        // M_TRIM_THRESHOLD and M_MMAP_THRESHOLD; the first alone would end the second's growing by itself.
        _ = set(-1, kept)
        _ = set(-3, kept)
    }
}
