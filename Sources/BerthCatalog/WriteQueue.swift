import Dispatch
import Synchronization

/// A write that waits for the writer.
struct WriteJob: Sendable {
    let id: UInt64
    let cost: WriteCost
    /// Nobody waits for it: it does not wake the writer at once.
    let isLazy: Bool
    let queuedAt: ContinuousClock.Instant
    /// Runs the body and keeps what it gives. May be called again.
    let run: @Sendable (any SQLTransaction) throws(CatalogError) -> Void
    /// Tells the outcome to those who keep caches. Once, before `resume`.
    let settle: @Sendable (CatalogError?) -> Void
    /// Answers the caller. Once, after `settle`.
    let resume: @Sendable () -> Void

    func fail(_ error: CatalogError) {
        settle(error)
        resume()
    }
}

/// Something that the writer does outside of any transaction.
struct LoneJob: Sendable, Equatable {
    let id: UInt64
    /// Tells the outcome, once.
    let answer: @Sendable (CatalogError?) -> Void

    static func == (a: LoneJob, b: LoneJob) -> Bool { a.id == b.id }
}

/// The writes that wait, in order of arrival; housekeeping waits in a line of its own.
final class WriteQueue: Sendable {
    enum Work: Equatable {
        case batch, tick, closed
        case alone(LoneJob)
    }

    private struct State {
        var jobs = FIFO<WriteJob>()
        var background = FIFO<WriteJob>()
        var alone = FIFO<LoneJob>()
        /// How many of `jobs` somebody waits for.
        var urgent = 0
        var lastID: UInt64 = 0
        var isAsleep = false
        var isClosed = false
    }

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let lazyDelay: Duration

    init(lazyDelay: Duration) { self.lazyDelay = lazyDelay }

    var waiting: Int { state.withLock { $0.jobs.count + $0.background.count } }

    func newID() -> UInt64 {
        state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
    }

    /// False once closed.
    func append(_ job: WriteJob) -> Bool {
        let (isTaken, wakes) = state.withLock { state -> (Bool, Bool) in
            guard !state.isClosed else { return (false, false) }
            if job.cost.isBackground {
                state.background.append(job)
            } else {
                state.jobs.append(job)
                if !job.isLazy { state.urgent += 1 }
            }
            let wakes = state.isAsleep
            state.isAsleep = false
            return (true, wakes)
        }
        if wakes { wake.signal() }
        return isTaken
    }

    /// False once closed.
    func append(_ job: LoneJob) -> Bool {
        let (isTaken, wakes) = state.withLock { state -> (Bool, Bool) in
            guard !state.isClosed else { return (false, false) }
            state.alone.append(job)
            defer { state.isAsleep = false }
            return (true, state.isAsleep)
        }
        if wakes { wake.signal() }
        return isTaken
    }

    /// Takes back a job that has not begun (C3); nil if it has.
    func withdraw(_ id: UInt64) -> WriteJob? {
        state.withLock { state in
            if let job = state.background.remove(where: { $0.id == id }) { return job }
            guard let job = state.jobs.remove(where: { $0.id == id }) else { return nil }
            if !job.isLazy { state.urgent -= 1 }
            return job
        }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        wake.signal()
    }

    /// Blocks until there is something to commit, or until `tick`, or until closed with nothing left.
    func wait(until tick: ContinuousClock.Instant) -> Work {
        while true {
            let (work, pause) = state.withLock { state -> (Work?, Duration) in
                state.isAsleep = false
                if let job = state.alone.popFirst() { return (.alone(job), .zero) }
                if state.urgent > 0 || !state.background.isEmpty { return (.batch, .zero) }
                if state.isClosed { return (state.jobs.isEmpty ? .closed : .batch, .zero) }
                let now = ContinuousClock.now
                var pause = now.duration(to: tick)
                if pause <= .zero { return (state.jobs.isEmpty ? .tick : .batch, .zero) }
                if let oldest = state.jobs.first {
                    pause = min(pause, now.duration(to: oldest.queuedAt.advanced(by: lazyDelay)))
                    if pause <= .zero { return (.batch, .zero) }
                }
                state.isAsleep = true
                return (nil, pause)
            }
            if let work { return work }
            _ = wake.wait(timeout: .now() + .microseconds(Int(pause / .microseconds(1)) + 1))
        }
    }

    func nextBackground() -> WriteJob? { state.withLock { $0.background.popFirst() } }

    /// The next job, if it brings at most `bytes` or comes `first`.
    func next(bytes: Int, first: Bool) -> WriteJob? {
        state.withLock { state in
            guard let job = state.jobs.first, first || job.cost.bytes <= bytes else { return nil }
            if !job.isLazy { state.urgent -= 1 }
            return state.jobs.popFirst()
        }
    }

    /// Everything that waits, when none of it can be done.
    func takeAll() -> [WriteJob] {
        state.withLock { state in
            var all: [WriteJob] = []
            while let job = state.jobs.popFirst() { all.append(job) }
            while let job = state.background.popFirst() { all.append(job) }
            state.urgent = 0
            return all
        }
    }
}

/// First in, first out, with constant cost at both ends.
struct FIFO<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }
    var count: Int { elements.count - head }
    var first: Element? { isEmpty ? nil : elements[head] }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = elements[head]
        elements[head] = nil
        head += 1
        if head == elements.count {
            elements.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 1_024, head > elements.count / 2 {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    mutating func remove(where matches: (Element) -> Bool) -> Element? {
        for index in head..<elements.count {
            guard let element = elements[index], matches(element) else { continue }
            elements.remove(at: index)
            return element
        }
        return nil
    }
}
