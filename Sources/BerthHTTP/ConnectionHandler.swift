import BerthModel
import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// One connection: reads requests, asks the handler, writes answers in order.
///
/// All state belongs to the event loop. What is to be decided is decided by values that are tested alone
/// (`RequestParser`, `BodyQueue`, `BodyPace`, `WriteProgress`, `OutputPlan`, `ResponseHead`, `Exchange`); this class
/// obeys them. Work that others ask for is wrapped in `turn`, which settles the connection afterwards.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    enum Phase {
        /// TLS is not established yet.
        case handshaking
        /// Between requests, or inside a head.
        case open
        /// A request is being handled or answered.
        case exchange
        /// Answered; the rest of the body is thrown away so that the connection can go on.
        case draining
        /// Answered for the last time and shut for output; what the client still sends is thrown away so that it
        /// meets the answer and not a reset.
        case lingering
        case closed
    }

    /// Why a connection is there only to be refused.
    enum Admission { case admitted, overLimit }

    let loop: LoopContext
    var server: ServerContext { loop.server }
    /// What TLS was made with.
    struct TLS {
        let certificates: Certificates
        let terms: TLSTerms
    }

    private(set) var connectionPeer: Peer
    let connectionAddress: IPAddress?
    let tls: TLS?
    var isTLS: Bool { tls != nil }
    private let admission: Admission

    var context: ChannelHandlerContext?
    var phase = Phase.open
    var exchange: Exchange?
    var number: UInt64 = 0
    let memory = ConnectionMemory()
    var inputClosed = false
    /// What follows the running request can't be understood.
    var brokeWhileAnswering = false
    /// Bytes thrown away since the answer of the running request.
    var drained = 0

    var parser: RequestParser
    var input = ByteBuffer()
    private var isReading = false
    private var isProcessing = false
    private var isSettling = false
    private var readingIsPaused = false
    private var readIsWanted = false
    var bodyIsPaused = false
    var bodyToWake: BodySource?
    /// The input is in the hands of the body's reader: nothing is read or parsed here meanwhile.
    var loan: InputLoan?

    var output = ByteBuffer()
    var needsFlush = false
    var isWritable = true
    var plan: OutputPlan?
    var file: SharedFile?
    var fileEnd: Int64 = 0
    var piecesInFlight = 0
    var isReadingFile = false
    var streamTask: UInt64?
    var streamMissing: Int64?
    var handed: Int64 = 0

    var deadlines = Deadlines()
    var pace: BodyPace?
    var progress: WriteProgress?
    var scheduled: (task: Scheduled<Void>, at: NIODeadline)?

    init(loop: LoopContext, peer: Peer, address: IPAddress?, tls: TLS?, admission: Admission) {
        self.loop = loop
        self.connectionPeer = peer
        self.connectionAddress = address
        self.tls = tls
        self.admission = admission
        self.parser = RequestParser(limits: loop.server.limits)
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
        server.observer.connections(delta: 1)
        if context.channel.isActive { start() }
    }

    func channelActive(context: ChannelHandlerContext) {
        start()
        context.fireChannelActive()
    }

    private func start() {
        let now = NIODeadline.now()
        if isTLS {
            phase = .handshaking
            deadlines.phase = now + TimeAmount(server.timeouts.tlsHandshake)
        } else {
            deadlines.phase = now + TimeAmount(server.timeouts.idle)
        }
        turn { if !isTLS { refuseIfOverLimit() } }
    }

    private func refuseIfOverLimit() {
        switch admission {
        case .admitted: break
        case .overLimit: refuse(.tooManyConnections)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { ended() }

    private func ended() {
        guard phase != .closed else { return }
        phase = .closed
        endLoan()
        scheduled?.task.cancel()
        scheduled = nil
        let exchange = exchange
        self.exchange = nil
        stopOutput()
        exchange?.source?.fail(.disconnected)
        if let exchange, !exchange.isRecorded {
            server.observer.finished(exchange.record(.now(), isComplete: false))
        }
        input = ByteBuffer()
        context = nil
        server.observer.connections(delta: -1)
        loop.remove(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        server.logger.debug("connection failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            turn { inputDidClose() }
        case ChannelEvent.outputClosed:
            // The last of what waited has left.
            turn { if phase == .lingering, inputClosed { close() } }
        case TLSUserEvent.handshakeCompleted:
            turn {
                guard phase == .handshaking else { return }
                readClientCertificate(context)
                if isDistrusted { return close() }
                phase = .open
                deadlines.phase = .now() + TimeAmount(server.timeouts.idle)
                refuseIfOverLimit()
            }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    /// What the handshake has checked goes with every request of this connection.
    private func readClientCertificate(_ context: ChannelHandlerContext) {
        guard let tls, tls.terms.asksClients,
            let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self),
            let certificate = handler.peerCertificate
        else { return }
        connectionPeer = connectionPeer.showing(ClientCertificate(verified: certificate))
    }

    /// Whether the client has shown a certificate, and an authority that may have vouched for it is gone since.
    var isDistrusted: Bool {
        guard let tls, connectionPeer.certificate != nil else { return false }
        return !tls.certificates.isTrusted(tls.terms)
    }

    /// The client has shut its side: it may still wait for the answer, and nothing else.
    private func inputDidClose() {
        endLoan()
        inputClosed = true
        switch phase {
        case .handshaking: close()
        case .open, .draining: finish()
        case .lingering: if waitingOutput == 0 { close() }
        case .exchange:
            if exchange?.bodyEnded == false { exchange?.source?.fail(.disconnected) }
        case .closed: break
        }
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isReading = true
        endLoan()
        var bytes = unwrapInboundIn(data)
        switch phase {
        case .closed: return
        case .lingering:
            drained += bytes.readableBytes
            if drained > server.limits.drainBytes { close() }
            return
        case .handshaking, .open, .exchange, .draining: break
        }
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        process()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        settle()
        context.fireChannelReadComplete()
    }

    /// Reading goes on by itself (auto-read) unless this connection has enough.
    func read(context: ChannelHandlerContext) {
        guard readingIsPaused else { return context.read() }
        readIsWanted = true
        offerLoan()
    }

    /// The channel is about to read, asked or not: at the end of the input it does so by itself.
    func willRead() { loan?.revoke() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if isWritable { turn {} }
        context.fireChannelWritabilityChanged()
    }

    /// Does something and whatever becomes possible by it. May be nested.
    func turn(_ work: () -> Void) {
        work()
        process()
        if !isReading { settle() }
    }

    /// Takes what can be taken from the input. One request at a time: the next one waits for the answer, and for room
    /// in the output.
    private func process() {
        guard !isProcessing else { return }
        isProcessing = true
        defer { isProcessing = false }
        while mayParse, let event = parser.next(&input) {
            switch event {
            case .head(let head): begin(head)
            case .body(let bytes): received(bytes)
            case .end: bodyDidEnd()
            case .problem(let problem): framingBroke(problem)
            }
        }
        if input.readableBytes == 0 { input = ByteBuffer() }
    }

    private var mayParse: Bool {
        switch phase {
        case .open: isWritable
        case .exchange, .draining: exchange?.bodyEnded == false && loan == nil
        case .handshaking, .lingering, .closed: false
        }
    }

    /// After a turn: wakes the body's reader, writes what was prepared, adjusts reading and timers.
    private func settle() {
        guard !isSettling, phase != .closed else { return }
        isSettling = true
        defer { isSettling = false }
        bodyToWake?.wake()
        bodyToWake = nil
        while needsFlush, let context {
            needsFlush = false
            context.flush()
        }
        adjustReading()
        adjustTimers()
    }

    private func adjustReading() {
        let waits = input.readableBytes > 0
        readingIsPaused =
            switch phase {
            case .open: waits && !isWritable
            case .exchange:
                exchange?.bodyEnded == true ? waits : bodyIsPaused || drained > server.limits.drainBytes
            case .handshaking, .draining, .lingering: false
            case .closed: true
            }
        guard readIsWanted else { return }
        guard !readingIsPaused else { return offerLoan() }
        readIsWanted = false
        context?.read()
    }

    // MARK: Ending

    /// Ends the connection as soon as what was written has left: an answer may be over long before the client has it.
    func finish() {
        guard phase != .closed else { return }
        needsFlush = false
        context?.flush()
        if waitingOutput > 0 { linger() } else { close() }
    }

    /// Ends the connection; output that was not accepted by the kernel yet is lost.
    func close() {
        guard phase != .closed else { return }
        context?.close(promise: nil)
    }

    /// The server stops, or the client is not trusted any more: idle connections end now, the others with their answer.
    func drain() {
        switch phase {
        case .handshaking: close()
        case .open: if input.readableBytes == 0 { turn { finish() } }
        case .exchange, .lingering, .closed: break
        case .draining: turn { linger() }
        }
    }
}
