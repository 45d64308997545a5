import Foundation
import GRDB
import Testing

@testable import BerthCatalog

@Suite("Migrations")
struct MigrationTests {
    private static let newest = Migration.all.last?.number ?? 0
    private static let next = Migration(
        number: newest + 1, name: "for tests",
        statements: [
            "CREATE TABLE one (id INTEGER PRIMARY KEY) STRICT",
            "INSERT INTO one SELECT id FROM repository",
            "CREATE TABLE two (id INTEGER PRIMARY KEY) STRICT",
        ])

    /// A database of the newest schema with one repository in it.
    private func older() async throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let test = try await openCatalog(in: folder)
        try await test.pushBlob(1)
        try await test.catalog.close()
        return folder
    }

    private func open(_ folder: TemporaryFolder, _ migrations: [Migration]) throws -> DatabaseQueue {
        let opening = SQLiteOpening(
            path: folder.database, snapshots: folder.snapshots, sync: .always, settings: CatalogSettings(),
            clock: ManualClock())
        let connection = try opening.openWriter()
        _ = try opening.prepare(connection, migrations: migrations)
        return connection
    }

    private func value(_ sql: String, _ connection: DatabaseQueue) throws -> SQLValue {
        try connection.inside { connection throws(CatalogError) in try connection.value(of: sql) }
    }

    @Test("an older catalog is copied, whole, before it is changed")
    func copied() async throws {
        let folder = try await older()
        let connection = try open(folder, Migration.all + [Self.next])
        #expect(try value("SELECT count(*) FROM one", connection) == .integer(1))
        #expect(try value("PRAGMA user_version", connection) == .integer(Int64(Self.newest + 1)))
        try connection.close()
        let names = try folder.names(in: folder.snapshots)
        #expect(names.count == 1)
        let copy = try DatabaseQueue(path: "\(folder.snapshots)/\(names.first ?? "")")
        #expect(try value("PRAGMA user_version", copy) == .integer(Int64(Self.newest)))
        #expect(try value("PRAGMA integrity_check", copy) == .text("ok"))
        #expect(try value("SELECT count(*) FROM blob", copy) == .integer(1))
        try copy.close()
    }

    @Test("a new catalog is what all steps make of an empty one, one after another")
    func newest() throws {
        #expect(Migration.newest.number == Self.newest)
        let (whole, stepwise) = (try TemporaryFolder(), try TemporaryFolder())
        try open(stepwise, Migration.all.dropLast()).close()
        let both = [try open(whole, Migration.all), try open(stepwise, Migration.all)]
        let schemas = try both.map { connection in
            try connection.inside { connection throws(CatalogError) in
                try connection.rows("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
                    .map { row throws(CatalogError) in
                        "\(try row.text(0)): \(try row.text(1).filter { !$0.isWhitespace && $0 != "\"" })"
                    }
            }
        }
        // A table that was made anew on the way is the last in its file.
        #expect(schemas[0].sorted() == schemas[1].sorted())
        #expect(schemas[0].count > 60)
        let tables = schemas[0].filter { $0.contains(": CREATETABLE") }.map { $0.prefix { $0 != ":" } }
        for table in tables where !["meta", "access_state", "sqlite_sequence"].contains(table) {
            for connection in both { #expect(try value("SELECT count(*) FROM \(table)", connection) == .integer(0)) }
        }
        let state = "SELECT id || ',' || version || ',' || is_closed || ',' || follows_file FROM access_state"
        for connection in both { #expect(try value(state, connection) == .text("1,0,0,0")) }
        for connection in both { try connection.close() }
    }

    @Test("grants stay what they were when trust rules may have some too")
    func grants() throws {
        let folder = try TemporaryFolder()
        func insert(_ id: Int64, kind: Int64, _ connection: DatabaseQueue) throws {
            try connection.inside { connection throws(CatalogError) in
                _ = try connection.execute(
                    """
                    INSERT INTO access_grant (id, subject_kind, subject_id, pattern, role, created_at, created_by)
                    VALUES (?, ?, 3, 'team/**', 1, 5, 'operator')
                    """, [.integer(id), .integer(kind)])
            }
        }
        let old = try open(folder, [.first, .access])
        try insert(7, kind: 1, old)
        #expect(throws: CatalogError.self) { try insert(8, kind: 4, old) }
        try old.close()
        let new = try open(folder, Migration.all)
        let kept =
            "SELECT count(*) FROM access_grant WHERE id = 7 AND subject_kind = 1 AND pattern = 'team/**' AND role = 1"
        #expect(try value(kept, new) == .integer(1))
        try insert(8, kind: 4, new)
        #expect(throws: CatalogError.self) { try insert(9, kind: 5, new) }
        try new.close()
    }

    @Test("an older catalog's tags are counted, and its events go on with their numbers")
    func repositories() throws {
        let folder = try TemporaryFolder()
        func run(_ connection: DatabaseQueue, _ statements: [StaticString]) throws {
            try connection.inside { connection throws(CatalogError) in
                for statement in statements { _ = try connection.execute(statement) }
            }
        }
        let old = try open(folder, Array(Migration.all.prefix { $0.number < Migration.repositories.number }))
        try run(
            old,
            [
                "INSERT INTO repository (name, manifests, created_at) VALUES ('a', 1, 0), ('b', 0, 0)",
                "INSERT INTO blob VALUES ('sha256:00', 1, 0, 0, 0)",
                """
                INSERT INTO manifest (
                    id, repository_id, digest, type, size, annotations, depth, is_root, pushed_at, pushed_by)
                VALUES (1, 1, 'sha256:00', 't', 1, '{}', 0, 1, 0, 'anonymous')
                """, "INSERT INTO tag VALUES (1, 'one', 1), (1, 'two', 1)",
                """
                INSERT INTO event (id, kind, repository, digest, principal, happened_at)
                VALUES (41, 0, 'a', 'sha256:00', 'anonymous', 0)
                """,
            ])
        #expect(throws: CatalogError.self) { try run(old, ["UPDATE event SET kind = 4"]) }
        try old.close()
        let new = try open(folder, Migration.all)
        #expect(try value("SELECT tags FROM repository WHERE name = 'a' AND is_protected = 0", new) == .integer(2))
        #expect(try value("SELECT tags FROM repository WHERE name = 'b' AND description = ''", new) == .integer(0))
        try run(
            new,
            [
                "INSERT INTO tag VALUES (1, 'three', 1)", "DELETE FROM tag WHERE name <> 'one'",
                """
                INSERT INTO event (kind, repository, principal, happened_at)
                VALUES (4, 'b', 'anonymous', 0)
                """,
            ])
        #expect(try value("SELECT tags FROM repository WHERE name = 'a'", new) == .integer(1))
        #expect(try value("SELECT max(id) FROM event WHERE kind = 4", new) == .integer(42))
        #expect(throws: CatalogError.self) { try run(new, ["UPDATE event SET kind = 0 WHERE id = 42"]) }
        try new.close()
    }

    @Test("an older catalog's links and edges name the same content by its number, the oldest first")
    func contentNumbers() throws {
        let folder = try TemporaryFolder()
        let old = try open(folder, Array(Migration.all.prefix { $0.number < Migration.numbers.number }))
        try old.inside { connection throws(CatalogError) in
            for statement: StaticString in [
                "INSERT INTO repository (name, manifests, created_at) VALUES ('a', 1, 0)",
                """
                INSERT INTO blob (digest, size, state, damaged, created_at)
                VALUES ('sha256:b', 7, 0, 1, 10), ('sha256:a', 8, 1, 0, 20), ('sha256:m', 9, 0, 0, 30)
                """,
                """
                INSERT INTO blob_staging (digest, size, bytes) VALUES ('sha256:m', 1, x'00')
                """,
                """
                INSERT INTO repository_blob VALUES
                    (1, 'sha256:a', 0, 'user:x', 5, NULL, NULL), (1, 'sha256:b', 0, 'user:x', NULL, 6, 'user:y'),
                    (1, 'sha256:m', 1, 'user:x', NULL, NULL, NULL), (1, 'sha256:m', 0, 'user:x', 7, NULL, NULL)
                """,
                """
                INSERT INTO manifest (
                    id, repository_id, digest, type, size, annotations, depth, is_root, pushed_at, pushed_by)
                VALUES (41, 1, 'sha256:m', 't', 1, '{}', 0, 1, 0, 'anonymous')
                """,
                "INSERT INTO tag VALUES (1, 'one', 41)",
                """
                INSERT INTO upload VALUES
                    ('u1', 'a', 'user:x', 0, NULL, NULL), ('u2', 'a', 'user:x', 1, 'sha256:a', 77)
                """,
                """
                INSERT INTO event (id, kind, repository, digest, tag, principal, happened_at)
                VALUES (8, 2, 'a', 'sha256:m', 'one', 'user:x', 5), (9, 0, 'a', 'sha256:m', NULL, 'user:x', 6)
                """,
                "DELETE FROM event WHERE id = 9",
                """
                INSERT INTO manifest_reference VALUES
                    (41, 0, 1, 0, 'sha256:a'), (41, 1, 1, 1, 'sha256:b'), (41, 2, 1, 2, 'sha256:absent'),
                    (41, 3, 1, 1, 'sha256:b')
                """,
            ] { _ = try connection.execute(statement) }
        }
        try old.close()
        let new = try open(folder, Migration.all)
        let content = """
            SELECT group_concat(digest || ' ' || size || ' ' || state || ' ' || damaged || ' ' || created_at, ', ')
            FROM (SELECT * FROM blob ORDER BY id)
            """
        #expect(
            try value(content, new)
                == .text("sha256:b 7 0 1 10, sha256:a 8 1 0 20, sha256:m 9 0 0 30, sha256:absent 0 3 0 0"))
        let links = """
            SELECT group_concat(digest || kind || coalesce(leased_at, '-') || coalesce(deleted_at || deleted_by, '-'), ', ')
            FROM (SELECT * FROM repository_blob l JOIN blob b ON b.id = l.blob_id WHERE linked_by = 'user:x'
                ORDER BY digest, kind)
            """
        #expect(
            try value(links, new) == .text("sha256:a05-, sha256:b0-6user:y, sha256:m07-, sha256:m1--"))
        let edges = """
            SELECT group_concat(manifest_id || ':' || position || role || digest, ', ')
            FROM (SELECT * FROM manifest_reference e JOIN blob b ON b.id = e.blob_id ORDER BY manifest_id, position)
            """
        #expect(
            try value(edges, new)
                == .text("41:00sha256:a, 41:11sha256:b, 41:22sha256:absent, 41:31sha256:b"))
        #expect(try value("SELECT manifest_id FROM tag WHERE name = 'one'", new) == .integer(41))
        let uploads = "SELECT group_concat(id || outcome || coalesce(digest || ended_at, '-'), ', ') FROM upload"
        #expect(try value(uploads, new) == .text("u10-, u21sha256:a77"))
        #expect(
            try value("SELECT id || ':' || kind || digest || tag || happened_at FROM event", new)
                == .text("8:2sha256:mone5"))
        try new.inside { connection throws(CatalogError) in
            try connection.run(
                "INSERT INTO event (kind, repository, digest, principal, happened_at) VALUES (0, 'a', 'd', 'user:x', 7)"
            )
        }
        #expect(try value("SELECT max(id) FROM event", new) == .integer(10), "no number is given out twice")
        #expect(try value("SELECT count(*) FROM pragma_foreign_key_check", new) == .integer(0))
        #expect(try value("PRAGMA integrity_check", new) == .text("ok"))
        // They are asked again.
        #expect(try value("PRAGMA foreign_keys", new) == .integer(1))
        for statement in ["DELETE FROM blob WHERE digest = 'sha256:b'", "DELETE FROM blob WHERE digest = 'sha256:m'"] {
            #expect(throws: CatalogError.self) {
                try new.inside { connection throws(CatalogError) in try connection.run(statement) }
            }
        }
        try new.close()
    }

    @Test("tables that are made anew leave no gaps in the file")
    func gaps() throws {
        let folder = try TemporaryFolder()
        let old = try open(folder, Array(Migration.all.prefix { $0.number < Migration.numbers.number }))
        try old.inside { connection throws(CatalogError) in
            _ = try connection.execute("INSERT INTO repository (name, created_at) VALUES ('a', 0)")
            _ = try connection.execute(
                """
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                INSERT INTO blob SELECT printf('sha256:%064x', i), 10, 0, 0, 0 FROM n
                """)
            _ = try connection.execute(
                """
                INSERT INTO repository_blob (repository_id, digest, kind, linked_by) SELECT 1, digest, 0, 'x' FROM blob
                """)
        }
        let before = try value("PRAGMA page_count", old)
        try old.close()
        let new = try open(folder, Migration.all)
        guard case .integer(let pages) = before, case .integer(let left) = try value("PRAGMA page_count", new) else {
            throw TestFailure("no numbers of pages")
        }
        #expect(left < pages)
        #expect(try value("PRAGMA freelist_count", new) == .integer(0))
        #expect(try value("SELECT count(*) FROM repository_blob", new) == .integer(3_000))
        try new.close()
    }

    @Test("a step that leaves a row without the one that it refers to changes nothing")
    func strayRows() async throws {
        let folder = try await older()
        let broken = Migration(number: Self.newest + 1, name: "broken", statements: ["DELETE FROM blob"])
        let error = #expect(throws: CatalogError.self) { try open(folder, Migration.all + [broken]) }
        guard case .damaged(let text) = error else { throw TestFailure("\(error as Any)") }
        #expect(text.hasSuffix("refers to one of blob that is not there"))
        let old = try open(folder, Migration.all)
        #expect(try value("SELECT count(*) FROM blob", old) == .integer(1))
        try old.close()
    }

    @Test(
        "a registry with users of a file goes on following it, and one without follows none", arguments: [true, false])
    func fileUsers(hasUsers: Bool) throws {
        let folder = try TemporaryFolder()
        let old = try open(folder, [.first, .access, .certificates, .fileUsers])
        if hasUsers {
            try old.inside { connection throws(CatalogError) in
                _ = try connection.execute(
                    """
                    INSERT INTO access_user (id, name, version, is_admin, is_disabled, created_at)
                    VALUES (1, 'bob', 1, 0, 0, 5)
                    """)
                _ = try connection.execute("INSERT INTO access_file_user (user_id, is_absent) VALUES (1, 1)")
            }
        }
        try old.close()
        let new = try open(folder, Migration.all)
        #expect(try value("SELECT follows_file FROM access_state", new) == .integer(hasUsers ? 1 : 0))
        try new.close()
    }

    @Test("what an older catalog grants, opens and signs counts on")
    func disabling() throws {
        let folder = try TemporaryFolder()
        let old = try open(folder, Array(Migration.all.prefix { $0.number < Migration.disabling.number }))
        try old.inside { connection throws(CatalogError) in
            for statement in [
                "INSERT INTO access_user VALUES (1, 'ann', NULL, 1, 0, 0, 0, NULL)",
                "INSERT INTO access_group VALUES (1, 'team', 0)",
                "INSERT INTO access_grant VALUES (1, 1, 1, '**', 0, 0, 'operator')",
                "INSERT INTO access_secret VALUES (1, 'a', x'00', 1, NULL, '', NULL, 0, NULL, NULL)",
                "INSERT INTO access_key VALUES (1, 'a', 'pem', 0, 0, NULL)",
            ] as [StaticString] { _ = try connection.execute(statement) }
        }
        try old.close()
        let new = try open(folder, Migration.all)
        for table in ["access_group", "access_grant", "access_secret", "access_key"] {
            #expect(try value("SELECT count(*) FROM \(table) WHERE is_disabled = 0", new) == .integer(1), "\(table)")
        }
        try new.close()
    }

    @Test("a new catalog needs no copy")
    func fresh() throws {
        let folder = try TemporaryFolder()
        try open(folder, Migration.all + [Self.next]).close()
        #expect(try folder.names(in: folder.snapshots).isEmpty)
    }

    @Test("a migration that fails at any statement leaves the version before it, and can be run again")
    func everyFailure() async throws {
        for failing in 0...Self.next.statements.count {
            let folder = try await older()
            var statements = Self.next.statements
            statements.insert("SELECT no_such_function()", at: failing)
            let broken = Migration(number: Self.newest + 1, name: "broken", statements: statements)
            #expect(throws: CatalogError.self) { try open(folder, Migration.all + [broken]) }
            // The version before it still starts.
            let old = try open(folder, Migration.all)
            #expect(try value("SELECT count(*) FROM sqlite_schema WHERE name IN ('one', 'two')", old) == .integer(0))
            try old.close()
            let new = try open(folder, Migration.all + [Self.next])
            #expect(try value("SELECT count(*) FROM one", new) == .integer(1))
            try new.close()
        }
    }

    @Test("a newer catalog is refused, with both numbers and what to do")
    func newer() async throws {
        let folder = try await older()
        try open(folder, Migration.all + [Self.next]).close()
        let error = await #expect(throws: CatalogError.self) { try await openCatalog(in: folder) }
        guard case .damaged(let text) = error else { throw TestFailure("\(error as Any)") }
        #expect(text.contains("schema \(Self.newest + 1)") && text.contains("newer one than \(Self.newest)"))
        #expect(text.contains("snapshot"))
    }

    @Test("a database of something else is refused")
    func foreignDatabase() async throws {
        let folder = try TemporaryFolder()
        let connection = try DatabaseQueue(path: folder.database)
        try connection.inside { connection throws(CatalogError) in try connection.run("CREATE TABLE t (a)") }
        try connection.close()
        await #expect(throws: CatalogError.damaged("the file is no catalog of Berth")) {
            try await openCatalog(in: folder)
        }
    }

    @Test("numbers rise without gaps")
    func numbers() {
        #expect(Migration.all.map(\.number) == Array(1...Migration.all.count))
    }
}

@Suite("The schema")
struct SchemaTests {
    @Test("its text is that of an opened catalog")
    func text() async throws {
        let text = try Catalog.schemaText()
        try await withCatalog { test in
            let rows = try await test.rows(
                "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name <> 'sqlite_sequence' ORDER BY rowid")
            for row in rows {
                guard case .text(let sql) = row.first else { throw TestFailure("no text") }
                #expect(text.contains(sql + ";"))
            }
            #expect(rows.count == text.split(separator: ";\n").count)
        }
    }

    @Test("every table is strict, and looking for unfinished deletions reads what has been deleted at most")
    func strict() async throws {
        try await withCatalog { test in
            let loose = try await test.count(
                "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite_%'"
            )
            #expect(loose == 0)
            let plan = try await test.rows(
                """
                EXPLAIN QUERY PLAN
                SELECT deleted_with FROM manifest
                WHERE detach_position IS NOT NULL AND deleted_with IS NOT NULL
                ORDER BY deleted_with LIMIT 1
                """)
            #expect("\(plan)".contains("SEARCH manifest USING INDEX"))
        }
    }
}
