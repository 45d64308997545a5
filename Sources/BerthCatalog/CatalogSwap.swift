import BerthModel
import Foundation
import GRDB

/// Exchanges the catalog of a stopped registry for a snapshot. Every call blocks.
///
/// What is to come is made ready beside the old one and then gets the name `berth.db.restored`, durably: from that moment
/// on the exchange is decided, and `finish`, here or at the next start, does the rest. A crash before leaves the old
/// catalog, one after it the new one (G7).
package struct CatalogSwap: Sendable {
    private let path: String
    private let snapshots: SnapshotFolder
    private var ready: String { path + ".restored" }
    private var temporary: String { ready + ".tmp" }

    package init(catalog path: String, snapshots: String) {
        (self.path, self.snapshots) = (path, SnapshotFolder(path: snapshots))
    }

    /// Finishes an exchange that was decided, and removes what one before that left. True: there was one.
    @discardableResult
    package func finish() throws(CatalogError) -> Bool {
        SQLiteFile.remove(temporary)
        guard access(ready, F_OK) == 0 else { return false }
        // The log of the old database would be taken for the new one's: it is gone for good before the name changes hands.
        for suffix in ["-wal", "-shm", "-journal"] {
            guard unlink(path + suffix) == 0 || errno == ENOENT else { throw .system("removing \(path)\(suffix)") }
        }
        try syncFolder(of: path)
        guard rename(ready, path) == 0 else { throw .system("renaming \(ready)") }
        try syncFolder(of: path)
        return true
    }

    /// The exchange is decided: the present catalog may not be served any more.
    package var isDecided: Bool { access(ready, F_OK) == 0 }

    package func find(_ name: String) throws(CatalogError) -> Snapshot? { try snapshots.find(name) }
    package func list() throws(CatalogError) -> [Snapshot] { try snapshots.list() }

    /// Keeps a catalog that cannot be opened as it lies there, its log too.
    package func keepUnreadable(wall: Int64) throws(CatalogError) {
        let time = Timestamp.text(milliseconds: wall / 1_000).prefix(19).replacing(":", with: "-")
        let kept = snapshots.path(of: "\(SnapshotFolder.beforeRestore)\(time)Z.unreadable")
        for suffix in ["", "-wal"] where access(path + suffix, F_OK) == 0 {
            SQLiteFile.remove(kept + suffix)
            do { try FileManager.default.copyItem(atPath: path + suffix, toPath: kept + suffix) } catch {
                throw .unavailable("keeping \(path)\(suffix): \(error)")
            }
            try SQLiteFile.sync(kept + suffix)
        }
        try syncFolder(of: kept)
    }

    /// Makes a snapshot ready to be the catalog and decides the exchange. The present catalog is closed. Throws
    /// `.damaged` for a snapshot that is corrupt, of another registry or of a newer schema; then nothing has happened.
    package func decide(
        on snapshot: Snapshot, registryID: String, replacing present: PresentCatalog, purges: [PurgeEntry],
        by restorer: String, wall: Int64
    ) throws(CatalogError) {
        SQLiteFile.remove(temporary)
        do {
            let source = try SQLiteFile.open(snapshots.path(of: snapshot.name), isReadOnly: true)
            defer { try? source.close() }
            try source.inside { connection throws(CatalogError) in try connection.copyDatabase(to: temporary) }
            let copy = try SQLiteFile.open(temporary, isReadOnly: false)
            try copy.inside { connection throws(CatalogError) in
                try prepare(
                    connection, snapshot, registryID: registryID, replacing: present, purges, by: restorer, wall: wall)
            }
            try SQLiteFile.close(copy)
            try SQLiteFile.sync(temporary)
        } catch {
            SQLiteFile.remove(temporary)
            throw error
        }
        guard rename(temporary, ready) == 0 else { throw .system("renaming \(temporary)") }
        try syncFolder(of: ready)
    }

    private func prepare(
        _ connection: SQLiteConnection, _ snapshot: Snapshot, registryID: String, replacing present: PresentCatalog,
        _ purges: [PurgeEntry], by restorer: String, wall: Int64
    ) throws(CatalogError) {
        let answer = try connection.value(of: "PRAGMA quick_check(1)")
        guard answer == .text("ok") else { throw .damaged("\(snapshot.name) is corrupt: \(answer)") }
        let migrator = Migrator(connection: connection, migrations: Migration.all, snapshots: "")
        let version = try migrator.version()
        try migrator.refuseNewer(version)
        try migrator.applyAll(after: version)
        if let kept = present.kept { try keepTables(of: kept, connection) }
        try connection.execute("PRAGMA foreign_keys = ON")
        try connection.execute("BEGIN IMMEDIATE")
        try Self.succeed(present, with: snapshot, in: connection, registryID, purges, by: restorer, wall: wall)
        try connection.execute("COMMIT")
    }

    /// Makes what was a snapshot the successor of the present catalog; part of a transaction.
    static func succeed(
        _ present: PresentCatalog, with snapshot: Snapshot, in connection: SQLiteConnection, _ registryID: String,
        _ purges: [PurgeEntry], by restorer: String, wall: Int64
    ) throws(CatalogError) {
        guard let meta = try connection.rows("SELECT registry_id, seq, registry_time FROM meta").first else {
            throw .damaged("\(snapshot.name) does not say how far it is")
        }
        let owner = try meta.text(0)
        guard owner.isEmpty || owner == registryID else {
            throw .damaged("\(snapshot.name) is of registry \(owner), not of \(registryID)")
        }
        // Numbers and registry time go on where the present catalog is: neither ever goes back (C7).
        let seq = max(try meta.integer(1), present.seq) + 1
        let time = max(try meta.integer(2), present.registryTime)
        // Nothing may be trusted that the snapshot's run had seen: as after a loss of power.
        try connection.execute(
            "UPDATE meta SET registry_id = ?, seq = ?, registry_time = ?, boot_id = '', is_clean = 0",
            [.text(registryID), .integer(seq), .integer(time)])
        if present.isClosed {
            try connection.execute("UPDATE access_state SET is_closed = 1")
        }
        try connection.execute(
            "UPDATE access_state SET version = ? WHERE version <= ?",
            [.integer(present.accessVersion + 1), .integer(present.accessVersion)])
        try raiseNumbers(connection, present)
        try forgetWhatWasLeaving(connection)
        for entry in purges where try connection.rows("SELECT 1 FROM purge WHERE key = ?", [.text(entry.key)]).isEmpty {
            try SQLiteTransaction(connection: connection).begin(entry, seq: seq, registryTime: time)
        }
        try connection.execute(
            """
            INSERT INTO restoration
                (snapshot, snapshot_seq, replaced_seq, restored_at, happened_at, restored_by, is_checked)
            VALUES (?, ?, ?, ?, ?, ?, 0)
            """,
            [
                .text(snapshot.name), .integer(snapshot.seq), .integer(present.seq), .integer(time), .integer(wall),
                .text(restorer),
            ])
    }

    private func keepTables(of present: Snapshot, _ connection: SQLiteConnection) throws(CatalogError) {
        try connection.execute("PRAGMA foreign_keys = OFF")
        try connection.execute("ATTACH DATABASE ? AS present", [.text(snapshots.path(of: present.name))])
        try connection.execute("BEGIN IMMEDIATE")
        for statement in KeptTables.replacing { try connection.execute(statement) }
        try connection.execute("COMMIT")
        try connection.execute("DETACH DATABASE present")
    }

    /// No number of a row is given out twice.
    private static func raiseNumbers(_ connection: SQLiteConnection, _ present: PresentCatalog) throws(CatalogError) {
        for (table, last) in present.lastNumbers {
            let changed = try connection.execute(
                "UPDATE sqlite_sequence SET seq = ? WHERE name = ? AND seq < ?",
                [.integer(last), .text(table), .integer(last)])
            guard changed == 0 else { continue }
            try connection.execute(
                """
                INSERT INTO sqlite_sequence (name, seq)
                SELECT ?, ?
                WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?)
                """, [.text(table), .integer(last), .text(table)])
        }
    }

    /// Content that was on its way out may be needed by the catalog that is being replaced, which may come back: its file
    /// counts as unknown from now on, and goes a window later.
    private static func forgetWhatWasLeaving(_ connection: SQLiteConnection) throws(CatalogError) {
        try connection.execute(
            """
            UPDATE blob
            SET state = 3, size = 0, damaged = 0
            WHERE state > 0 AND state < 3
                AND NOT EXISTS (SELECT 1 FROM blob_staging s WHERE s.digest = blob.digest)
                AND NOT EXISTS (SELECT 1 FROM repository_blob l WHERE l.blob_id = blob.id)
                AND NOT EXISTS (SELECT 1 FROM manifest m WHERE m.digest = blob.digest)
            """)
        try connection.execute(
            """
            DELETE FROM blob
            WHERE state = 3 AND state > 0
                AND NOT EXISTS (SELECT 1 FROM manifest_reference e WHERE e.blob_id = blob.id)
            """)
        try connection.execute("DELETE FROM stray_file")
    }
}

