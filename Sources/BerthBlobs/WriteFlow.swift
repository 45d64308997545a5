import BerthModel
import Synchronization

/// How much of an upload is on its way to the disk, and what became of it.
final class WriteFlow: Sendable {
    private struct State {
        /// Bytes taken from the caller.
        var accepted: Int64
        /// Bytes written and hashed.
        var good: Int64
        var inFlight = 0
        var failure: BlobError?
        var waiters: [(below: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state: Mutex<State>

    init(offset: Int64) { state = Mutex(State(accepted: offset, good: offset)) }

    var offset: Int64 { state.withLock { $0.accepted } }
    /// Batches behind a failed one are dropped.
    var hasFailed: Bool { state.withLock { $0.failure != nil } }

    func begin(_ count: Int64) {
        state.withLock { state in
            state.accepted += count
            state.inFlight += 1
        }
    }

    /// A batch of `count` bytes is done with: good, failed, or dropped behind a failed one.
    func end(_ count: Int64, _ result: Result<Void, BlobError>?) {
        let ready = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.inFlight -= 1
            switch result {
            case .success: state.good += count
            case .failure(let error): state.failure = state.failure ?? error
            case nil: break
            }
            let inFlight = state.inFlight
            let ready = state.waiters.filter { inFlight < $0.below }
            state.waiters.removeAll { inFlight < $0.below }
            return ready.map(\.continuation)
        }
        for waiter in ready { waiter.resume() }
    }

    /// Something other than a batch failed: the write-back.
    func fail(_ error: BlobError) { state.withLock { $0.failure = $0.failure ?? error } }

    /// Waits until fewer than `limit` batches are in flight.
    func wait(below limit: Int) async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.inFlight < limit { return true }
                state.waiters.append((limit, continuation))
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    /// Once nothing is in flight: the failure, if there was one. It is told once, and the offset is then what is good.
    func takeFailure() -> BlobError? {
        state.withLock { state in
            guard let failure = state.failure else { return nil }
            state.failure = nil
            state.accepted = state.good
            return failure
        }
    }

    func reset(to offset: Int64) {
        state.withLock { state in
            state.failure = nil
            (state.accepted, state.good) = (offset, offset)
        }
    }
}
