import Foundation
import GRDB

extension Catalog {
    /// The whole schema as SQLite keeps it after all migrations, for documents that show it.
    package static func schemaText() throws(CatalogError) -> String {
        let queue: DatabaseQueue
        do { queue = try DatabaseQueue() } catch { throw .unavailable("\(error)") }
        return try queue.inside { connection throws(CatalogError) in
            try Migrator(connection: connection, migrations: Migration.all, snapshots: "").run(from: 0)
            let rows = try connection.rows(
                "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid")
            var statements: [String] = []
            for row in rows { statements.append(try row.text(0) + ";") }
            return statements.joined(separator: "\n") + "\n"
        }
    }
}
