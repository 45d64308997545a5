import Glibc

/// Time and processor time, in nanoseconds.
enum Clock {
    /// Since some fixed moment.
    static func now() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// Processor time of this process so far, all threads and both modes.
    static func ownCPU() -> UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
