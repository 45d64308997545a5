import Synchronization

/// The one thread that writes (C3): takes the writes that wait, runs them in one transaction, commits once, and answers
/// (C1, C5).
///
/// The first run of a batch has no savepoints: SQLite copies each page that a savepoint could have to restore, which
/// costs more than the writes themselves, and closures hardly ever throw. If one does, the transaction is rolled back
/// and all are run again, each in a savepoint of its own.
final class SQLiteWriter {
    /// What other threads may see of the writer.
    final class Status: Sendable {
        let statistics = Mutex(WriteStatistics())
        /// Set for good by the first failure after which nobody knows what the disk holds.
        let stopped = Mutex<String?>(nil)
        let logBytes = Atomic<Int>(0)
    }

    private let connection: SQLiteConnection
    private let queue: WriteQueue
    private let settings: CatalogSettings
    private let status: Status
    private let meta: MetaRow
    private var checkpoint: Checkpointing
    private var nextTick = ContinuousClock.now

    init(
        _ connection: SQLiteConnection, queue: WriteQueue, settings: CatalogSettings, meta: MetaRow, status: Status
    ) {
        self.connection = connection
        self.queue = queue
        self.settings = settings
        self.meta = meta
        self.status = status
        self.checkpoint = Checkpointing(connection, settings)
    }

    /// Works until the queue is closed and empty.
    func run() {
        nextTick = .now.advanced(by: settings.timeStaleness)
        while true {
            switch queue.wait(until: nextTick) {
            case .closed: return end()
            case .tick: storeTime()
            case .batch: commitBatch()
            case .alone(let job): rewrite(job)
            }
            tidyLog()
        }
    }

    // MARK: - A batch

    private struct Attempt {
        var done: [WriteJob] = []
        var failed: [(WriteJob, CatalogError)] = []
        var bytes = 0
        /// Closures have to be undone one by one: they run again, in savepoints.
        var needsSavepoints = false
        /// The transaction is gone; none of `done` has happened (C2).
        var fatal: CatalogError?
    }

    private func commitBatch() {
        if let problem = whyNot() {
            for job in queue.takeAll() { job.fail(.unavailable(problem)) }
            return
        }
        var attempt = Attempt()
        runWaiting(&attempt)
        if attempt.needsSavepoints {
            let all = attempt.done
            attempt = Attempt()
            runAgain(all, &attempt)
        }
        if attempt.fatal != nil, !attempt.done.isEmpty {
            // What one closure has broken is no fault of the others: they are run again, once (C2).
            let again = attempt.done
            attempt.done = []
            attempt.fatal = nil
            runAgain(again, &attempt)
        }
        if attempt.fatal == nil { commit(&attempt) }
        answer(attempt)
    }

    /// Why nothing can be written now.
    private func whyNot() -> String? {
        if let stopped = status.stopped.withLock({ $0 }) { return stopped }
        do {
            return try checkpoint.hasRoom() ? nil : "the write-ahead log has grown too long"
        } catch {
            stopIfUnknown(error, "a checkpoint failed")
            return "\(error)"
        }
    }

    private func runWaiting(_ attempt: inout Attempt) {
        do { try connection.execute("BEGIN IMMEDIATE") } catch {
            // Whoever holds the database has been waited for: nobody else is made to wait as long again.
            attempt.failed = queue.takeAll().map { ($0, error) }
            return
        }
        let changes = connection.totalChanges
        // Housekeeping comes first, and its time is not that of others: every commit takes in those who wait.
        if let job = queue.nextBackground() { runUnguarded(job, &attempt) }
        let deadline = ContinuousClock.now.advanced(by: settings.batchDuration)
        while attempt.fatal == nil, !attempt.needsSavepoints {
            let count = attempt.done.count + attempt.failed.count
            guard count < settings.batchClosures, count == 0 || ContinuousClock.now < deadline else { break }
            let left = settings.batchBytes - attempt.bytes
            guard let job = queue.next(bytes: left, first: count == 0) else { break }
            runUnguarded(job, &attempt)
        }
        if !attempt.needsSavepoints { stamp(&attempt, changesBefore: changes) }
    }

    private func runUnguarded(_ job: WriteJob, _ attempt: inout Attempt) {
        do throws(CatalogError) {
            try job.run(SQLiteTransaction(connection: connection))
            guard connection.isInTransaction else {
                throw CatalogError.unavailable("the transaction ended inside a closure")
            }
            attempt.done.append(job)
            attempt.bytes += job.cost.bytes
        } catch {
            guard connection.isInTransaction else {
                attempt.failed.append((job, error))
                attempt.fatal = error
                return
            }
            giveUp()
            attempt.done.append(job)
            attempt.needsSavepoints = true
        }
    }

    private func runAgain(_ jobs: [WriteJob], _ attempt: inout Attempt) {
        do { try connection.execute("BEGIN IMMEDIATE") } catch {
            attempt.failed += jobs.map { ($0, error) }
            return
        }
        let changes = connection.totalChanges
        for (index, job) in jobs.enumerated() {
            run(job, &attempt)
            guard attempt.fatal != nil else { continue }
            let rest = attempt.done + jobs[(index + 1)...]
            fail(rest, with: attempt.fatal, &attempt)
            return
        }
        stamp(&attempt, changesBefore: changes)
        if attempt.fatal != nil { fail(attempt.done, with: attempt.fatal, &attempt) }
    }

    private func fail(_ jobs: [WriteJob], with error: CatalogError?, _ attempt: inout Attempt) {
        attempt.failed += jobs.map { ($0, error ?? .unavailable("the transaction is gone")) }
        attempt.done = []
    }

