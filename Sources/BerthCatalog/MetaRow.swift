import BerthModel
import Synchronization

/// The row of facts about the catalog itself: the commits' number, registry time, and how the last run ended.
final class MetaRow: Sendable {
    private struct State {
        var seq: Int64
        var isStamped = false
    }
    let start: StartState
    let time: RegistryTime
    let registryID: String
    private let state: Mutex<State>

    /// Reads the row, or makes it, and marks the catalog as running.
    init(
        _ connection: SQLiteConnection, clock: any RegistryClock, registryID: String?
    ) throws(CatalogError) {
        let boot = clock.bootID()
        if let row = try connection.rows(
            "SELECT registry_id, seq, registry_time, boot_id, is_clean FROM meta WHERE id = 1"
        ).first {
            let stored = try row.text(0)
            if let registryID, !stored.isEmpty, stored != registryID {
                throw .damaged("this is the catalog of registry \(stored), not of \(registryID)")
            }
            self.registryID = stored.isEmpty ? registryID ?? "" : stored
            start = StartState(
                isNew: false, wasStoppedCleanly: try row.bool(4),
                isSameBoot: try row.text(3) == boot && boot != "unknown")
            state = Mutex(State(seq: try row.integer(1)))
            time = RegistryTime(from: try row.integer(2), clock: clock)
            try connection.execute(
                "UPDATE meta SET boot_id = ?, is_clean = 0, registry_id = ? WHERE id = 1",
                [.text(boot), .text(self.registryID)])
        } else {
            self.registryID = registryID ?? ""
            start = StartState(isNew: true, wasStoppedCleanly: true, isSameBoot: true)
            state = Mutex(State(seq: 0))
            time = RegistryTime(from: 0, clock: clock)
            try connection.execute(
                """
                INSERT INTO meta (id, registry_id, seq, registry_time, boot_id, is_clean, created_at)
                VALUES (1, ?, 0, 0, ?, 0, ?)
                """,
                [.text(self.registryID), .text(boot), .integer(clock.wall())])
        }
    }

    /// For a catalog that lives in memory, and has been running until `time`.
    init(clock: any RegistryClock, time: Int64) {
        registryID = ""
        start = StartState(isNew: true, wasStoppedCleanly: true, isSameBoot: true)
        state = Mutex(State(seq: 0))
        self.time = RegistryTime(from: time, clock: clock)
    }

    var seq: Int64 { state.withLock { $0.seq } }

    /// Gives the transaction the next number (C7).
    func stamp(_ connection: SQLiteConnection) throws(CatalogError) {
        try connection.execute(
            "UPDATE meta SET seq = ?, registry_time = ? WHERE id = 1", [.integer(seq + 1), .integer(time.now())])
        state.withLock { $0.isStamped = true }
    }

    /// The transaction has been committed; true if it was stamped.
    func committed() -> Bool {
        state.withLock { state in
            guard state.isStamped else { return false }
            state.seq += 1
            state.isStamped = false
            return true
        }
    }

    func rolledBack() { state.withLock { $0.isStamped = false } }

    /// Says that the next start may trust everything, and what it need not count again. The last write before closing; its
    /// commit gets the number after the stored one.
    static func markClean(_ transaction: any SQLTransaction, _ totals: Totals) throws(CatalogError) {
        try transaction.execute(
            """
            UPDATE meta
            SET is_clean = 1, counted_seq = seq + 1, counted_blobs = ?, counted_bytes = ?, counted_repositories = ?
            WHERE id = 1
            """,
            [.integer(Int64(totals.blobs)), .integer(totals.bytes), .integer(Int64(totals.repositories))])
    }
}
