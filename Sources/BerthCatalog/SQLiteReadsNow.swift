import GRDB
import Synchronization

/// Reads on the caller's thread that wait neither for a disk nor for another thread's work. For event loops, which then need
/// no other thread to learn what is in memory anyway. (SQLite has a lock for all files of the process, which is taken for
/// moments, but also while one is opened or closed.)
final class SQLiteReadsNow: Sendable {
    /// Proof for `@unchecked`: it is reached under the lock of its seat alone.
    private struct Open: @unchecked Sendable {
        let queue: DatabaseQueue
        let connection: SQLiteConnection
    }
    private final class Seat: Sendable {
        /// Nil once closed.
        let open: Mutex<Open?>
        init(_ open: Open) { self.open = Mutex(open) }
    }
    private let seats: [Seat]
    /// Steps of SQLite's machine in all reads.
    let steps = Atomic<Int64>(0)

    /// Opens `count` connections; none where the system has no way of reading without waiting.
    init(count: Int, open: () throws(CatalogError) -> DatabaseQueue) throws(CatalogError) {
        var seats: [Seat] = []
        for _ in 0..<(SQLiteProcess.canAvoidWaiting ? count : 0) {
            let queue = try open()
            let connection: Result<SQLiteConnection, CatalogError> = queue.unsafeReentrantRead { database in
                Result { () throws(CatalogError) in try SQLiteConnection(database) }
            }
            guard SQLiteProcess.hasRead else {
                try? queue.close()
                break
            }
            seats.append(Seat(Open(queue: queue, connection: try connection.get())))
        }
        self.seats = seats
    }

    /// The rows of one query, which is one snapshot; nil where they can't be had without waiting.
    ///
    /// Where all seats are taken the last is waited for: whoever has it waits for nothing, and is sooner done than another
    /// thread is woken.
    func rows(_ sql: StaticString, _ arguments: [SQLValue]) -> [SQLRow]? {
        for seat in seats.dropLast() {
            if let rows = seat.open.withLockIfAvailable({ ask($0, sql, arguments) }) { return rows }
        }
        return seats.last?.open.withLock { ask($0, sql, arguments) }
    }

    /// What is wrong beyond a page that is not in memory is told to whoever asks again and waits.
    private func ask(_ open: Open?, _ sql: StaticString, _ arguments: [SQLValue]) -> [SQLRow]? {
        guard let open else { return nil }
        defer { steps.add(open.connection.takeSteps(), ordering: .relaxed) }
        return open.queue.unsafeReentrantRead { _ in
            SQLiteProcess.withoutWaiting { try? open.connection.rows(sql, arguments) }
        }
    }

    func close() {
        for seat in seats {
            seat.open.withLock { open in
                guard let last = open else { return }
                open = nil
                last.queue.unsafeReentrantRead { _ in last.connection.forgetStatements() }
                // A connection that only reads has nothing to lose when closing fails.
                try? last.queue.close()
            }
        }
    }
}
