import HTTPTypes
import Logging
import NIOCore
import NIOSSL

// Answers: their heads, short bodies, and what comes after.
extension ConnectionHandler {
    /// Up to this size a body is copied behind its head: cheaper than a second write.
    private static let joinedBytes = 8 << 10
    /// Up to this size a file is read behind the head.
    private static let joinedFileBytes = 32 << 10

    func answer(_ response: consuming Response) {
        endLoan()
        guard let exchange, exchange.answer == nil, phase == .exchange else { return }
        var response = response
        output.clear()
        var head = ResponseHead(response, toHead: exchange.isHead, version: exchange.version)
        var keeps = canPersist(exchange, response, head)
        if !write(head, response, exchange, keeps) {
            server.logger.error("an answer's header is not sound", metadata: ["id": "\(exchange.id)"])
            response = server.handler.refuse(.internalError, requestID: exchange.id)
            response.closesConnection = true
            head = ResponseHead(response, toHead: exchange.isHead, version: exchange.version)
            keeps = false
            guard write(head, response, exchange, keeps) else { return abort("no sound answer") }
        }
        exchange.answer = Exchange.Answer(
            status: response.status, labels: response.labels, keepsConnection: keeps,
            framing: head.framing)
        pace = nil
        bodyIsPaused = false
        bodyToWake = nil
        drained = 0
        exchange.source?.abandon()
        send(response.body, head)
    }

    /// Whether this connection takes no further request.
    var isLeaving: Bool { loop.isDraining || isDistrusted }

    private func canPersist(_ exchange: Exchange, _ response: Response, _ head: ResponseHead) -> Bool {
        exchange.canPersist(
            response, head, drainBytes: server.limits.drainBytes,
            isLeaving: isLeaving || inputClosed)
    }

    private func write(
        _ head: ResponseHead, _ response: Response, _ exchange: Exchange, _ keeps: Bool
    ) -> Bool {
        let persistence: ResponseHead.Persistence =
            !keeps ? .close : exchange.version == .http10 ? .oldKeepAlive : .keepAlive
        return head.write(
            response, id: exchange.id, persistence: persistence, common: loop.common(), to: &output)
    }

    private func send(_ body: Response.Body, _ head: ResponseHead) {
        guard head.hasBody else {
            writeOutput()
            return answered()
        }
        switch body {
        case .empty:
            writeOutput()
            answered()
        case .bytes(let bytes):
            exchange?.bytesOut += Int64(bytes.readableBytes)
            if bytes.readableBytes <= Self.joinedBytes {
                output.writeImmutableBuffer(bytes)
                writeOutput()
            } else {
                writeOutput()
                write(bytes)
            }
            answered()
        case .file(let range):
            if let joined = smallFile(range) {
                exchange?.bytesOut += range.length
                write(joined)
                return answered()
            }
            writeOutput()
            send(OutputPlan(range))
        case .parts(let parts):
            writeOutput()
            send(OutputPlan(parts))
        case .stream(let length, let buffers):
            writeOutput()
            stream(buffers, length: length)
        }
    }

    /// Head and body in one buffer, if the body is small and in memory already: one write instead of a write and a
    /// sendfile, which for a few pages cost more than copying them.
    private func smallFile(_ range: Response.FileRange) -> ByteBuffer? {
        guard range.length <= Self.joinedFileBytes else { return nil }
        var joined = ByteBufferAllocator().buffer(capacity: output.readableBytes + Int(range.length))
        joined.writeImmutableBuffer(output)
        let isWhole = SharedFile.readCached(range.descriptor, range.offset, Int(range.length), into: &joined)
        return isWhole ? joined : nil
    }

    private func writeOutput() { write(output) }

    func write(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        handed += Int64(bytes.readableBytes)
        context.write(wrapOutboundOut(.byteBuffer(bytes)), promise: promise)
        needsFlush = true
    }

    /// The whole answer was written. The connection goes on, or waits for the rest of the body, or ends.
    func answered() {
        guard phase == .exchange, let exchange, let answer = exchange.answer else { return }
        exchange.isRecorded = true
        server.observer.finished(exchange.record(.now(), isComplete: true))
        if !answer.keepsConnection || inputClosed || isLeaving || brokeWhileAnswering {
            return linger()
        }
        if exchange.bodyEnded { return nextRequest() }
        if drained > server.limits.drainBytes { return linger() }
        phase = .draining
        // Without a body the end is parsed in this same turn, and no time needs to be looked up.
        deadlines.phase = exchange.source == nil ? nil : .now() + TimeAmount(server.timeouts.drain)
    }

    func nextRequest() {
        exchange = nil
        phase = .open
        deadlines.phase = .now() + TimeAmount(server.timeouts.idle)
        if isLeaving, input.readableBytes == 0 { linger() }
    }

    /// Ends the connection so that the client can read the answer to its end: shuts the output, which waits for what
    /// is still to be sent, and throws away what arrives until the client closes, or time or bytes run out.
    func linger() {
        guard phase != .closed, phase != .lingering, let context else { return }
        phase = .lingering
        drained = input.readableBytes
        input = ByteBuffer()
        pace = nil
        deadlines.phase = .now() + TimeAmount(server.timeouts.drain)
        // What was written must be on its way before the output is shut.
        needsFlush = false
        context.flush()
        guard phase == .lingering else { return }
        if inputClosed {
            // Both ends shut would close at once and lose what waits.
            context.write(wrapOutboundOut(.byteBuffer(ByteBuffer())))
                .assumeIsolated().whenComplete { _ in self.close() }
            context.flush()
        } else {
            context.close(mode: .output, promise: nil)
        }
    }

    /// Breaks the connection off, so that the client can't take what it has for the whole.
    func abort(_ reason: String) {
        guard phase != .closed, let context else { return }
        server.logger.debug("connection broken off", metadata: ["reason": "\(reason)"])
        resetOnClose(context.channel)
        // From below TLS: its orderly goodbye would take time, and would pass for the end of a whole answer.
        let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
        (tls ?? context).close(promise: nil)
    }
}
