import BerthModel
import Foundation
import GRDB
import Synchronization

/// SQLite on one file: one thread that writes, a few that read. Only one process may have the file open.
package final class SQLiteDatabase: RewritingDatabase {
    static let busyMilliseconds: Int32 = 5_000

    let meta: MetaRow
    private let queue: WriteQueue
    private let status: SQLiteWriter.Status
    private let readers: SQLiteReaders
    private let readsNow: SQLiteReadsNow
    private let warming: CatalogWarming?
    private let writerConnection: DatabaseQueue
    private let writerEnded = DispatchGroup()

    /// Opens the file, makes or migrates the schema after a copy has gone to `snapshots`, and starts the threads.
    /// Blocks. Throws `.damaged` for a newer schema, a corrupt file, or the catalog of another registry.
    package init(
        path: String, snapshots: String, sync: SyncMode, settings: CatalogSettings, clock: any RegistryClock
    ) throws(CatalogError) {
        let opening = SQLiteOpening(path: path, snapshots: snapshots, sync: sync, settings: settings, clock: clock)
        warming = settings.warmsUp ? CatalogWarming(path: path) : nil
        writerConnection = try opening.openWriter()
        meta = try opening.prepare(writerConnection, migrations: Migration.all)
        queue = WriteQueue(lazyDelay: settings.lazyDelay)
        status = SQLiteWriter.Status()
        readers = try SQLiteReaders(count: settings.readers) { () throws(CatalogError) in try opening.openReader() }
        readsNow = try SQLiteReadsNow(count: settings.readersNow) { () throws(CatalogError) in
            try opening.openReader(isPatient: false)
        }
        warming?.begin()
        startWriter(settings)
    }

    private func startWriter(_ settings: CatalogSettings) {
        status.statistics.withLock { ($0.seq, $0.changedSeq) = (meta.seq, meta.seq) }
        writerEnded.enter()
        let thread = Thread { [connection = writerConnection, queue, meta, status, writerEnded] in
            nameThread("berth-catalog")
            connection.writeWithoutTransaction { database in
                do throws(CatalogError) {
                    let connection = try SQLiteConnection(database)
                    SQLiteWriter(connection, queue: queue, settings: settings, meta: meta, status: status).run()
                } catch {
                    status.stopped.withLock { $0 = "\(error)" }
                }
            }
            writerEnded.leave()
        }
        thread.start()
    }

    package var statistics: WriteStatistics { status.statistics.withLock { $0 } }
    package var stopped: String? { status.stopped.withLock { $0 } }
    /// Bytes in the write-ahead log that are in use.
    package var logBytes: Int { status.logBytes.load(ordering: .relaxed) }
    /// Steps of SQLite's machine that all reads took.
    package var readSteps: Int64 {
        readers.steps.load(ordering: .relaxed) + readsNow.steps.load(ordering: .relaxed)
    }

    /// Writes that wait.
    var waiting: Int { queue.waiting }

    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        try await readers.read(body)
    }

    package func rowsNow(_ sql: StaticString, _ arguments: [SQLValue]) -> [SQLRow]? {
        readsNow.rows(sql, arguments)
    }

    package func write<Value: Sendable>(
        _ cost: WriteCost,
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value,
        settled: @escaping @Sendable (Result<Value, CatalogError>) -> Void
    ) async throws(CatalogError) -> Value {
        let id = queue.newID()
        let result: Result<Value, CatalogError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = Answer<Value>()
                let job = WriteJob(
                    id: id, cost: cost, isLazy: false, queuedAt: .now,
                    run: { transaction throws(CatalogError) in answer.set(try body(transaction)) },
                    settle: { error in settled(answer.settle(error)) },
                    resume: { continuation.resume(returning: answer.result) })
                guard !Task.isCancelled else { return job.fail(.unavailable("cancelled before it began")) }
                append(job)
            }
        } onCancel: {
            queue.withdraw(id)?.fail(.unavailable("cancelled before it began"))
        }
        return try result.get()
    }

    package func enqueue<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value,
        settled: @escaping @Sendable (Result<Value, CatalogError>) -> Void
    ) {
        let answer = Answer<Value>()
        let job = WriteJob(
            id: queue.newID(), cost: .small, isLazy: true, queuedAt: .now,
            run: { transaction throws(CatalogError) in answer.set(try body(transaction)) },
            settle: { error in settled(answer.settle(error)) }, resume: {})
        append(job)
    }

    private func append(_ job: WriteJob) {
        if let stopped { return job.fail(.unavailable(stopped)) }
        if !queue.append(job) { job.fail(.unavailable("the catalog is closed")) }
    }

    package func rewrite() async throws(CatalogError) {
        let failure: CatalogError? = await withCheckedContinuation { continuation in
            let job = LoneJob(id: queue.newID()) { continuation.resume(returning: $0) }
            if !queue.append(job) { job.answer(.unavailable("the catalog is closed")) }
        }
        if let failure { throw failure }
    }

    package func close() async throws(CatalogError) {
        queue.close()
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { [self] in
                readers.close()
                readsNow.close()
                writerEnded.wait()
                continuation.resume()
            }
        }
        guard stopped == nil else {
            // Closing would checkpoint, and so sync again what could not be synced: the connection is left to the end
            // of the process.
            _ = Unmanaged.passRetained(writerConnection)
            return
        }
        do { try writerConnection.close() } catch { throw .unavailable("closing: \(error)") }
        warming?.end()
    }
}

/// What a closure gave, on its way from the writer's thread to the caller.
private final class Answer<Value: Sendable>: Sendable {
    private let state = Mutex<Result<Value, CatalogError>>(.failure(.unavailable("it has not run")))

    var result: Result<Value, CatalogError> { state.withLock { $0 } }

    func set(_ value: Value) { state.withLock { $0 = .success(value) } }

    func settle(_ error: CatalogError?) -> Result<Value, CatalogError> {
        state.withLock { state in
            if let error { state = .failure(error) }
            return state
        }
    }
}