    /// Runs one closure in a savepoint of its own. Whatever it throws undoes it alone, unless SQLite has given up the
    /// whole transaction: after a full disk or an I/O error a further savepoint would commit by itself (C2).
    private func run(_ job: WriteJob, _ attempt: inout Attempt) {
        do throws(CatalogError) {
            try connection.execute("SAVEPOINT closure")
            try job.run(SQLiteTransaction(connection: connection))
            guard connection.isInTransaction else {
                throw CatalogError.unavailable("the transaction ended inside a closure")
            }
            try connection.execute("RELEASE closure")
            attempt.done.append(job)
            attempt.bytes += job.cost.bytes
        } catch {
            attempt.failed.append((job, error))
            guard connection.isInTransaction else {
                attempt.fatal = error
                return
            }
            do throws(CatalogError) {
                try connection.execute("ROLLBACK TO closure")
                try connection.execute("RELEASE closure")
            } catch {
                giveUp()
                attempt.fatal = error
            }
        }
    }

    /// Gives the commit its number (C7) and stores registry time with it, if anything has changed.
    private func stamp(_ attempt: inout Attempt, changesBefore: Int64) {
        guard attempt.fatal == nil, connection.totalChanges != changesBefore else { return }
        do { try meta.stamp(connection) } catch {
            giveUp()
            attempt.fatal = error
        }
    }

    private func commit(_ attempt: inout Attempt) {
        guard connection.isInTransaction else {
            // Nothing is acknowledged that no COMMIT has made durable (C1).
            return fail(attempt.done, with: nil, &attempt)
        }
        do {
            try connection.execute("COMMIT")
            let stamped = meta.committed()
            if stamped { nextTick = .now.advanced(by: settings.timeStaleness) }
            count(attempt, isCommit: stamped)
        } catch {
            stopIfUnknown(error, "COMMIT failed")
            giveUp()
            fail(attempt.done, with: error, &attempt)
        }
    }

    /// First the caches of all, then the answers.
    private func answer(_ attempt: Attempt) {
        for job in attempt.done { job.settle(nil) }
        for (job, error) in attempt.failed { job.settle(error) }
        for job in attempt.done { job.resume() }
        for (job, _) in attempt.failed { job.resume() }
        if !attempt.failed.isEmpty { status.statistics.withLock { $0.failures += attempt.failed.count } }
    }

    private func count(_ attempt: Attempt, isCommit: Bool) {
        if isCommit { settings.committed?(attempt.done.count) }
        status.statistics.withLock { statistics in
            statistics.closures += attempt.done.count
            guard isCommit else { return }
            statistics.commits += 1
            statistics.largestBatch = max(statistics.largestBatch, attempt.done.count)
            statistics.seq = meta.seq
            if !attempt.done.isEmpty { statistics.changedSeq = meta.seq }
        }
    }

    // MARK: - When it goes wrong

    private func giveUp() {
        meta.rolledBack()
        guard connection.isInTransaction else { return }
        // SQLite has nothing left that could fail here but the transaction's absence, which is what is wanted.
        _ = try? connection.execute("ROLLBACK")
    }

    /// After a failed sync in a COMMIT or checkpoint nobody knows what has reached the disk, and a second fsync would
    /// claim that all has (B6): the writer stops until a restart reads the files anew. A write that failed before any
    /// sync leaves no such doubt: a file system that was read-only for a while is written again.
    private func stopIfUnknown(_ error: CatalogError, _ what: String) {
        guard !connection.lastFailureWasBusy, !connection.lastFailureWasWrite else { return }
        switch error {
        case .noSpace: return
        case .unavailable(let text), .damaged(let text):
            let reason = "writing has stopped until a restart: \(what): \(text)"
            let isNews = status.stopped.withLock { stopped in
                defer { stopped = stopped ?? reason }
                return stopped == nil
            }
            if isNews { settings.stopped?(reason) }
        }
    }

    // MARK: - Housekeeping

    /// Writes the database anew and empties the log, so that no page of either keeps what has been deleted.
    private func rewrite(_ job: LoneJob) {
        if let problem = whyNot() { return job.answer(.unavailable(problem)) }
        do {
            try connection.rewriteDatabase(inMemoryUpTo: settings.checkedBytes)
        } catch {
            // Without a place for its temporary file nothing was written at all.
            if connection.lastFailureWasInputOutput { stopIfUnknown(error, "rewriting failed") }
            return job.answer(error)
        }
        do {
            let isEmpty = try checkpoint.emptyLog(patience: Self.readersEnd)
            job.answer(isEmpty ? nil : .unavailable("readers kept the write-ahead log from being emptied"))
        } catch {
            stopIfUnknown(error, "a checkpoint failed")
            job.answer(error)
        }
    }

    /// No read takes as long.
    private static let readersEnd = Duration.seconds(20)

    /// Keeps the stored registry time fresh when nobody writes.
    private func storeTime() {
        nextTick = .now.advanced(by: settings.timeStaleness)
        guard status.stopped.withLock({ $0 == nil }) else { return }
        var attempt = Attempt()
        do { try connection.execute("BEGIN IMMEDIATE") } catch { return }
        stamp(&attempt, changesBefore: -1)
        if attempt.fatal == nil { commit(&attempt) }
    }

    private func tidyLog() {
        guard status.stopped.withLock({ $0 == nil }) else { return }
        do {
            if try checkpoint.runIfDue() { status.statistics.withLock { $0.checkpoints += 1 } }
        } catch {
            stopIfUnknown(error, "a checkpoint failed")
        }
        status.logBytes.store(checkpoint.logBytes, ordering: .relaxed)
    }

    private func end() {
        if status.stopped.withLock({ $0 == nil }) {
            do { try checkpoint.finish() } catch { stopIfUnknown(error, "the last checkpoint failed") }
        }
        connection.forgetStatements()
    }
}
