import NIOCore

/// Whether a client still takes what it is sent. Told from time to time how much was handed over and how much of it
/// waits in this process; the difference has to grow. No I/O, no clock.
struct WriteProgress {
    private let timeout: TimeAmount
    private var taken: Int64 = .min
    private var lastProgress: NIODeadline

    init(timeout: TimeAmount, now: NIODeadline) {
        self.timeout = timeout
        self.lastProgress = now
    }

    /// True if nothing was taken for the whole timeout.
    /// - Parameter handed: bytes written to the connection so far.
    /// - Parameter waiting: of these, the bytes that the kernel did not accept yet.
    mutating func isStalled(handed: Int64, waiting: Int, now: NIODeadline) -> Bool {
        let reached = handed - Int64(waiting)
        if reached > taken || waiting == 0 {
            taken = reached
            lastProgress = now
        }
        return now >= lastProgress + timeout
    }
}
