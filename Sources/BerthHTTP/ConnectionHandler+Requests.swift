import HTTPTypes
import NIOCore

// Requests and their bodies.
extension ConnectionHandler {
    /// A head has arrived: asks the handler.
    func begin(_ head: RequestHead) {
        let id = RequestIDSource.accepted(head.headers) ?? loop.nextRequestID()
        let peer = server.clients.peer(
            connectionPeer, address: connectionAddress, headers: head.headers)
        let hasBody = head.framing != .none && head.framing != .length(0)
        number &+= 1
        let source = hasBody ? makeSource(number) : nil
        exchange = Exchange(
            number: number, head: head, id: id, peer: peer, began: .now(), source: source,
            waitsForContinue: head.expectation == .continue, bodyEnded: false)
        phase = .exchange
        drained = 0
        deadlines.phase = nil
        deadlines.head = nil
        if isLeaving { return refuse(.draining) }
        if head.expectation == .unknown { return refuse(.expectationFailed) }
        if hasBody { startPace() }
        let length: Int64? =
            switch head.framing {
            case .none: 0
            case .length(let length): length
            case .chunked: nil
            }
        let request = Request(
            method: head.method, target: head.target, headers: head.headers,
            body: source.map { RequestBody($0, length: length) } ?? .empty,
            peer: peer, id: id, version: head.version, hasBody: hasBody, contentLength: length, memory: memory)
        switch server.handler.handle(request) {
        case .answer(let response): answer(response)
        case .task(let work): run(work, for: number, on: loop.executor)
        case .longTask(let work): run(work, for: number, on: nil)
        }
    }

    private func run(
        _ work: @escaping @Sendable () async -> Response, for number: UInt64, on executor: LoopExecutor?
    ) {
        guard let eventLoop = context?.eventLoop else { return }
        let connection = NIOLoopBound(self, eventLoop: eventLoop)
        loop.start { key in
            Task(executorPreference: executor) {
                let response = await work()
                if eventLoop.inEventLoop {
                    connection.value.taskEnded(key, with: response, for: number)
                } else {
                    eventLoop.execute { connection.value.taskEnded(key, with: response, for: number) }
                }
            }
        }
    }

    private func taskEnded(_ key: UInt64, with response: Response, for number: UInt64) {
        loop.ended(task: key)
        turn {
            guard exchange?.number == number else { return }
            answer(response)
        }
    }

    // MARK: Bodies

    private func makeSource(_ number: UInt64) -> BodySource? {
        guard let eventLoop = context?.eventLoop else { return nil }
        let connection = NIOLoopBound(self, eventLoop: eventLoop)
        return BodySource(memory: server.memory, lends: !isTLS) { demand in
            eventLoop.execute { connection.value.bodyIsRead(demand, number) }
        }
    }

    /// The handler reads the body, or reads on.
    private func bodyIsRead(_ demand: BodySource.Demand, _ number: UInt64) {
        guard phase == .exchange, exchange?.number == number, exchange?.answer == nil else { return }
        turn {
            switch demand {
            case .started:
                guard exchange?.waitsForContinue == true else { return }
                exchange?.waitsForContinue = false
                write(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n"))
                startPace()
            case .resumed:
                guard exchange?.source?.isPaused == false else { return }
                bodyIsPaused = false
                if exchange?.bodyEnded == false { pace?.run(.now()) }
            }
        }
    }

    private func startPace() {
        guard exchange?.waitsForContinue == false else { return }
        var pace = BodyPace(
            timeout: TimeAmount(server.timeouts.body), lowestRate: server.timeouts.lowestBodyRate)
        pace.run(.now())
        self.pace = pace
    }

    func received(_ bytes: ByteBuffer) {
        exchange?.bytesIn += Int64(bytes.readableBytes)
        // A client that does not wait for its 100 after all: RFC 9110 §10.1.1 allows it.
        if exchange?.waitsForContinue == true, exchange?.answer == nil {
            exchange?.waitsForContinue = false
            startPace()
        }
        guard exchange?.answer == nil, let source = exchange?.source else {
            return discard(bytes.readableBytes)
        }
        pace?.received(bytes.readableBytes, .now())
        if source.append(bytes) {
            bodyIsPaused = true
            pace?.pause()
        }
        bodyToWake = source
    }

    /// Bytes that nobody wants, because the answer is known.
    private func discard(_ count: Int) {
        drained += count
        if drained > server.limits.drainBytes, phase == .draining { linger() }
    }

    func bodyDidEnd() {
        exchange?.bodyEnded = true
        pace = nil
        bodyIsPaused = false
        exchange?.source?.finish()
        bodyToWake = nil
        if phase == .draining { nextRequest() }
    }

    // MARK: Refusals

    /// What arrived can't be understood, nor anything after it. One answer at most.
    func framingBroke(_ problem: HTTPProblem) {
        switch phase {
        case .open: refuse(problem)
        case .exchange:
            exchange?.source?.fail(.malformed)
            bodyBroke(problem)
        case .draining: linger()
        case .handshaking, .lingering, .closed: break
        }
    }

    /// The body of the running request is lost: says so unless its answer has begun.
    func bodyBroke(_ problem: HTTPProblem) {
        pace = nil
        if exchange?.answer == nil { refuse(problem) } else { brokeWhileAnswering = true }
    }

    /// Answers in the handler's place, for the last time on this connection.
    func refuse(_ problem: HTTPProblem) {
        if exchange == nil {
            number &+= 1
            exchange = Exchange(
                number: number, head: nil, id: loop.nextRequestID(), peer: connectionPeer, began: .now(),
                source: nil,
                waitsForContinue: false, bodyEnded: true)
            phase = .exchange
            deadlines.phase = nil
            deadlines.head = nil
        }
        guard let exchange else { return }
        var response = server.handler.refuse(problem, requestID: exchange.id)
        response.closesConnection = true
        answer(response)
    }
}
