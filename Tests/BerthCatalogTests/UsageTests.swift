import BerthModel
import Synchronization
import Testing

@testable import BerthCatalog

@Suite("Where the bytes are")
struct UsageTests {
    private struct Row: Hashable {
        let name: String
        var isDeleted = false
        var manifests = 0
        var bytes: Int64 = 0
        var own: Int64 = 0
        var deleted: Int64 = 0
    }

    private func rows(_ usage: [RepositoryUsage]) -> Set<Row> {
        Set(
            usage.map {
                Row(
                    name: $0.name.text, isDeleted: $0.isDeleted, manifests: $0.manifests, bytes: $0.bytes,
                    own: $0.ownBytes, deleted: $0.deletedBytes)
            })
    }

    @Test("each blob counts once in each repository, for the one that alone holds it, and until it is gone")
    func sums() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            // Manifests have ten bytes.
            for (number, size) in [(1, 100), (2, 2_000), (3, 30_000), (4, 44_444)] {
                try await test.pushBlob(number, to: "a", size: size)
            }
            try await test.pushBlob(1, to: "b", size: 100)
            try await push(test, 10, [(1, 100), (2, 2_000), (1, 100)], to: "a")
            try await push(test, 11, [(1, 100), (3, 30_000)], to: "a")
            try await push(test, 12, [(1, 100)], to: "b")
            _ = try await test.catalog.createRepository(test.name("empty"))
            var expected: Set<Row> = [
                Row(name: "a", manifests: 2, bytes: 76_564, own: 76_464),
                Row(name: "b", manifests: 1, bytes: 110, own: 10), Row(name: "empty"),
            ]
            var usage = try await test.catalog.usage()
            #expect(rows(usage.repositories) == expected)
            #expect(usage.heldBytes == 76_574 && usage.contentBytes == 76_574 && usage.blobs == 7)
            #expect(usage.savedBytes == 100 && usage.leavingBytes == 0 && usage.stagedBytes == 76_574)
            try await test.settle()

            // A deleted manifest, with a layer that it alone named; a deleted blob.
            _ = try await test.delete(11, in: "a")
            _ = try await test.deleteBlob(4, in: "a")
            expected.remove(Row(name: "a", manifests: 2, bytes: 76_564, own: 76_464))
            expected.insert(Row(name: "a", manifests: 1, bytes: 2_110, own: 2_010, deleted: 74_454))
            usage = try await test.catalog.usage()
            #expect(rows(usage.repositories) == expected)
            #expect(usage.heldBytes == 2_120 && usage.leavingBytes == 74_454 && usage.stagedBytes == 0)