/// What of the catalog that is being replaced has to go on.
package struct PresentCatalog: Sendable {
    /// The number of its last commit.
    package var seq: Int64 = 0
    package var registryTime: Int64 = 0
    package var isClosed = false
    /// The copy of it, whose accounts and audit log stay.
    package var kept: Snapshot?
    var accessVersion: Int64 = 0
    /// By table.
    var lastNumbers: [String: Int64] = [:]

    /// Of a catalog that is lost, as far as snapshots tell.
    package init(snapshots: [Snapshot], isClosed: Bool) {
        seq = snapshots.map(\.seq).max() ?? 0
        registryTime = snapshots.map(\.registryTime).max() ?? 0
        self.isClosed = isClosed
    }

    init(_ transaction: any SQLTransaction, registryTime: Int64) throws(CatalogError) {
        self.registryTime = registryTime
        if let row = try transaction.row("SELECT seq FROM meta WHERE id = 1", []) { seq = try row.integer(0) }
        if let row = try transaction.row("SELECT version, is_closed FROM access_state WHERE id = 1", []) {
            (accessVersion, isClosed) = (try row.integer(0), try row.bool(1))
        }
        for row in try transaction.rows("SELECT name, seq FROM sqlite_sequence", []) {
            lastNumbers[try row.text(0)] = try row.integer(1)
        }
    }
}

extension Catalog {
    /// Keeps this catalog as it is now, and tells what has to go on after it. To be closed next.
    package func keepBeforeRestore() async throws(CatalogError) -> (PresentCatalog, Snapshot) {
        let snapshot = try await makeSnapshot(SnapshotFolder.beforeRestore)
        let present = try await database.read { [self] transaction throws(CatalogError) in
            try PresentCatalog(transaction, registryTime: time.now())
        }
        return (present, snapshot)
    }
}
