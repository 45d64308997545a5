import NIOCore

/// Whether a client sends its body fast enough: never `timeout` without a byte, and never under the lowest rate over
/// that time. Runs only while the server is ready to read: a slow disk is not the client's fault. No I/O, no clock.
struct BodyPace {
    private let timeout: TimeAmount
    private let leastBytes: Int64
    private var windowStart: NIODeadline?
    private var windowBytes: Int64 = 0
    private var lastByte = NIODeadline.uptimeNanoseconds(0)

    /// - Parameter lowestRate: bytes a second.
    init(timeout: TimeAmount, lowestRate: Int) {
        self.timeout = timeout
        let (bytes, overflow) = Int64(lowestRate).multipliedReportingOverflow(
            by: timeout.nanoseconds / 1_000_000)
        self.leastBytes = overflow ? .max : bytes / 1000
    }

    /// When to ask `isStalled` next; nil while it does not run.
    var deadline: NIODeadline? { windowStart.map { min($0, lastByte) + timeout } }

    /// Goes on from here with a new window.
    mutating func run(_ now: NIODeadline) {
        guard windowStart == nil else { return }
        windowStart = now
        windowBytes = 0
        lastByte = now
    }

    mutating func pause() { windowStart = nil }

    mutating func received(_ count: Int, _ now: NIODeadline) {
        windowBytes += Int64(count)
        lastByte = now
    }

    /// At the deadline: true if the client is too slow, otherwise a new window begins if the last one is over.
    mutating func isStalled(_ now: NIODeadline) -> Bool {
        guard let start = windowStart else { return false }
        if now >= lastByte + timeout { return true }
        guard now >= start + timeout else { return false }
        if windowBytes < leastBytes { return true }
        windowStart = now
        windowBytes = 0
        return false
    }
}
