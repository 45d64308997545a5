import BerthModel
import Foundation
import GRDB
import GRDBSQLite

/// One connection with its prepared statements, for the one thread that owns it.
///
/// GRDB opens and configures the connection and prepares the statements; they are stepped through SQLite's own
/// interface, for it gives the exact result codes that C2 needs and copies nothing twice.
final class SQLiteConnection {
    let database: Database
    private let handle: OpaquePointer
    /// By the address of the literal, so bounded by the number of statements in this program.
    private var statements: [UnsafePointer<UInt8>: Statement] = [:]
    /// Steps of SQLite's machine since the start: what a query cost, whatever the machine's speed.
    private var steps: Int64 = 0
    /// SQLite's extended code of the last failure.
    private(set) var lastFailure: Int32 = 0

    init(_ database: Database) throws(CatalogError) {
        guard let handle = database.sqliteConnection else { throw .unavailable("the connection is closed") }
        self.database = database
        self.handle = handle
    }

    /// Statements keep a connection from closing.
    func forgetStatements() { statements = [:] }

    func takeSteps() -> Int64 {
        defer { steps = 0 }
        return steps
    }

    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }
    var totalChanges: Int64 { Int64(sqlite3_total_changes64(handle)) }

    func rows(_ sql: StaticString, _ arguments: [SQLValue] = []) throws(CatalogError) -> [SQLRow] {
        let statement = try prepared(sql)
        try bind(arguments, to: statement)
        defer { reset(statement) }
        var rows: [SQLRow] = []
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: rows.append(row(of: statement))
            case SQLITE_DONE: return rows
            default: throw failure()
            }
        }
    }

    @discardableResult
    func execute(_ sql: StaticString, _ arguments: [SQLValue] = []) throws(CatalogError) -> Int {
        let statement = try prepared(sql)
        try bind(arguments, to: statement)
        defer { reset(statement) }
        let before = sqlite3_total_changes64(handle)
        let code = sqlite3_step(statement)
        guard code == SQLITE_DONE || code == SQLITE_ROW else { throw failure() }
        return Int(sqlite3_total_changes64(handle) - before)
    }

    /// Runs text that is not a query of the catalog: pragmas and the schema.
    func run(_ sql: String) throws(CatalogError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure() }
    }

    /// The first column of the first row of text that is not a query of the catalog.
    func value(of sql: String) throws(CatalogError) -> SQLValue {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v2(handle, sql, -1, &statement, nil)
        guard code == SQLITE_OK, let statement else { throw failure() }
        defer { sqlite3_finalize(statement) }
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return column(0, of: statement)
        case SQLITE_DONE: return .null
        default: throw failure()
        }
    }

    /// Where a database that is too large for memory is put together.
    enum RewritePlace { case onDisk, onDiskOrInMemory }

    /// Writes all pages anew, without the free ones. A database above `bytes` is put together on a disk; where there is no
    /// folder for temporary files that fails, or memory has to do.
    func rewriteDatabase(
        inMemoryUpTo bytes: Int64, elsewhere place: RewritePlace = .onDiskOrInMemory
    ) throws(CatalogError) {
        guard case .integer(let pages) = try value(of: "PRAGMA page_count"),
            case .integer(let size) = try value(of: "PRAGMA page_size")
        else { throw .damaged("the size of the database cannot be read") }
        if pages.multipliedReportingOverflow(by: size).partialValue > bytes {
            try run("PRAGMA temp_store = FILE")
            do throws(CatalogError) {
                try run("VACUUM")
                return try run("PRAGMA temp_store = MEMORY")
            } catch {
                let code = lastFailure
                try run("PRAGMA temp_store = MEMORY")
                guard code & 0xFF == SQLITE_CANTOPEN, place == .onDiskOrInMemory else { throw error }
            }
        }
        try run("PRAGMA temp_store = MEMORY; VACUUM")
    }

    func setBusyTimeout(milliseconds: Int32) { sqlite3_busy_timeout(handle, milliseconds) }

    /// Lets SQLite put the number of pages in the write-ahead log into `pages` after each commit.
    func reportLogPages(to pages: UnsafeMutablePointer<Int32>) {
        sqlite3_wal_hook(
            handle,
            { context, _, _, count in
                context?.assumingMemoryBound(to: Int32.self).pointee = count
                return SQLITE_OK
            }, pages)
    }

    /// From now on what is written to the write-ahead log is put together until it is synced.
    func gatherLogWrites() throws(CatalogError) {
        // The log is opened by the first read.
        _ = try value(of: "SELECT count(*) FROM sqlite_schema")
        guard GatheredWrites.begin(handle) else { throw .unavailable("there is no write-ahead log") }
    }

    // MARK: - One statement

    private func prepared(_ sql: StaticString) throws(CatalogError) -> OpaquePointer {
        if let known = statements[sql.utf8Start] { return known.sqliteStatement }
        do {
            let statement = try database.makeStatement(sql: sql.description)
            statements[sql.utf8Start] = statement
            return statement.sqliteStatement
        } catch let error as DatabaseError {
            throw CatalogError(code: error.extendedResultCode.rawValue, systemError: 0, message: "\(error)")
        } catch {
            throw .unavailable("\(error)")
        }
    }

    private func reset(_ statement: OpaquePointer) {
        steps &+= Int64(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1))
        sqlite3_reset(statement)
        // Bytes of content are not kept longer than they are needed.
        sqlite3_clear_bindings(statement)
    }

    private func bind(_ arguments: [SQLValue], to statement: OpaquePointer) throws(CatalogError) {
        assert(Int(sqlite3_bind_parameter_count(statement)) == arguments.count, "a value for each ?")
        var index: Int32 = 0
        for argument in arguments {
            index += 1
            let code: Int32
            switch argument {
            case .null: code = sqlite3_bind_null(statement, index)
            case .integer(let value): code = sqlite3_bind_int64(statement, index, value)
            case .text(var value):
                code = value.withUTF8 { text in
                    text.withMemoryRebound(to: CChar.self) {
                        // An empty text has no address, and no address would be NULL.
                        $0.baseAddress.map { sqlite3_bind_text(statement, index, $0, Int32(text.count), transient) }
                            ?? sqlite3_bind_text(statement, index, "", 0, transient)
                    }
                }
            case .bytes(let value):
                code = value.withUnsafeBytes {
                    $0.isEmpty
                        ? sqlite3_bind_zeroblob(statement, index, 0)
                        : sqlite3_bind_blob64(statement, index, $0.baseAddress, UInt64($0.count), transient)
                }
            }
            guard code == SQLITE_OK else { throw failure() }
        }
    }

    private func row(of statement: OpaquePointer) -> SQLRow {
        let count = sqlite3_column_count(statement)
        return SQLRow((0..<count).map { column($0, of: statement) })
    }

    private func column(_ index: Int32, of statement: OpaquePointer) -> SQLValue {
        switch sqlite3_column_type(statement, index) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, index))
        case SQLITE_TEXT:
            let start = sqlite3_column_text(statement, index)
            let count = Int(sqlite3_column_bytes(statement, index))
            return .text(String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
        case SQLITE_BLOB:
            let start = sqlite3_column_blob(statement, index)
            let count = Int(sqlite3_column_bytes(statement, index))
            return .bytes(Array(UnsafeRawBufferPointer(start: start, count: count)))
        default: return .null
        }
    }

    private func failure() -> CatalogError {
        // SQLite forgets the system's error at COMMIT; the thread still has that of the last call that failed.
        let recent = errno
        lastFailure = sqlite3_extended_errcode(handle)
        let known = sqlite3_system_errno(handle)
        return CatalogError(
            code: lastFailure, systemError: known == 0 ? recent : known,
            message: String(cString: sqlite3_errmsg(handle)))
    }

    /// A write below failed before anything was synced: SQLite has rolled back, and the disk holds what it held.
    var lastFailureWasWrite: Bool { lastFailure == SQLITE_IOERR | 3 << 8 }
    var lastFailureWasInputOutput: Bool { lastFailure & 0xFF == SQLITE_IOERR }
    /// The last failure was another process in the way, before anything was tried.
    var lastFailureWasBusy: Bool { lastFailure & 0xFF == SQLITE_BUSY }
}

/// Tells SQLite to copy what is bound (its `SQLITE_TRANSIENT`, a macro that Swift does not see).
private let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

/// Macros that Swift does not see: SQLITE_IOERR_WRITE and SQLITE_IOERR_SHMSIZE.
private let ioErrorWrite = SQLITE_IOERR | 3 << 8
private let ioErrorSharedMemorySize = SQLITE_IOERR | 19 << 8

extension CatalogError {
    /// What an extended result code of SQLite means to us.
    init(code: Int32, systemError: Int32, message: String) {
        // A write that did not fit is a full disk; an fsync that says so has lost data and is not.
        let isWrite = code == ioErrorWrite || code == ioErrorSharedMemorySize
        switch code & 0xFF {
        case SQLITE_FULL: self = .noSpace
        case SQLITE_IOERR where isWrite && [EDQUOT, ENOSPC, EFBIG].contains(systemError): self = .noSpace
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_ERROR:
            self = .damaged("\(message) (SQLite \(code))")
        default: self = .unavailable("\(message) (SQLite \(code), errno \(systemError))")
        }
    }
}
