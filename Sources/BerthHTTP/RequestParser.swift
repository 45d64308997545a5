import NIOCore

/// Turns the bytes of a connection into heads and bodies. No I/O: bytes in, events out.
struct RequestParser {
    enum Event {
        case head(RequestHead)
        case body(ByteBuffer)
        /// The request is over: the next byte begins another.
        case end
        /// Nothing after this can be understood.
        case problem(HTTPProblem)
    }

    private enum State {
        case head(HeadScanner)
        case fixed(remaining: Int64)
        case chunked(ChunkedDecoder)
        case failed
    }

    private let limits: HTTPLimits
    private var state: State
    private var mayStartWithEmptyLine = false

    init(limits: HTTPLimits) {
        self.limits = limits
        self.state = .head(HeadScanner(limits: limits))
    }

    /// Whether part of a head has arrived and the rest has not.
    var isInsideHead: Bool {
        if case .head(let scanner) = state { scanner.isInside } else { false }
    }

    /// The next event; nil when more bytes are needed. Bytes of an incomplete head stay in `input`.
    mutating func next(_ input: inout ByteBuffer) -> Event? {
        do throws(HTTPProblem) {
            switch state {
            case .head(var scanner):
                let event = try head(&scanner, &input)
                return event
            case .fixed(let remaining):
                return fixed(remaining, &input)
            case .chunked(var decoder):
                let event = try decoder.next(&input)
                state = .chunked(decoder)
                switch event {
                case .data(let data): return .body(data)
                case .end: return end()
                case nil: return nil
                }
            case .failed:
                return nil
            }
        } catch {
            state = .failed
            return .problem(error)
        }
    }

    private mutating func head(_ scanner: inout HeadScanner, _ input: inout ByteBuffer)
        throws(HTTPProblem) -> Event?
    {
        if !scanner.isInside, !skipEmptyLine(&input) { return nil }
        let result = input.withUnsafeReadableBytes { scanner.scan($0) }
        switch result {
        case .incomplete:
            state = .head(scanner)
            return nil
        case .problem(let problem):
            throw problem
        case .complete(let length):
            let read = input.withUnsafeReadableBytes { bytes in
                Result { () throws(HTTPProblem) in
                    try RequestHead(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
                }
            }
            let head = try read.get()
            input.moveReaderIndex(forwardBy: length)
            state =
                switch head.framing {
                case .none: .fixed(remaining: 0)
                case .length(let length): .fixed(remaining: length)
                case .chunked: .chunked(ChunkedDecoder())
                }
            return .head(head)
        }
    }

    /// RFC 9112 §2.2: one empty line after a request is forgiven. False when it is not clear yet whether there is one.
    private mutating func skipEmptyLine(_ input: inout ByteBuffer) -> Bool {
        guard mayStartWithEmptyLine, input.getInteger(at: input.readerIndex, as: UInt8.self) == 0x0d
        else {
            return input.readableBytes > 0
        }
        guard let second = input.getInteger(at: input.readerIndex + 1, as: UInt8.self) else {
            return false
        }
        mayStartWithEmptyLine = false
        if second == 0x0a { input.moveReaderIndex(forwardBy: 2) }
        return input.readableBytes > 0
    }

    private mutating func fixed(_ remaining: Int64, _ input: inout ByteBuffer) -> Event? {
        guard remaining > 0 else { return end() }
        let count = Int(min(remaining, Int64(input.readableBytes)))
        guard count > 0, let data = input.readSlice(length: count) else { return nil }
        state = .fixed(remaining: remaining - Int64(count))
        return .body(data)
    }

    private mutating func end() -> Event {
        state = .head(HeadScanner(limits: limits))
        mayStartWithEmptyLine = true
        return .end
    }
}
