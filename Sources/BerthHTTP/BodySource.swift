import NIOCore
import Synchronization

/// Where a request's body passes from its connection, on the event loop, to the task that reads it.
final class BodySource: Sendable {
    /// What the connection has to do because the body is being read; called from the reader's thread.
    enum Demand: Sendable {
        /// First reading: send `100 Continue` if the client waits for it.
        case started
        /// Less waits now: read the socket again.
        case resumed
    }

    private typealias Reader = CheckedContinuation<BodyQueue.Taken, Never>
    private struct State {
        var queue = BodyQueue()
        var reader: Reader?
        var loan = Loan.none
    }
    private enum Loan {
        case none
        case offered(InputLoan)
        case taken(InputLoan)

        var input: InputLoan? {
            switch self {
            case .none: nil
            case .offered(let loan), .taken(let loan): loan
            }
        }
    }

    private let state = Mutex(State())
    private let memory: BodyMemory
    private let lends: Bool
    private let demand: @Sendable (Demand) -> Void

    /// With `lends` the connection offers its input to a reader that takes loans.
    init(memory: BodyMemory, lends: Bool = false, demand: @escaping @Sendable (Demand) -> Void) {
        self.memory = memory
        self.lends = lends
        self.demand = demand
        memory.bodyBegan()
    }

    deinit {
        memory.changed(by: -state.withLock { $0.queue.waitingBytes })
        memory.bodyEnded()
    }

    // MARK: The connection's side

    /// Adds bytes without waking the reader. Returns true when the connection should stop reading.
    func append(_ buffer: ByteBuffer) -> Bool {
        let share = memory.share
        return state.withLock { state in
            memory.changed(by: state.queue.append(buffer, share: share))
            return state.queue.shouldPause(memoryIsShort: memory.isShort, share: share)
        }
    }

    /// Hands what has arrived to a reader that waits.
    func wake() { deliver { _ in 0 } }

    func finish() {
        deliver {
            $0.finish()
            return 0
        }
    }

    func fail(_ error: BodyError) {
        deliver {
            $0.fail(error)
            return 0
        }
        // Whoever receives by himself does not look here.
        state.withLock { $0.loan.input }?.giveBack()
    }

    /// The request is answered: what waits is dropped, and reading on throws `.cancelled`.
    func abandon() { deliver { -$0.abandon(.cancelled) } }

    var isPaused: Bool { state.withLock { $0.queue.isPaused } }
    var wasReadFrom: Bool { state.withLock { $0.queue.wasReadFrom } }

    /// Whether the reader takes over receiving as soon as it may.
    var wantsLoan: Bool { state.withLock { $0.queue.isPaused && $0.queue.takesLoans && $0.loan.input == nil } }

    /// The reader may receive by itself once it has read what waits. False if it has asked for more meanwhile.
    func offer(_ loan: InputLoan) -> Bool {
        state.withLock { state in
            guard state.queue.isPaused, !state.queue.isClosed else { return false }
            state.loan = .offered(loan)
            return true
        }
    }

    /// The connection reads again.
    func loanEnded() {
        state.withLock { state in
            state.loan = .none
            state.queue.goOn()
        }
    }

    /// Changes the queue, and then answers the reader, if one waits and there is something to say.
    private func deliver(_ change: (inout BodyQueue) -> Int) {
        let (reader, taken) = state.withLock { state -> (Reader?, BodyQueue.Taken) in
            memory.changed(by: change(&state.queue))
            guard let reader = state.reader, state.queue.isReady else { return (nil, .wait) }
            state.reader = nil
            return (reader, take(&state.queue))
        }
        reader?.resume(returning: taken)
    }

    private func take(_ queue: inout BodyQueue) -> BodyQueue.Taken {
        let before = queue.waitingBytes
        let taken = queue.take()
        memory.changed(by: queue.waitingBytes - before)
        return taken
    }

    // MARK: The reader's side

    /// The input itself, where the connection has it to lend and nothing waits that came before. Who has asked once is
    /// taken to ask again before each `next`.
    func takeLoan() -> InputLoan? {
        guard lends else { return nil }
        return state.withLock { state in
            state.queue.takesLoans = true
            guard !state.queue.isReady, case .offered(let loan) = state.loan else { return nil }
            state.loan = .taken(loan)
            return loan
        }
    }

    func next() async throws(BodyError) -> [ByteBuffer]? {
        let (first, isStart) = state.withLock { state -> (BodyQueue.Taken, Bool) in
            let isStart = !state.queue.wasReadFrom
            return (take(&state.queue), isStart)
        }
        if isStart { demand(.started) }
        let taken: BodyQueue.Taken
        if case .wait = first {
            declineLoan()
            resumeIfPaused()
            taken = await withTaskCancellationHandler {
                await withCheckedContinuation { wait($0) }
            } onCancel: {
                fail(.cancelled)
            }
        } else {
            taken = first
        }
        resumeIfPaused()
        switch taken {
        case .batch(let batch): return batch
        case .end: return nil
        case .failure(let error): throw error
        // Readers are resumed with an answer only.
        case .wait: throw .cancelled
        }
    }

    private func wait(_ reader: Reader) {
        let answer = state.withLock { state -> BodyQueue.Taken? in
            let taken = take(&state.queue)
            guard case .wait = taken else { return taken }
            // One task reads; a second one at the same time gets nothing.
            guard state.reader == nil else { return .failure(.cancelled) }
            state.reader = reader
            return nil
        }
        if let answer { reader.resume(returning: answer) }
    }

    private func declineLoan() {
        let declined = state.withLock { state -> InputLoan? in
            guard case .offered(let loan) = state.loan else { return nil }
            state.loan = .taken(loan)
            return loan
        }
        declined?.giveBack()
    }

    private func resumeIfPaused() {
        let share = memory.share
        let resumes = state.withLock {
            // The end of the loan is what makes the connection read again.
            $0.loan.input == nil && $0.queue.shouldResume(memoryIsShort: memory.isShort, share: share)
        }
        if resumes { demand(.resumed) }
    }
}
