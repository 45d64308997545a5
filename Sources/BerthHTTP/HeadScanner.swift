/// Finds the end of a request's head in bytes that arrive piece by piece, looking at each byte once.
///
/// Every line must end with CRLF: a bare LF is where servers that disagree can be played against each other
/// (RFC 9112 §2.2), so it is refused, and so is a line over its limit, long before memory matters.
struct HeadScanner {
    enum Result: Equatable {
        case incomplete
        /// Bytes of the head with its empty line.
        case complete(length: Int)
        case problem(HTTPProblem)
    }

    private let limits: HTTPLimits
    private var scanned = 0
    private var lineStart = 0
    private var lines = 0

    init(limits: HTTPLimits) { self.limits = limits }

    /// Whether a head has begun and not ended.
    var isInside: Bool { scanned > 0 }

    /// `bytes` begins with the head's first byte, each time with at least as many bytes as the time before.
    mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Result {
        while scanned < bytes.count {
            guard let lineFeed = bytes.offset(of: 0x0a, from: scanned) else {
                scanned = bytes.count
                break
            }
            guard lineFeed > 0, bytes[lineFeed - 1] == 0x0d else {
                // Whether the line was too long matters more to the client than how it ended.
                return .problem(overLimit(end: lineFeed + 1) ?? .badRequest("a line ends without CR"))
            }
            if let problem = overLimit(end: lineFeed + 1) { return .problem(problem) }
            let isEmpty = lineFeed - lineStart == 1
            scanned = lineFeed + 1
            if isEmpty {
                let length = scanned
                self = HeadScanner(limits: limits)
                return lineStartWasFirst(length)
                    ? .problem(.badRequest("no request line")) : .complete(length: length)
            }
            lines += 1
            lineStart = scanned
            if lines > limits.headerFields + 1 { return .problem(.headersTooLarge) }
        }
        return overLimit(end: scanned).map { .problem($0) } ?? .incomplete
    }

    private func lineStartWasFirst(_ length: Int) -> Bool { length == 2 }

    private func overLimit(end: Int) -> HTTPProblem? {
        if lines == 0 { return end - lineStart > limits.requestLineBytes ? .targetTooLong : nil }
        return end > limits.headerBytes ? .headersTooLarge : nil
    }
}
