import Dispatch
import Foundation
import GRDB
import Synchronization

/// Threads that read, each with a connection of its own.
///
/// Not GRDB's asynchronous accesses: they turn a task's cancellation into an interrupt of the connection, and cost
/// more hops.
final class SQLiteReaders: Sendable {
    private typealias Job = @Sendable (Result<SQLiteConnection, CatalogError>) -> Void
    private struct State {
        var jobs = FIFO<Job>()
        var isClosed = false
    }
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let ended = DispatchGroup()
    private let count: Int
    /// Steps of SQLite's machine in all reads.
    let steps = Atomic<Int64>(0)

    /// Opens `count` connections.
    init(count: Int, open: () throws(CatalogError) -> DatabaseQueue) throws(CatalogError) {
        self.count = count
        var queues: [DatabaseQueue] = []
        for _ in 0..<count { queues.append(try open()) }
        for (index, queue) in queues.enumerated() {
            ended.enter()
            let thread = Thread { [self] in
                nameThread("berth-read-\(index)")
                queue.unsafeRead { serve($0) }
                // A connection that only reads has nothing to lose when closing fails.
                try? queue.close()
                ended.leave()
            }
            thread.start()
        }
    }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        let result: Result<Value, CatalogError> = await withCheckedContinuation { continuation in
            submit { connection in
                let result = connection.flatMap { connection in
                    defer { self.steps.add(connection.takeSteps(), ordering: .relaxed) }
                    return Result { () throws(CatalogError) -> Value in try Self.run(body, on: connection) }
                }
                continuation.resume(returning: result)
            }
        }
        return try result.get()
    }

    /// Blocks until the reads that wait are done and the connections closed.
    func close() {
        state.withLock { $0.isClosed = true }
        for _ in 0..<count { wake.signal() }
        ended.wait()
    }

    private func submit(_ job: @escaping Job) {
        let isTaken = state.withLock { state in
            if !state.isClosed { state.jobs.append(job) }
            return !state.isClosed
        }
        if isTaken { wake.signal() } else { job(.failure(.unavailable("the catalog is closed"))) }
    }

    private func serve(_ database: Database) {
        let connection = Result { () throws(CatalogError) in try SQLiteConnection(database) }
        defer { if case .success(let connection) = connection { connection.forgetStatements() } }
        while true {
            wake.wait()
            let (job, isClosed) = state.withLock { ($0.jobs.popFirst(), $0.isClosed) }
            guard let job else {
                if isClosed { return }
                continue
            }
            job(connection)
        }
    }

    /// One snapshot for all that `body` asks.
    private static func run<Value>(
        _ body: @Sendable (any SQLTransaction) throws(CatalogError) -> Value, on connection: SQLiteConnection
    ) throws(CatalogError) -> Value {
        try connection.execute("BEGIN")
        do {
            let value = try body(SQLiteTransaction(connection: connection))
            try connection.execute("COMMIT")
            return value
        } catch {
            // The transaction may have ended with the error itself.
            if connection.isInTransaction { _ = try? connection.execute("ROLLBACK") }
            throw error
        }
    }
}
