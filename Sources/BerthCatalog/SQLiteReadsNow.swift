import GRDB
import Synchronization

/// Reads on the caller's thread that wait for nobody: neither for a disk, nor for another thread. For event loops, which
/// then need no other thread to learn what is in memory anyway.
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
    /// Whoever finds one taken tries the next.
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
            seats.append(Seat(Open(queue: queue, connection: try connection.get())))
        }
        self.seats = seats
    }

    /// The rows of one query, which is one snapshot; nil where they can't be had without waiting.
    func rows(_ sql: StaticString, _ arguments: [SQLValue]) -> [SQLRow]? {
        for seat in seats {
            let answer = seat.open.withLockIfAvailable { open -> [SQLRow]? in
                guard let open else { return nil }
                // What is wrong beyond a page that is not in memory is told to whoever asks again and waits.
                let rows = open.queue.unsafeReentrantRead { _ in
                    SQLiteProcess.withoutWaiting { try? open.connection.rows(sql, arguments) }
                }
                steps.add(open.connection.takeSteps(), ordering: .relaxed)
                return rows
            }
            if let answer { return answer }
        }
        return nil
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
