import BerthTestSupport
import GRDB
import Glibc

@testable import BerthCatalog

/// Puts a catalog of the first schema, with the same facts, in the place of a root's catalog: what an update of the
/// program finds.
func makeOlder(root: String) throws {
    let (newest, older) = ("\(root)/berth.db", "\(root)/older.db")
    var configuration = Configuration()
    configuration.journalMode = .wal
    configuration.foreignKeysEnabled = false
    let queue = try DatabaseQueue(path: older, configuration: configuration)
    try queue.inside { connection throws(CatalogError) in
        try Migrator(connection: connection, migrations: [.first], snapshots: root).run(from: 0)
    }
    try queue.writeWithoutTransaction { database in
        try database.execute(sql: "ATTACH ? AS newest", arguments: [newest])
        let tables = try String.fetchAll(
            database, sql: "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        for table in tables {
            let columns = try database.columns(in: table).map(\.name).joined(separator: ", ")
            try database.execute(sql: "DELETE FROM main.\(table)")
            var values = columns
            if ["repository_blob", "manifest_reference"].contains(table) {
                // By its digest, where there are numbers now.
                values.replace("digest", with: "(SELECT b.digest FROM newest.blob b WHERE b.id = blob_id)")
            }
            try database.execute(
                sql: "INSERT INTO main.\(table) (\(columns)) SELECT \(values) FROM newest.\(table)")
        }
        guard try Int.fetchOne(database, sql: "SELECT count(*) FROM main.manifest") ?? 0 > 0
        else { throw TestFailure("the older catalog has no manifest") }
        try database.execute(sql: "DETACH newest")
        try database.execute(sql: "PRAGMA main.wal_checkpoint(TRUNCATE)")
    }
    try queue.close()
    for name in ["berth.db-wal", "berth.db-shm", "older.db-wal", "older.db-shm"] { unlink("\(root)/\(name)") }
    guard rename(older, newest) == 0 else { throw TestFailure("no older catalog: errno \(errno)") }
}
