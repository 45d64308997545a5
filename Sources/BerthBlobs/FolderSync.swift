import Synchronization

/// Syncs a folder once for all that wait: whoever comes while a sync runs waits for the next one, which begins after
/// the entry that it made.
final class FolderSync: Sendable {
    private typealias Waiter = CheckedContinuation<Result<Void, BlobError>, Never>
    private struct State {
        var waiting: [Waiter] = []
        var isRunning = false
    }

    private let folder: CInt
    private let files: any FileOperations
    private let workers: Workers
    private let state = Mutex(State())

    /// `folder` stays open as long as this lives.
    init(_ folder: CInt, files: any FileOperations, workers: Workers) {
        (self.folder, self.files, self.workers) = (folder, files, workers)
    }

    /// Returns when all entries made before the call are durable.
    func sync() async throws(BlobError) {
        let result: Result<Void, BlobError> = await withCheckedContinuation { waiter in
            let isFirst = state.withLock { state in
                state.waiting.append(waiter)
                guard !state.isRunning else { return false }
                state.isRunning = true
                return true
            }
            if isFirst { startRound() }
        }
        try result.get()
    }

    private func startRound() {
        workers.submit(.syncs) {
            let waiters = self.state.withLock { state in
                defer { state.waiting = [] }
                return state.waiting
            }
            let result: Result<Void, BlobError>
            do throws(SystemError) {
                result = .success(try self.files.sync(self.folder))
            } catch {
                result = .failure(BlobError(error))
            }
            for waiter in waiters { waiter.resume(returning: result) }
            let goesOn = self.state.withLock { state in
                state.isRunning = !state.waiting.isEmpty
                return state.isRunning
            }
            if goesOn { self.startRound() }
        }
    }
}
