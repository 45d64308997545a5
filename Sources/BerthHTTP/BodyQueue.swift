import NIOCore

/// The part of a request's body that waits for its reader, and what to do next on either side. No I/O.
struct BodyQueue {
    /// Bytes after which a batch is closed; a batch is larger only when a single buffer is.
    static let batchBytes = 256 << 10
    /// Bytes that may wait before reading stops.
    static let limit = 3 * batchBytes
    /// Buffers under this size are copied together: a chunked body of single bytes must not cost a buffer a byte.
    static let smallBuffer = 4 << 10

    enum Taken: Sendable {
        /// Nothing yet: the reader waits.
        case wait
        case batch([ByteBuffer])
        case end
        case failure(BodyError)
    }

    private enum End {
        case open
        case ended
        case failed(BodyError)
    }

    private var batches: [[ByteBuffer]] = []
    private var lastBatchBytes = 0
    private var end = End.open
    private(set) var waitingBytes = 0
    /// True from when the connection was told to stop reading until `take` asks for more.
    private(set) var isPaused = false
    private(set) var wasReadFrom = false
    /// The reader receives by itself where it may: then little waits.
    var takesLoans = false

    /// Whether no more bytes will be accepted.
    var isClosed: Bool {
        if case .open = end { false } else { true }
    }
    /// Whether `take` would answer something other than `.wait`.
    var isReady: Bool { !batches.isEmpty || isClosed }

    /// Returns the bytes that now wait more than before: 0 once the body is closed.
    ///
    /// - Parameter share: what memory has for this body, where that is less than a batch.
    mutating func append(_ buffer: ByteBuffer, share: Int = .max) -> Int {
        let count = buffer.readableBytes
        guard !isClosed, count > 0 else { return 0 }
        waitingBytes += count
        if batches.isEmpty || lastBatchBytes + count > min(share, Self.batchBytes) {
            batches.append([buffer])
            lastBatchBytes = count
            return count
        }
        lastBatchBytes += count
        let batch = batches.count - 1
        let tail = batches[batch].count - 1
        if count < Self.smallBuffer, batches[batch][tail].readableBytes < Self.batchBytes / 4 {
            batches[batch][tail].writeImmutableBuffer(buffer)
        } else {
            batches[batch].append(buffer)
        }
        return count
    }

    mutating func finish() {
        if !isClosed { end = .ended }
    }

    /// What waits is still handed out before the error.
    mutating func fail(_ error: BodyError) {
        if !isClosed { end = .failed(error) }
    }

    /// Forgets what waits, and refuses further reading. Returns the bytes that were waiting.
    mutating func abandon(_ error: BodyError) -> Int {
        let dropped = waitingBytes
        batches = []
        waitingBytes = 0
        lastBatchBytes = 0
        end = .failed(error)
        return dropped
    }

    mutating func take() -> Taken {
        wasReadFrom = true
        if !batches.isEmpty {
            let batch = batches.removeFirst()
            waitingBytes -= batch.reduce(0) { $0 + $1.readableBytes }
            if batches.isEmpty { lastBatchBytes = 0 }
            return .batch(batch)
        }
        return switch end {
        case .open: .wait
        case .ended: .end
        case .failed(let error): .failure(error)
        }
    }

    /// Whether the connection should stop reading; remembered until `shouldResume` says otherwise. It is never taken back
    /// here: the reader may have made room and not asked yet, and then nobody would tell the connection.
    mutating func shouldPause(memoryIsShort: Bool, share: Int = .max) -> Bool {
        let limit = takesLoans ? Self.batchBytes : Self.limit
        if !isClosed, waitingBytes > 0, waitingBytes >= min(share, limit) || memoryIsShort { isPaused = true }
        return isPaused
    }

    /// The connection reads again without having been asked by `shouldResume`.
    mutating func goOn() { isPaused = false }

    /// Whether a connection that stopped should read again. A connection of which nothing waits always reads, however
    /// short memory is: so the budget can't stop them all for good.
    mutating func shouldResume(memoryIsShort: Bool, share: Int = .max) -> Bool {
        guard isPaused, waitingBytes == 0 || (waitingBytes < min(share, Self.limit) && !memoryIsShort) else {
            return false
        }
        isPaused = false
        return true
    }
}
