package import NIOCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The input of a connection in the hands of whoever reads its body (H12): a thread that receives by itself what it hashes
/// and writes does so in one buffer that stays in its cache, and wakes nobody.
///
/// From when it is made until it is over nobody else receives from the connection. It is over when the body has ended,
/// when nothing arrives for the moment, or when either side ends it. It has a descriptor of its own: the connection may be
/// closed meanwhile, and the number of its socket be another one's.
package final class InputLoan: Sendable {
    enum End {
        case body
        case problem(HTTPProblem)
    }

    /// What the connection goes on with.
    struct Rest {
        var parser: RequestParser
        /// What was received behind the last byte that was handed out.
        var input = ByteBuffer()
        /// Bytes of the body that were handed out.
        var received: Int64 = 0
        /// nil: the body goes on.
        var end: End?
    }

    private enum Received {
        case bytes([ByteBuffer])
        case nothing
        case over
    }

    private struct State {
        var rest: Rest
        var isOver = false
        var isTold = false
    }

    private let descriptor: CInt
    private let state: Mutex<State>
    private let tell: @Sendable () -> Void

    /// Closes `descriptor` in the end. Calls `tell` when the reader has done with the loan, unless it was taken back before.
    init(descriptor: CInt, parser: RequestParser, tell: @escaping @Sendable () -> Void) {
        self.descriptor = descriptor
        self.state = Mutex(State(rest: Rest(parser: parser)))
        self.tell = tell
    }

    deinit { close(descriptor) }

    // MARK: The connection's side

    /// Nothing is received any more once this returns.
    func revoke() { state.withLock { $0.isOver = true } }

    var isOver: Bool { state.withLock { $0.isOver } }

    func takeBack() -> Rest {
        state.withLock { state in
            (state.isOver, state.isTold) = (true, true)
            return state.rest
        }
    }

    // MARK: The reader's side

    /// The next bytes of the body, received into `buffer` in place of what it held, as many as it has room for, and waited for
    /// at most so long; nil once the loan is over. Blocks.
    package func read(into buffer: inout ByteBuffer, waiting milliseconds: Int) -> [ByteBuffer]? {
        var patience = CInt(clamping: milliseconds)
        while true {
            switch receive(into: &buffer) {
            case .bytes(let batch):
                // Only framing, in a body of chunks.
                if batch.isEmpty { continue }
                return batch
            case .nothing where patience > 0:
                var socket = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                poll(&socket, 1, patience)
                patience = 0
            case .nothing, .over:
                giveBack()
                return nil
            }
        }
    }

    private func receive(into buffer: inout ByteBuffer) -> Received {
        let received = state.withLock { state -> Received in
            guard !state.isOver else { return .over }
            buffer.clear()
            buffer.writeImmutableBuffer(state.rest.input)
            // The end of the input, and errors, are met again by the connection.
            guard Self.receive(descriptor, behind: &buffer) > 0 else { return .nothing }
            var batch: [ByteBuffer] = []
            state.isOver = state.rest.parse(&buffer, into: &batch)
            return .bytes(batch)
        }
        if case .bytes = received, isOver { giveBack() }
        return received
    }

    private static func receive(_ descriptor: CInt, behind buffer: inout ByteBuffer) -> Int {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 1) { room in
            while true {
                let count = recv(descriptor, room.baseAddress, room.count, CInt(MSG_DONTWAIT))
                if count >= 0 || errno != EINTR { return max(0, count) }
            }
        }
    }

    /// The connection reads on by itself. May be repeated.
    package func giveBack() {
        let isNews = state.withLock { state in
            state.isOver = true
            defer { state.isTold = true }
            return !state.isTold
        }
        if isNews { tell() }
    }
}

extension InputLoan.Rest {
    /// Takes the body out of what was received, and keeps what is behind. True when the body is over.
    mutating func parse(_ buffer: inout ByteBuffer, into batch: inout [ByteBuffer]) -> Bool {
        parsing: while let event = parser.next(&buffer) {
            switch event {
            case .body(let bytes):
                received += Int64(bytes.readableBytes)
                // Chunks of single bytes must not cost a piece a byte.
                if let last = batch.indices.last,
                    max(bytes.readableBytes, batch[last].readableBytes) < BodyQueue.smallBuffer
                {
                    batch[last].writeImmutableBuffer(bytes)
                } else {
                    batch.append(bytes)
                }
                continue parsing
            case .problem(let problem): end = .problem(problem)
            // A head is behind the end alone.
            case .end, .head: end = .body
            }
            break
        }
        input = buffer.readableBytes > 0 ? ByteBuffer(bytes: buffer.readableBytesView) : ByteBuffer()
        return end != nil
    }
}
