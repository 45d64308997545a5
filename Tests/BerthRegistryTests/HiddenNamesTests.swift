import BerthBlobs
import BerthDigest
import BerthModel
import BerthTestSupport
import Logging
import Synchronization
import Testing

@testable import BerthCatalog
@testable import BerthRegistry

@Suite("Lists for those who may see few names")
struct HiddenNamesTests {
    @Test("a page of one name costs a few queries, however many names are hidden before it")
    func queries() async throws {
        try await withHiddenNames(3_500) { registry, reads async throws in
            let page = try await registry.repositories(after: nil, limit: 1, for: .anonymous)
            #expect(page.items.map(\.text) == ["seen/a"] && page.hasMore)
            #expect(reads.count <= 6, "\(reads.count) queries")
        }
    }

    @Test("a search counts and pages what may be seen, and nothing else")
    func search() async throws {
        try await withHiddenNames(2_500) { registry, _ async throws in
            for (page, names) in [(1, ["seen/a"]), (2, ["seen/b"]), (3, []), (.max, []), (.min, ["seen/a"])] {
                let found = try await registry.search("e", page: page, size: 1, for: .anonymous)
                #expect(found.total == 2 && found.names.map(\.text) == names, "page \(page)")
            }
            #expect(try await registry.search("hidden", page: 1, size: 9, for: .anonymous).total == 0)
        }
    }
}

/// A registry with so many repositories that nobody may see, and after them `seen/a` and `seen/b`.
private func withHiddenNames(
    _ count: Int64, _ body: (Registry, CountingReads) async throws -> Void
) async throws {
    try await withTemporaryFolder { folder in
        let opened = try await Catalog.open(path: folder + "/berth.db", snapshots: folder, sync: .never)
        guard let database = opened.database as? SQLiteDatabase else { throw TestFailure("no SQLite") }
        _ = try await database.write(
            .small,
            { t throws(CatalogError) in
                try t.execute(
                    """
                    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
                    INSERT INTO repository (name, manifests, created_at)
                    SELECT 'hidden/' || n, 1, 0 FROM number UNION ALL VALUES ('seen/a', 1, 0), ('seen/b', 1, 0)
                    """, [.integer(count)])
            }, settled: { _ in })
        let reads = CountingReads(database)
        let catalog = Catalog(
            reads, meta: database.meta, clock: opened.clock, settings: opened.settings, totals: Totals())
        let registry = Registry(
            store: try await FileBlobStore(root: folder, options: FileBlobStoreOptions(sync: .never, reserve: 0)),
            catalog: catalog, access: SeenAlone(), sealKey: .random(), settings: RegistrySettings(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await body(registry, reads)
        try await opened.close()
    }
}

private struct SeenAlone: AccessPolicy {
    func decide(_ caller: Caller, _ action: Action, _ repository: RepositoryName?) -> Bool {
        repository?.text.hasPrefix("seen/") ?? true
    }
}

/// A database that counts what is read of it.
private final class CountingReads: SQLDatabase {
    private let database: any SQLDatabase
    private let reads = Atomic(0)

    init(_ database: any SQLDatabase) { self.database = database }

    var count: Int { reads.load(ordering: .relaxed) }
    var statistics: WriteStatistics { database.statistics }
    var stopped: String? { database.stopped }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        reads.add(1, ordering: .relaxed)
        return try await database.read(body)
    }

    func write<Value: Sendable>(
        _ cost: WriteCost, _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value,
        settled: @escaping @Sendable (Result<Value, CatalogError>) -> Void
    ) async throws(CatalogError) -> Value {
        try await database.write(cost, body, settled: settled)
    }

    func enqueue<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value,
        settled: @escaping @Sendable (Result<Value, CatalogError>) -> Void
    ) { database.enqueue(body, settled: settled) }

    func close() async throws(CatalogError) { try await database.close() }
}
