/// Brings a database to the newest schema, all steps in one transaction. `PRAGMA user_version` holds the number reached.
struct Migrator {
    /// Marks the file as a catalog of Berth: "Brth".
    private static let applicationID: Int64 = 0x4272_7468

    let connection: SQLiteConnection
    let migrations: [Migration]
    let snapshots: String

    /// 0: an empty file.
    func version() throws(CatalogError) -> Int {
        guard case .integer(let version) = try connection.value(of: "PRAGMA user_version"),
            case .integer(let application) = try connection.value(of: "PRAGMA application_id"),
            case .integer(let tables) = try connection.value(of: "SELECT count(*) FROM sqlite_schema")
        else { throw .damaged("the schema's version cannot be read") }
        if version == 0, application == 0, tables == 0 { return 0 }
        guard application == Self.applicationID, version > 0 else { throw .damaged("the file is no catalog of Berth") }
        return Int(version)
    }

    func refuseNewer(_ version: Int) throws(CatalogError) {
        let newest = migrations.last?.number ?? 0
        guard version <= newest else {
            throw .damaged(
                "the catalog has schema \(version), and this version of Berth knows no newer one than \(newest): "
                    + "start the version that wrote it, or restore a snapshot that was taken before")
        }
    }

    func run(from version: Int) throws(CatalogError) {
        guard version < migrations.last?.number ?? 0 else { return }
        if version > 0 { try copy() }
        try applyAll(after: version)
        if version > 0 { try closeGaps() }
    }

    /// A table that was made anew leaves the pages of the old one: where they are much of the file, it is written without
    /// them. Where there is no room for that, they wait for rows.
    private func closeGaps() throws(CatalogError) {
        guard case .integer(let pages) = try connection.value(of: "PRAGMA page_count"),
            case .integer(let free) = try connection.value(of: "PRAGMA freelist_count"), free > pages / 4
        else { return }
        do throws(CatalogError) {
            try connection.rewriteDatabase(inMemoryUpTo: 16 << 20, elsewhere: .onDisk)
        } catch {
            // What a failed sync leaves nobody knows (B6). Anything else has left the database as it was.
            if connection.lastFailureWasInputOutput { throw error }
        }
    }

    /// Without keeping what was there before: for a database that is a copy itself.
    func applyAll(after version: Int) throws(CatalogError) {
        guard let newest = migrations.last?.number, version < newest else { return }
        let isNew = version == 0 && newest == Migration.newest.number
        let due = isNew ? [Migration.newest] : migrations.filter { $0.number > version }
        // A table that others refer to is made anew under another name, and then takes the name that they say. Afterwards
        // all of them are looked at.
        let asks = try connection.value(of: "PRAGMA foreign_keys")
        let strays = version > 0 ? try strayRows().count : 0
        try connection.run("PRAGMA foreign_keys = OFF")
        defer { if asks == .integer(1) { try? connection.run("PRAGMA foreign_keys = ON") } }
        try connection.execute("BEGIN IMMEDIATE")
        do throws(CatalogError) {
            for statement in due.flatMap(\.statements) { try connection.execute(statement) }
            if version > 0 { try refuseStrays(beyond: strays) }
            try connection.run("PRAGMA application_id = \(Self.applicationID)")
            try connection.run("PRAGMA user_version = \(newest)")
            try connection.execute("COMMIT")
        } catch {
            if connection.isInTransaction { _ = try? connection.execute("ROLLBACK") }
            throw error
        }
    }

    /// Rows that refer to one that is not there.
    private func strayRows() throws(CatalogError) -> [SQLRow] { try connection.rows("PRAGMA foreign_key_check") }

    private func refuseStrays(beyond known: Int) throws(CatalogError) {
        let found = try strayRows()
        guard found.count > known, let row = found.last else { return }
        throw .damaged("a row of \(try row.text(0)) refers to one of \(try row.text(2)) that is not there")
    }

    /// Keeps the older database, whole and synced, before anything in it changes. A crash leaves no half copy behind
    /// under the final name; the copy that an attempt before made of the same commit is as good.
    private func copy() throws(CatalogError) {
        guard case .integer(let seq) = try connection.value(of: "SELECT seq FROM meta WHERE id = 1") else {
            throw .damaged("the catalog does not say how far it is")
        }
        let name = "\(SnapshotFolder.beforeMigration)\(migrations.last?.number ?? 0)-seq-\(seq).db"
        try SnapshotFolder(path: snapshots).copy(connection, to: name)
    }
}
