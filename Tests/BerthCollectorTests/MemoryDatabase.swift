import BerthModel
import GRDB

@testable import BerthCatalog

/// The catalog's database in memory, where each access happens at the moment that the stage says.
///
/// `@unchecked`: the stage lets one task run at a time, and its handing over orders all accesses.
final class MemoryDatabase: SQLDatabase, @unchecked Sendable {
    /// What names others comes after them. Who may do what, and who did what, is another subject.
    static let tables = [
        "meta", "repository", "blob", "blob_staging", "repository_blob", "manifest", "manifest_reference", "tag",
        "tag_history", "upload", "stray_file", "event", "purge", "purge_content", "restoration", "undeletion",
    ]
    private let queue: DatabaseQueue
    let connection: BerthCatalog.SQLiteConnection
    /// Nil: nobody has to wait.
    var stage: Stage?
    /// Registry time as it was stored last.
    var stamp: Int64 = 0
    /// Whether event loops are answered from the pages that are in memory.
    var answersNow = false
    /// Called after each write.
    var committed: () -> Void = {}

    init() throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let queue = try DatabaseQueue(configuration: configuration)
        self.queue = queue
        connection = try queue.inside { connection throws(CatalogError) in
            try Migrator(connection: connection, migrations: Migration.all, snapshots: "").run(from: 0)
            try connection.run("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY")
            return try BerthCatalog.SQLiteConnection(connection.database)
        }
        try execute("INSERT INTO meta VALUES (1, '', 0, 0, '', 0, 0, NULL, NULL, NULL, NULL)")
        try makeCopies()
        try execute("BEGIN")
    }

    /// The transaction around each schedule ends before the connection closes.
    func end() throws {
        try execute("ROLLBACK")
        try onQueue { connection throws(CatalogError) in connection.forgetStatements() }
    }
    /// As it was before the first schedule.
    func clear() throws {
        try execute("ROLLBACK")
        try execute("BEGIN")
        for table in Self.tables.reversed() where table != "meta" { try run("DELETE FROM main.\(table)") }
        try execute("DELETE FROM sqlite_sequence")
        try mark()
    }
    /// What `reset` goes back to. Committed, for a journal that grows with each schedule would cost more than all else.
    func mark() throws {
        try execute("COMMIT")
        try execute("BEGIN")
    }
    func reset() throws {
        try execute("ROLLBACK")
        try execute("BEGIN")
    }

    func execute(_ sql: StaticString, _ arguments: [SQLValue] = []) throws {
        try onQueue { connection throws(CatalogError) in _ = try connection.execute(sql, arguments) }
    }
    func rows(_ sql: StaticString, _ arguments: [SQLValue] = []) throws(CatalogError) -> [SQLRow] {
        try onQueue { connection throws(CatalogError) in try connection.rows(sql, arguments) }
    }

    /// Compiled once, and never anew: whatever is compiled outside of GRDB's own calls leaves its events in a list that GRDB
    /// copies with each more. A pragma that sets a flag would have all be compiled anew.
    func run(_ sql: String) throws {
        try queue.unsafeReentrantRead { database in try database.cachedStatement(sql: sql).execute() }
    }

    func onQueue<Value>(
        _ body: (BerthCatalog.SQLiteConnection) throws(CatalogError) -> Value
    ) throws(CatalogError) -> Value {
        let result: Result<Value, CatalogError> = queue.unsafeReentrantRead { _ in
            Result { () throws(CatalogError) in try body(connection) }
        }
        return try result.get()
    }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        try await stage?.step()
        let value = try onQueue { connection throws(CatalogError) in
            try body(SQLiteTransaction(connection: connection))
        }
        // What was read may be old when it is used.
        if let stage, stage.flips() { try await stage.step("answer") }
        return value
    }

    /// Now and then the pages are in memory.
    func rowsNow(_ sql: StaticString, _ arguments: [SQLValue]) -> [SQLRow]? {
        guard answersNow, let stage, stage.flips() else { return nil }
        return try? rows(sql, arguments)
    }

    func write<Value: Sendable>(
        _ cost: WriteCost, _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value,
        settled: @escaping @Sendable (Result<Value, CatalogError>) -> Void
    ) async throws(CatalogError) -> Value {
        try await stage?.step()
        let result = Result { () throws(CatalogError) -> Value in
            try onQueue { connection throws(CatalogError) in
                try connection.execute("SAVEPOINT closure")
                do throws(CatalogError) {
                    let value = try body(SQLiteTransaction(connection: connection))
                    try connection.execute("RELEASE closure")
                    return value
                } catch {
                    _ = try? connection.execute("ROLLBACK TO closure")
                    _ = try? connection.execute("RELEASE closure")
                    throw error
                }
            }
        }
        committed()
        stage?.hasWritten = true
        // Between the commit and the caches' letting go an event loop may still answer from them.
        if let stage, stage.flips() { try await stage.step("commits") }
        settled(result)
        return try result.get()
    }

    func enqueue<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value,
        settled: @escaping @Sendable (Result<Value, CatalogError>) -> Void
    ) {
        settled(
            Result { () throws(CatalogError) in
                try onQueue { connection throws(CatalogError) in try body(SQLiteTransaction(connection: connection)) }
            })
    }

    var statistics: WriteStatistics { WriteStatistics() }
    var stopped: String? { nil }
    func close() async throws(CatalogError) {}
}

/// The database as one process has it: a killed one reaches it no more, whatever it would still do.
///
/// `@unchecked`: the stage lets one task run at a time.
final class MemoryConnection: SQLDatabase, @unchecked Sendable {
    private let database: MemoryDatabase
    private var isDead = false
    /// Reads from here on until one is refused.
    var readsUntilRefusal: Int?
    private static let crash = CatalogError.unavailable("crash")

    init(_ database: MemoryDatabase) { self.database = database }

    func kill() { isDead = true }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        guard !isDead else { throw Self.crash }
        if let left = readsUntilRefusal {
            readsUntilRefusal = left > 0 ? left - 1 : nil
            guard left > 0 else { throw .unavailable("refused") }
        }
        return try await database.read(body)
    }

    func rowsNow(_ sql: StaticString, _ arguments: [SQLValue]) -> [SQLRow]? {
        isDead ? nil : database.rowsNow(sql, arguments)
    }

    func write<Value: Sendable>(
        _ cost: WriteCost, _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value,
        settled: @escaping @Sendable (Result<Value, CatalogError>) -> Void
    ) async throws(CatalogError) -> Value {
        guard !isDead else { throw Self.crash }
        return try await database.write(cost, body, settled: settled)
    }

    func enqueue<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value,
        settled: @escaping @Sendable (Result<Value, CatalogError>) -> Void
    ) {
        guard !isDead else { return }
        database.enqueue(body, settled: settled)
    }

    var statistics: WriteStatistics { database.statistics }
    var stopped: String? { nil }
    func close() async throws(CatalogError) {}
}
