package import NIOCore

/// The body of a request, to be read once and by one task.
///
/// Elements are batches: what has arrived, several buffers, about 256 KiB at most, never copied together. Reading the
/// socket stops while three batches wait. The first `next()` sends `100 Continue` if the client waits for it. After a
/// failure the bytes that had arrived are handed out first, then the error is thrown.
package struct RequestBody: AsyncSequence, Sendable {
    package typealias Element = [ByteBuffer]
    package typealias Failure = BodyError

    /// Bytes as announced; nil for a chunked body.
    package let length: Int64?
    private let source: Source

    fileprivate enum Source: Sendable {
        case given(ByteBuffer?)
        case connection(BodySource)
    }

    package static var empty: RequestBody { RequestBody(source: .given(nil), length: 0) }

    /// A body that is there already.
    package init(_ bytes: ByteBuffer) {
        self.init(source: .given(bytes), length: Int64(bytes.readableBytes))
    }

    init(_ source: BodySource, length: Int64?) {
        self.init(source: .connection(source), length: length)
    }

    private init(source: Source, length: Int64?) {
        self.source = source
        self.length = length
    }

    /// Ends the reading from outside: once what has arrived is read, `next()` throws `.cancelled`, also where it waits
    /// already. From any thread.
    package func interrupt() {
        if case .connection(let body) = source { body.fail(.cancelled) }
    }

    /// The connection's input, to be received from directly, where that is possible now: in place of the next `next()`, and
    /// again before each of them. Nobody but the task that reads may ask.
    package func takeLoan() -> InputLoan? {
        if case .connection(let body) = source { body.takeLoan() } else { nil }
    }

    package func makeAsyncIterator() -> Iterator { Iterator(source: source) }

    package struct Iterator: AsyncIteratorProtocol {
        fileprivate var source: Source

        package mutating func next(isolation actor: isolated (any Actor)?) async throws(BodyError)
            -> [ByteBuffer]?
        {
            switch source {
            case .connection(let body): return try await body.next()
            case .given(let bytes):
                source = .given(nil)
                return bytes.flatMap { $0.readableBytes > 0 ? [$0] : nil }
            }
        }
    }

    /// The whole body in one buffer. Throws `.tooLarge` as soon as it is known to be over `limit` bytes; with an
    /// announced length that is before anything is read, so that a client that waits for `100 Continue` sends nothing.
    package func collect(upTo limit: Int) async throws(BodyError) -> ByteBuffer {
        if let length, length > Int64(limit) { throw .tooLarge(limit: limit) }
        var whole = ByteBuffer()
        for try await batch in self {
            for var buffer in batch {
                guard buffer.readableBytes <= limit - whole.readableBytes else {
                    throw .tooLarge(limit: limit)
                }
                if whole.readableBytes == 0 { whole = buffer } else { whole.writeBuffer(&buffer) }
            }
        }
        return whole
    }
}

package enum BodyError: Error, Hashable, Sendable {
    /// `collect` met more than `limit` bytes.
    case tooLarge(limit: Int)
    /// The client left, or stopped sending before the end.
    case disconnected
    /// The client sends too slowly; it gets 408 from the server.
    case stalled
    /// The chunk framing is broken; the client gets 400 from the server.
    case malformed
    /// The task was cancelled, or read on after its request was answered.
    case cancelled
}
