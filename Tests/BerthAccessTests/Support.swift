import BerthCatalog
import BerthModel
import BerthTestSupport
import Logging
import Synchronization

@testable import BerthAccess

/// The seconds at which a manual clock begins.
let start = ManualClock().milliseconds() / 1000

let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A closed registry with one account, `ann`.
func withAccess(_ body: (Access, ManualClock) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
        let clock = ManualClock()
        let catalog = try await Catalog.open(path: folder + "/berth.db", snapshots: folder, sync: .never)
        let access = try await Access.open(
            catalog, settings: AccessSettings(), clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        _ = try await access.addUser(AccountName("ann"), password: testPassword, isAdmin: false, by: .operator)
        try await body(access, clock)
        try await catalog.close()
    }
}

extension Access {
    func annsToken() async throws -> String {
        guard let user = snapshot.user(named: "ann") else { throw TestFailure("no ann") }
        let account = Account(principal: .user("ann"), id: user.id, version: user.version, secret: nil)
        return try issue(account, RequestedScopes(["repository:a:pull"])).text
    }

    func verdict(_ token: String) async -> String { await verdict(.bearer(Substring(token))) }

    func verdict(_ shown: Authorization) async -> String {
        switch await identify(shown, from: "192.0.2.1") {
        case .caller: "good"
        case .expired: "expired"
        case .refused: "refused"
        }
    }

    func keyID(of token: String) -> String? {
        let header = token.split(separator: ".").first.flatMap { Base64URL.decode($0) } ?? []
        guard case .object(let object)? = try? JSONValue(parsing: header), case .string(let id)? = object["kid"]
        else { return nil }
        return id
    }
}

/// A database whose reads fail when a test wants it.
final class FailingReads: SQLDatabase {
    private let database: any SQLDatabase
    private let fails = Atomic(false)

    init(_ database: any SQLDatabase) { self.database = database }

    func fail(_ fails: Bool) { self.fails.store(fails, ordering: .releasing) }
    var statistics: WriteStatistics { database.statistics }
    var stopped: String? { database.stopped }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        if fails.load(ordering: .acquiring) { throw .unavailable("a test") }
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

/// A database that notes how many rows each write has deleted, of those that have deleted any, and fails after as many of
/// these as a test wants.
final class RecordingDeletes: SQLDatabase {
    private let database: any SQLDatabase
    private let counts = Mutex<[Int]>([])
    private let most = Atomic(Int.max)

    init(_ database: any SQLDatabase) { self.database = database }

    var deleted: [Int] { counts.withLock { $0 } }
    func fail(after count: Int) { most.store(count, ordering: .releasing) }
    var statistics: WriteStatistics { database.statistics }
    var stopped: String? { database.stopped }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value { try await database.read(body) }

    func write<Value: Sendable>(
        _ cost: WriteCost, _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value,
        settled: @escaping @Sendable (Result<Value, CatalogError>) -> Void
    ) async throws(CatalogError) -> Value {
        if deleted.count >= most.load(ordering: .acquiring) { throw .unavailable("a test") }
        let count = Count()
        let value = try await database.write(
            cost,
            { t throws(CatalogError) in
                count.rows.store(0, ordering: .relaxed)
                return try body(CountingTransaction(transaction: t, count: count))
            }, settled: settled)
        let rows = count.rows.load(ordering: .relaxed)
        if rows > 0 { counts.withLock { $0.append(rows) } }
        return value
    }

    func enqueue<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value,
        settled: @escaping @Sendable (Result<Value, CatalogError>) -> Void
    ) { database.enqueue(body, settled: settled) }

    func close() async throws(CatalogError) { try await database.close() }

    private final class Count: Sendable {
        let rows = Atomic(0)
    }

    private struct CountingTransaction: SQLTransaction {
        let transaction: any SQLTransaction
        let count: Count

        func rows(_ sql: StaticString, _ arguments: [SQLValue]) throws(CatalogError) -> [SQLRow] {
            try transaction.rows(sql, arguments)
        }
        func execute(_ sql: StaticString, _ arguments: [SQLValue]) throws(CatalogError) -> Int {
            let rows = try transaction.execute(sql, arguments)
            if sql.description.hasPrefix("DELETE") { count.rows.add(rows, ordering: .relaxed) }
            return rows
        }
        func lock(blobs: [Digest]) throws(CatalogError) { try transaction.lock(blobs: blobs) }
    }
}
