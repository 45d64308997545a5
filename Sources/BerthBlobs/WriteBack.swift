/// Decides when an upload's bytes go to the disk while more of them arrive, so that the closing sync finds little to do.
///
/// A window is started as soon as it is full; when too much of what was started may still be under way, the oldest is
/// waited for. Without that a fast sender fills the page cache, and the closing sync takes as long as the disk needs.
struct WriteBack {
    /// In bytes.
    static let window: Int64 = 8 << 20
    /// In bytes: more than this between the first range not waited for and the last one started is too much.
    static let mostUnderWay: Int64 = 64 << 20

    /// False where the file system knows no such call: then nothing is started any more.
    var isSupported = true
    private var started: Int64 = 0
    private var awaited: Int64 = 0

    /// The range to start now that the file has `size` bytes.
    mutating func rangeToStart(at size: Int64) -> Range<Int64>? {
        guard isSupported, size - started >= Self.window else { return nil }
        defer { started = size }
        return started..<size
    }

    /// The range to wait for before more is written.
    var rangeToAwait: Range<Int64>? {
        guard isSupported, started - awaited > Self.mostUnderWay else { return nil }
        return awaited..<(awaited + Self.window)
    }

    mutating func noteAwaited(_ range: Range<Int64>) { awaited = max(awaited, range.upperBound) }

    /// The file was cut back.
    mutating func cut(to size: Int64) {
        started = min(started, size)
        awaited = min(awaited, size)
    }
}