            // A deleted repository holds nothing, and what it shared is the other one's alone.
            _ = try await test.catalog.deleteRepository(test.name("a"), by: alice)
            usage = try await test.catalog.usage()
            #expect(
                rows(usage.repositories) == [
                    Row(name: "a", isDeleted: true, manifests: 1, deleted: 76_564),
                    Row(name: "b", manifests: 1, bytes: 110, own: 110), Row(name: "empty"),
                ])
            #expect(usage.heldBytes == 110 && usage.savedBytes == 0 && usage.leavingBytes == 76_464)
            #expect(try await rows(test.catalog.usage(of: test.name("a"))).map(\.deleted) == [76_564])
            #expect(try await test.catalog.usage(of: test.name("none")).isEmpty)

            test.clock.pass(2 * windowLength)
            for _ in 0..<3 { _ = try await test.round() }
            usage = try await test.catalog.usage()
            #expect(usage.contentBytes == 110 && usage.leavingBytes == 0 && usage.repositories.count == 2)
        }
    }

    private func push(_ test: TestCatalog, _ number: Int, _ references: [(Int, Int)], to name: String) async throws {
        let outcome = try await test.catalog.putManifest(
            ManifestPush(
                repository: test.name(name), digest: digest(number),
                manifest: Manifest(
                    type: .ociManifest, artifactType: nil, subject: nil, annotations: [:],
                    references: references.enumerated().map { index, reference in
                        ManifestReference(
                            role: index == 0 ? .config : .layer, digest: digest(reference.0), size: Int64(reference.1))
                    }),
                bytes: [UInt8](repeating: 7, count: 10), tags: [], principal: alice))
        #expect(outcome == .stored(isNew: true))
    }

    @Test("content that live manifests name is held although people have deleted the blob")
    func namedAndDeleted() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            try await test.pushBlob(1)
            _ = try await test.push(10, references: [1])
            _ = try await test.catalog.deleteBlob(digest(1), in: test.name(), referencedAllowed: true, by: alice)
            let usage = try await test.catalog.usage()
            #expect(usage.repositories.map(\.bytes) == [20] && usage.leavingBytes == 0)
        }
    }

    @Test("both walks agree, whatever was pushed and deleted", arguments: [1, 2, 3])
    func model(seed: UInt64) async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            var numbers = SeededGenerator(seed: seed)
            let names = ["a", "a/b", "a-b", "b"]
            for _ in 0..<300 {
                let name = names.randomElement(using: &numbers) ?? "a"
                let blob = Int.random(in: 1...9, using: &numbers)
                let manifest = Int.random(in: 20...29, using: &numbers)
                switch Int.random(in: 0..<10, using: &numbers) {
                case 0: _ = try await test.delete(manifest, in: name, allowed: true)
                case 1: _ = try await test.undelete(manifest, in: name)
                case 2: _ = try await test.deleteBlob(blob, in: name)
                case 3: _ = try await test.catalog.deleteRepository(test.name(name), by: alice)
                case 4: _ = try await test.catalog.undeleteRepository(test.name(name), by: alice)
                case 5...6: try await test.pushBlob(blob, to: name)
                default:
                    // The same references each time, for it has the same digest.
                    _ = try await test.push(
                        manifest, references: [manifest - 19, manifest % 7 + 1].filter { $0 < 10 }, to: name)
                }
            }
            let usage = try await test.catalog.usage()
            var single: Set<Row> = []
            for name in names { single.formUnion(rows(try await test.catalog.usage(of: test.name(name)))) }
            #expect(rows(usage.repositories) == single)
            #expect(usage.repositories.reduce(0) { $0 + $1.ownBytes } <= usage.heldBytes)
            #expect(usage.heldBytes <= usage.contentBytes && usage.contentBytes > 0)
            #expect(usage.repositories.contains { $0.deletedBytes > 0 })
        }
    }

    @Test("no read looks at more than a page of links, however many there are and whoever has them (C6)")
    func pages() async throws {
        let folder = try TemporaryFolder()
        let (clock, settings) = (ManualClock(), CatalogSettings())
        let inner = try SQLiteDatabase(
            path: folder.database, snapshots: folder.snapshots, sync: .never, settings: settings, clock: clock)
        let database = CountingDatabase(inner)
        let catalog = Catalog(database, meta: inner.meta, clock: clock, settings: settings, totals: Totals())
        let test = TestCatalog(catalog: catalog, folder: folder, clock: clock)
        let many = SQLValue.integer(3_000)
        try await test.run(
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO repository (name, created_at) SELECT printf('r-%08d', i), 0 FROM n
            """, [many])
        try await test.run(
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO blob SELECT i, printf('sha256:%064x', i), 10, 0, 0, 0 FROM n
            """, [many])
        // One repository has all content, one content is in all repositories.
        try await test.run(
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO repository_blob (repository_id, blob_id, kind, linked_by)
            SELECT 1, i, 0, 'user:alice' FROM n
            """, [many])
        try await test.run(
            """
            WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO repository_blob (repository_id, blob_id, kind, linked_by)
            SELECT i, 7, 0, 'user:alice' FROM n
            """, [many])
        database.reset()
        let usage = try await catalog.usage()
        #expect(database.mostRows == Catalog.usagePage)
        #expect(database.reads >= 5_999 / Catalog.usagePage)
        let first = try #require(usage.repositories.first { $0.name.text == "r-00000001" })
        #expect(first.bytes == 30_000 && first.ownBytes == 29_990)
        #expect(usage.savedBytes == 29_990 && usage.heldBytes == 30_000)
        database.reset()
        #expect(try await catalog.usage(of: test.name("r-00000001")) == [first])
        // A page of links, and for each whether another one has it.
        #expect(database.mostRows <= 2 * Catalog.usagePage)
        #expect(database.reads >= 3_000 / Catalog.usagePage)
        try await catalog.close()
    }
}

/// Counts the rows that reads give.
private final class CountingDatabase: SQLDatabase {
    private let inner: SQLiteDatabase
    private let counts = Mutex((reads: 0, mostRows: 0))

    init(_ inner: SQLiteDatabase) { self.inner = inner }

    var reads: Int { counts.withLock(\.reads) }
    var mostRows: Int { counts.withLock(\.mostRows) }
    func reset() { counts.withLock { $0 = (0, 0) } }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        try await inner.read { [self] transaction throws(CatalogError) in
            let counting = CountingTransaction(transaction)
            let value = try body(counting)
            counts.withLock { $0 = ($0.reads + 1, max($0.mostRows, counting.rows)) }
            return value
        }
    }

    func write<Value: Sendable>(
        _ cost: WriteCost, _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value,
        settled: @escaping @Sendable (Result<Value, CatalogError>) -> Void
    ) async throws(CatalogError) -> Value { try await inner.write(cost, body, settled: settled) }

    func enqueue<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value,
        settled: @escaping @Sendable (Result<Value, CatalogError>) -> Void
    ) { inner.enqueue(body, settled: settled) }

    var statistics: WriteStatistics { inner.statistics }
    var stopped: String? { inner.stopped }
    func close() async throws(CatalogError) { try await inner.close() }
}

private final class CountingTransaction: SQLTransaction {
    private let inner: any SQLTransaction
    private(set) var rows = 0

    init(_ inner: any SQLTransaction) { self.inner = inner }

    func rows(_ sql: StaticString, _ arguments: [SQLValue]) throws(CatalogError) -> [SQLRow] {
        let found = try inner.rows(sql, arguments)
        rows += found.count
        return found
    }
    func execute(_ sql: StaticString, _ arguments: [SQLValue]) throws(CatalogError) -> Int {
        try inner.execute(sql, arguments)
    }
    func lock(blobs: [Digest]) throws(CatalogError) { try inner.lock(blobs: blobs) }
}
