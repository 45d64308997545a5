import BerthModel

/// A transaction on a connection of SQLite.
struct SQLiteTransaction: SQLTransaction {
    let connection: SQLiteConnection

    func rows(_ sql: StaticString, _ arguments: [SQLValue]) throws(CatalogError) -> [SQLRow] {
        try connection.rows(sql, arguments)
    }
    func execute(_ sql: StaticString, _ arguments: [SQLValue]) throws(CatalogError) -> Int {
        try connection.execute(sql, arguments)
    }
    /// One writer orders all transactions already.
    func lock(blobs: [Digest]) throws(CatalogError) {}
}
