import BerthCatalog
import Foundation
import GRDB
import Testing

/// What SQLite makes of each statement in the sources. A walk through a whole table, and a sort of what no index orders,
/// cost by what there is and not by what is asked: the writer would stand still for a large registry (C6).
@Suite("Query plans")
struct QueryPlanTests {
    struct Statement: CustomTestStringConvertible {
        let place: String
        let sql: String
        var testDescription: String { place }
    }

    struct Exception {
        let text: String
        let reason: String
    }

    /// Tables of a row, or of few that are read as a whole.
    static let small: Set<String> = [
        "meta", "sqlite_schema", "sqlite_master", "sqlite_sequence", "tag_rule", "restoration", "purge", "undeletion",
        "access_state", "access_user", "access_group", "access_group_member", "access_robot", "access_secret",
        "access_grant", "access_key", "access_certificate", "access_file_user", "trust_rule",
    ]

    /// Parts of statements that may walk or sort, and why.
    static let exceptions = [
        Exception(text: "FROM blob_staging", reason: "a start's count, and bounded: what is staged settles at once"),
        Exception(text: "FROM upload WHERE outcome = 0", reason: "a start's count, by an index of the open ones"),
        Exception(text: "coalesce(sum(size), 0) FROM blob", reason: "a start's count after an unclean stop"),
        Exception(text: "count(*) FROM repository WHERE deleted_at IS NULL", reason: "the same"),
        Exception(text: "sum(size), 0) FROM stray_file", reason: "a plan that a person asks for, without the writer"),
        Exception(text: "UPDATE repository SET tags", reason: "a migration"),
        Exception(text: "FROM trust_session s", reason: "read once, at start; rules bound how many there are"),
        Exception(text: "DELETE FROM trust_session", reason: "a snapshot that comes back takes the present's over"),
        Exception(text: "JOIN access_refresh", reason: "read by a start with an htpasswd file alone"),
        Exception(text: "DELETE FROM access_refresh", reason: "an account has a hundred for each credential"),
        Exception(text: "deleted_at IS NOT NULL AND id = coalesce", reason: "deleted repositories of one name"),
        Exception(text: "deleted_at IS NOT NULL ORDER BY deleted_at DESC", reason: "deleted repositories of one name"),
        Exception(text: "LIMIT ?) OR m.id IN", reason: "two hundred manifests at most"),
    ]

    static func statements() throws -> [Statement] {
        let long = /"""\n(?<sql>[^"]*?)"""/
        let short = /"(?<sql>(SELECT|INSERT|UPDATE|DELETE) [^"\n]*)"/
        var found: [Statement] = []
        for path in try Project.swiftFiles(below: Project.root + "/Sources") {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let name = path.split(separator: "/").last ?? ""
            let literals = text.matches(of: long).map(\.output.sql) + text.matches(of: short).map(\.output.sql)
            for literal in literals {
                let sql = literal.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                guard ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "].contains(where: sql.hasPrefix) else {
                    continue
                }
                found.append(Statement(place: "\(name): \(sql.prefix(60))", sql: sql))
            }
        }
        return found
    }

    private static func schema() throws -> DatabaseQueue {
        let queue = try DatabaseQueue()
        let text = try Catalog.schemaText()
        try queue.write { try $0.execute(sql: text) }
        return queue
    }

    /// The lines of the plan that cost by the size of a table. Nil: no statement of the schema as it is now.
    private static func costs(_ statement: Statement, _ database: DatabaseQueue) throws -> [String]? {
        let lines: [String]
        do {
            lines = try database.read { database in
                try Row.fetchAll(
                    try database.makeStatement(sql: "EXPLAIN QUERY PLAN \(statement.sql)"),
                    arguments: StatementArguments([Int?](repeating: nil, count: statement.sql.count { $0 == "?" }))
                ).map { row -> String in row["detail"] }
            }
        } catch let error as DatabaseError where error.message?.hasPrefix("no such table") == true {
            return nil
        }
        return lines.filter { line in
            if line.hasPrefix("USE TEMP B-TREE"), line.hasSuffix("ORDER BY") { return true }
            guard line.hasPrefix("SCAN "), line != "SCAN CONSTANT ROW" else { return false }
            return true
        }
    }

    /// The table that a line names, which may stand there under the name that the statement gives it.
    private static func isSmall(_ line: String, in sql: String) -> Bool {
        guard line.hasPrefix("SCAN ") else { return false }
        let name = line.dropFirst("SCAN ".count).prefix { $0 != " " }
        if small.contains(String(name)) { return true }
        return small.contains { sql.contains("\($0) \(name) ") }
    }

    @Test("no statement walks through a table that grows, and none sorts what it does not bound")
    func plans() throws {
        let database = try Self.schema()
        let statements = try Self.statements()
        var excused: Set<String> = []
        var foreign = 0
        for statement in statements {
            guard let costs = try Self.costs(statement, database) else {
                foreign += 1
                continue
            }
            let lines = costs.filter { !Self.isSmall($0, in: statement.sql) }
            guard !lines.isEmpty else { continue }
            if let exception = Self.exceptions.first(where: { statement.sql.contains($0.text) }) {
                excused.insert(exception.text)
                continue
            }
            Issue.record("\(statement.place)\n\(statement.sql)\n\(lines.joined(separator: "\n"))")
        }
        #expect(statements.count > 350, "the statements are not found any more")
        // Copies between schemas, in migrations and when a snapshot comes back.
        #expect(foreign < 24)
        #expect(excused == Set(Self.exceptions.map(\.text)), "an exception that nothing needs any more")
    }

    /// A list of three in a check, or RETURNING, would make one for each row.
    @Test("what every push writes and every pull reads makes no table on the way")
    func tables() throws {
        let database = try Self.schema()
        let written = ["blob", "blob_staging", "manifest", "manifest_reference", "upload", "event"]
        let starts =
            written.map { "INSERT INTO \($0) (" } + [
                "INSERT INTO repository_blob (repository_id, blob_id, kind, linked_by, leased_at)",
                "SELECT b.digest, b.size,", "SELECT m.digest, m.type, m.size", "DELETE FROM blob_staging",
                "UPDATE meta SET seq",
            ]
        var seen: Set<String> = []
        for statement in try Self.statements() {
            guard let start = starts.first(where: statement.sql.hasPrefix), !statement.sql.contains("_before")
            else { continue }
            seen.insert(start)
            let operations = try database.read { database in
                try Row.fetchAll(
                    try database.makeStatement(sql: "EXPLAIN \(statement.sql)"),
                    arguments: StatementArguments([Int?](repeating: nil, count: statement.sql.count { $0 == "?" }))
                ).map { row -> String in row["opcode"] }
            }
            #expect(!operations.contains("OpenEphemeral"), "\(statement.sql)")
            #expect(!operations.contains("SorterOpen"), "\(statement.sql)")
        }
        #expect(seen.count == starts.count, "\(Set(starts).subtracting(seen))")
    }

    @Test("a walk and a sort are seen")
    func seen() throws {
        let database = try Self.schema()
        let walk = Statement(place: "", sql: "SELECT size FROM blob WHERE state = 1 LIMIT ?")
        #expect(try Self.costs(walk, database) == ["SCAN blob"])
        let sort = Statement(place: "", sql: "SELECT tag FROM tag_history WHERE repository_id = ? ORDER BY id LIMIT ?")
        #expect(try Self.costs(sort, database)?.contains { $0.hasPrefix("USE TEMP B-TREE") } == true)
        let search = Statement(place: "", sql: "SELECT size FROM blob WHERE digest = ?")
        #expect(try Self.costs(search, database) == [])
    }
}
