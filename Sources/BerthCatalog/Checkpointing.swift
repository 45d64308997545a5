/// When the write-ahead log is copied into the database: between batches, after their answers, by the writer alone
/// (C3, C5). SQLite's own automatic checkpoints would run inside an acknowledgement.
struct Checkpointing {
    private let connection: SQLiteConnection
    private let settings: CatalogSettings
    private let pages = LogPages()
    /// Size of the log when a checkpoint was last tried; the next one is due when it has grown well beyond.
    private var triedAt = 0

    init(_ connection: SQLiteConnection, _ settings: CatalogSettings) {
        self.connection = connection
        self.settings = settings
        connection.reportLogPages(to: pages.count)
    }

    var logBytes: Int { Int(pages.count.pointee) * Self.pageBytes }

    /// True if the log is short enough to go on writing, perhaps after emptying it.
    mutating func hasRoom() throws(CatalogError) -> Bool {
        if logBytes > settings.logBytes { try emptyLog() }
        return logBytes <= settings.logBytes
    }

    /// True if a checkpoint was run.
    mutating func runIfDue() throws(CatalogError) -> Bool {
        let bytes = logBytes
        if bytes < triedAt { triedAt = 0 }
        guard bytes >= settings.checkpointBytes, bytes >= triedAt + settings.checkpointBytes / 8 else { return false }
        triedAt = bytes
        if bytes < 8 * settings.checkpointBytes {
            _ = try connection.value(of: "PRAGMA wal_checkpoint(PASSIVE)")
        } else {
            // A reader has kept the log from starting over for long.
            try emptyLog()
        }
        return true
    }

    /// The last checkpoint before the connection closes.
    func finish() throws(CatalogError) {
        _ = try connection.value(of: "PRAGMA wal_checkpoint(TRUNCATE)")
    }

    private mutating func emptyLog() throws(CatalogError) { _ = try emptyLog(patience: .milliseconds(200)) }

    /// True if nothing is left in the log; readers are waited for.
    mutating func emptyLog(patience: Duration) throws(CatalogError) -> Bool {
        connection.setBusyTimeout(milliseconds: Int32(patience / .milliseconds(1)))
        defer { connection.setBusyTimeout(milliseconds: SQLiteDatabase.busyMilliseconds) }
        guard try connection.value(of: "PRAGMA wal_checkpoint(TRUNCATE)") == .integer(0) else { return false }
        pages.count.pointee = 0
        triedAt = 0
        return true
    }

    private static let pageBytes = 4_096
}

/// The number that SQLite writes after each commit. It lives as long as the writer, and only its thread touches it.
private final class LogPages {
    let count = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    init() { count.initialize(to: 0) }
    deinit { count.deallocate() }
}
