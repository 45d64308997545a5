import BerthModel
import Foundation
import GRDB

/// Everything between a path and a connection that may be trusted.
struct SQLiteOpening {
    let path: String
    let snapshots: String
    let sync: SyncMode
    let settings: CatalogSettings
    let clock: any RegistryClock

    func openWriter() throws(CatalogError) -> DatabaseQueue {
        try makeFile()
        let connection = try open(isReadOnly: false)
        try connection.inside { connection throws(CatalogError) in try configure(connection) }
        return connection
    }

    /// - Parameter isPatient: whether it may wait, for a disk or for whoever holds the database.
    func openReader(isPatient: Bool = true) throws(CatalogError) -> DatabaseQueue {
        let connection = try open(isReadOnly: true)
        try connection.inside { connection throws(CatalogError) in
            try connection.run("PRAGMA cache_size = \(isPatient ? -8_192 : -2_048); PRAGMA temp_store = MEMORY")
            guard !isPatient else { return }
            connection.setBusyTimeout(milliseconds: 0)
            // The schema is read now, for later it might not be in memory.
            _ = try connection.value(of: "SELECT count(*) FROM meta")
        }
        return connection
    }

    /// Brings the schema up to date and reads what the last run left.
    func prepare(_ connection: DatabaseQueue, migrations: [Migration]) throws(CatalogError) -> MetaRow {
        try connection.inside { connection throws(CatalogError) in
            let migrator = Migrator(connection: connection, migrations: migrations, snapshots: snapshots)
            let version = try migrator.version()
            try migrator.refuseNewer(version)
            if version > 0 { try check(connection) }
            try migrator.run(from: version)
            return try MetaRow(connection, clock: clock, registryID: settings.registryID)
        }
    }

    /// Only its owner may read it; what SQLite puts beside it takes over the mode.
    private func makeFile() throws(CatalogError) {
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .unavailable("\(path) cannot be opened: \(String(cString: strerror(errno)))") }
        Glibc.close(file)
        try syncFolder(of: path)
    }

    private func open(isReadOnly: Bool) throws(CatalogError) -> DatabaseQueue {
        // Before SQLite does anything at all.
        _ = SQLiteProcess.canAvoidWaiting
        var configuration = Configuration()
        configuration.readonly = isReadOnly
        configuration.foreignKeysEnabled = true
        configuration.journalMode = isReadOnly ? .default : .wal
        configuration.busyMode = .timeout(TimeInterval(SQLiteDatabase.busyMilliseconds) / 1_000)
        configuration.allowsUnsafeTransactions = true
        configuration.label = isReadOnly ? "berth-read" : "berth-catalog"
        do {
            return try DatabaseQueue(path: path, configuration: configuration)
        } catch let error as DatabaseError {
            throw CatalogError(code: error.extendedResultCode.rawValue, systemError: 0, message: "\(path): \(error)")
        } catch {
            throw .unavailable("\(path): \(error)")
        }
    }

    /// GRDB sets synchronous to NORMAL while it opens a WAL, so this comes after, and is asked for again.
    private func configure(_ connection: SQLiteConnection) throws(CatalogError) {
        try connection.run(
            """
            PRAGMA wal_autocheckpoint = 0;
            PRAGMA journal_size_limit = \(64 << 20);
            PRAGMA secure_delete = FAST;
            PRAGMA temp_store = MEMORY;
            PRAGMA cache_size = -32768;
            PRAGMA synchronous = \(sync == .always ? "FULL" : "OFF");
            """)
        try expect("synchronous", .integer(sync == .always ? 2 : 0), connection)
        try expect("journal_mode", .text("wal"), connection)
        try expect("foreign_keys", .integer(1), connection)
        try expect("secure_delete", .integer(2), connection)
        // Without syncs nothing would say when others may look.
        if sync == .always { try connection.gatherLogWrites() }
    }

    private func expect(_ pragma: String, _ value: SQLValue, _ connection: SQLiteConnection) throws(CatalogError) {
        let answer = try connection.value(of: "PRAGMA \(pragma)")
        guard answer == value else { throw .damaged("PRAGMA \(pragma) is \(answer), not \(value): refusing to start") }
    }

    /// Looks for corruption when the last run did not end as it should and looking is cheap.
    private func check(_ connection: SQLiteConnection) throws(CatalogError) {
        guard try connection.value(of: "SELECT is_clean FROM meta WHERE id = 1") == .integer(0) else { return }
        guard case .integer(let pages) = try connection.value(of: "PRAGMA page_count"),
            case .integer(let size) = try connection.value(of: "PRAGMA page_size"),
            pages.multipliedReportingOverflow(by: size).partialValue < settings.checkedBytes
        else { return }
        let answer = try connection.value(of: "PRAGMA quick_check(1)")
        guard answer == .text("ok") else { throw .damaged("\(path) is corrupt: \(answer)") }
    }
}

extension DatabaseQueue {
    /// Runs `body` on this connection, whose statements do not outlive it.
    func inside<Value>(
        _ body: (SQLiteConnection) throws(CatalogError) -> Value
    ) throws(CatalogError) -> Value {
        let result: Result<Value, CatalogError> = unsafeReentrantRead { database in
            Result { () throws(CatalogError) in
                let connection = try SQLiteConnection(database)
                defer { connection.forgetStatements() }
                return try body(connection)
            }
        }
        return try result.get()
    }
}

/// Makes a new name in the folder of `path` survive a power cut.
func syncFolder(of path: String) throws(CatalogError) {
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let file = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else { throw .unavailable("\(folder) cannot be opened: \(String(cString: strerror(errno)))") }
    defer { Glibc.close(file) }
    guard fsync(file) == 0 else {
        throw .unavailable("\(folder) cannot be synced: \(String(cString: strerror(errno)))")
    }
}
