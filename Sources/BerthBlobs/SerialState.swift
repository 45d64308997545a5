import NIOCore
import Synchronization

/// A value that jobs work on one after another, in the order in which they were given, each on a thread of its lane.
///
/// Proof for `@unchecked`: `state` is private and reached by `runNext` alone. `isRunning` makes sure that one `runNext`
/// is under way at a time, and the queue's lock, taken between two jobs, makes what one wrote visible to the next.
final class SerialState<State: ~Copyable>: @unchecked Sendable {
    private typealias Job = (lane: Lane, work: (inout State) -> Void)
    private struct Queue {
        var jobs = CircularBuffer<Job>()
        var isRunning = false
    }

    private var state: State
    private let workers: Workers
    private let queue = Mutex(Queue())

    init(_ state: consuming State, workers: Workers) {
        self.state = state
        self.workers = workers
    }

    /// Gives a job and returns at once.
    func submit(_ lane: Lane, _ work: @escaping @Sendable (inout State) -> Void) {
        let isFirst = queue.withLock { queue in
            queue.jobs.append((lane, work))
            guard !queue.isRunning else { return false }
            queue.isRunning = true
            return true
        }
        if isFirst { workers.submit(lane) { self.runNext() } }
    }

    /// Gives a job and waits for its answer.
    func run<Value: Sendable>(
        _ lane: Lane, _ work: @escaping @Sendable (inout State) throws(BlobError) -> Value
    ) async throws(BlobError) -> Value {
        let result: Result<Value, BlobError> = await withCheckedContinuation { continuation in
            submit(lane) { state in
                do throws(BlobError) {
                    continuation.resume(returning: .success(try work(&state)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// One job a turn on a thread: uploads that share a thread take turns. Where nobody else waits the thread goes on, for
    /// waking another one costs more than some of the work.
    private func runNext() {
        while let job = queue.withLock({ $0.jobs.first }) {
            job.work(&state)
            let next = queue.withLock { queue -> Lane? in
                queue.jobs.removeFirst()
                guard let next = queue.jobs.first else {
                    queue.isRunning = false
                    return nil
                }
                return next.lane
            }
            guard let next else { return }
            guard next == job.lane, workers.isFree(next) else { return workers.submit(next) { self.runNext() } }
        }
    }
}
