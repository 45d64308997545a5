package import BerthModel

/// A database that speaks SQL. One implementation for each engine; all queries are shared.
package protocol SQLDatabase: Sendable {
    /// Runs `body` on a consistent state that holds every write acknowledged before the call. Short reads only.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value

    /// The rows of one query, on a state that holds every write acknowledged before the call; nil where they can't be had
    /// without waiting for a disk or another thread, or something is wrong: then ask by `read`. For event loops.
    func rowsNow(_ sql: StaticString, _ arguments: [SQLValue]) -> [SQLRow]?

    /// Runs `body` in a transaction and answers when it is durable (C1). `body` may be run more than once and keeps
    /// no effect outside the transaction; what it throws undoes it alone.
    ///
    /// `settled` is called once with the outcome, after the COMMIT and before the caller is answered (C4).
    /// Cancelling the task withdraws a body that has not begun, and nothing else (C3).
    func write<Value: Sendable>(
        _ cost: WriteCost,
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value,
        settled: @escaping @Sendable (Result<Value, CatalogError>) -> Void
    ) async throws(CatalogError) -> Value

    /// Queues a write that nobody waits for: it goes with the next commit, or after about a second.
    func enqueue<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction) throws(CatalogError) -> Value,
        settled: @escaping @Sendable (Result<Value, CatalogError>) -> Void
    )

    var statistics: WriteStatistics { get }
    /// Why nothing is written any more, and nobody knows what the last commit has left; nil while all is well.
    var stopped: String? { get }

    /// Finishes what is queued and closes. Every later call throws `.unavailable`.
    func close() async throws(CatalogError)
}

extension SQLDatabase {
    package func rowsNow(_ sql: StaticString, _ arguments: [SQLValue]) -> [SQLRow]? { nil }
}

/// Adopted as well by databases that keep old bytes in places that no query reaches.
package protocol RewritingDatabase: SQLDatabase {
    /// Writes everything anew, so that nothing is left of what has been deleted; writes wait meanwhile.
    func rewrite() async throws(CatalogError)
}

/// One transaction, in the hands of one closure on one thread.
///
/// `sql` is a literal, so that no value can ever become part of it; values go in as arguments for `?`.
package protocol SQLTransaction {
    /// The rows of a query, or of `INSERT … RETURNING`, in order. For pages, never for whole tables.
    func rows(_ sql: StaticString, _ arguments: [SQLValue]) throws(CatalogError) -> [SQLRow]
    /// Runs a statement that changes rows, and says how many.
    @discardableResult
    func execute(_ sql: StaticString, _ arguments: [SQLValue]) throws(CatalogError) -> Int
    /// Orders this transaction among all that attach, detach, doom or sweep these blobs.
    /// Nothing in SQLite, which has one writer; `SELECT … ORDER BY digest FOR UPDATE` elsewhere.
    func lock(blobs: [Digest]) throws(CatalogError)
}

extension SQLTransaction {
    package func row(_ sql: StaticString, _ arguments: [SQLValue]) throws(CatalogError) -> SQLRow? {
        try rows(sql, arguments).first
    }
    package func exists(_ sql: StaticString, _ arguments: [SQLValue]) throws(CatalogError) -> Bool {
        try !rows(sql, arguments).isEmpty
    }
}

/// What a write weighs in a shared commit (C5).
package struct WriteCost: Sendable {
    /// Bytes of content that travel in the transaction.
    package let bytes: Int
    /// Housekeeping: at most one of these goes into a commit, so that it delays nobody much.
    package let isBackground: Bool

    package init(bytes: Int = 0, isBackground: Bool = false) {
        self.bytes = bytes
        self.isBackground = isBackground
    }
    package static let small = WriteCost()
    package static let background = WriteCost(isBackground: true)
}

/// Counts since the start, for metrics and tests.
package struct WriteStatistics: Hashable, Sendable {
    /// Transactions committed with changes in them.
    package var commits = 0
    /// Bodies that ran in them.
    package var closures = 0
    /// The most bodies that one commit carried.
    package var largestBatch = 0
    /// Bodies that failed, for whatever reason.
    package var failures = 0
    package var checkpoints = 0
    /// The number that the last commit carries (C7).
    package var seq: Int64 = 0
    /// The number of the last commit that changed more than registry time.
    package var changedSeq: Int64 = 0

    package init() {}
}

package enum SQLValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case text(String)
    case bytes([UInt8])

    static func digest(_ digest: Digest) -> SQLValue { .text(digest.text) }
    package static func bool(_ value: Bool) -> SQLValue { .integer(value ? 1 : 0) }
    package static func optional(_ text: String?) -> SQLValue { text.map(SQLValue.text) ?? .null }
}

/// The columns of one row, by position. A column of another type than asked for means a damaged database.
package struct SQLRow: Sendable {
    package let columns: [SQLValue]

    package init(_ columns: [SQLValue]) { self.columns = columns }

    package func isNull(_ index: Int) -> Bool { index >= columns.count || columns[index] == .null }

    package func integer(_ index: Int) throws(CatalogError) -> Int64 {
        guard index < columns.count, case .integer(let value) = columns[index] else { throw unexpected(index) }
        return value
    }
    package func bool(_ index: Int) throws(CatalogError) -> Bool { try integer(index) != 0 }

    package func text(_ index: Int) throws(CatalogError) -> String {
        guard index < columns.count, case .text(let value) = columns[index] else { throw unexpected(index) }
        return value
    }
    package func optionalText(_ index: Int) throws(CatalogError) -> String? { isNull(index) ? nil : try text(index) }

    package func bytes(_ index: Int) throws(CatalogError) -> [UInt8] {
        guard index < columns.count, case .bytes(let value) = columns[index] else { throw unexpected(index) }
        return value
    }

    func digest(_ index: Int) throws(CatalogError) -> Digest {
        let text = try text(index)
        do { return try Digest(text) } catch { throw .damaged("'\(text)' is no digest") }
    }
    func optionalDigest(_ index: Int) throws(CatalogError) -> Digest? { isNull(index) ? nil : try digest(index) }

    func repository(_ index: Int) throws(CatalogError) -> RepositoryName {
        let text = try text(index)
        do { return try RepositoryName(text) } catch { throw .damaged("'\(text)' is no repository name") }
    }
    func tag(_ index: Int) throws(CatalogError) -> Tag {
        let text = try text(index)
        do { return try Tag(text) } catch { throw .damaged("'\(text)' is no tag") }
    }
    func upload(_ index: Int) throws(CatalogError) -> UploadID {
        let text = try text(index)
        guard let id = UploadID(text) else { throw .damaged("'\(text)' is no upload") }
        return id
    }
    func manifestType(_ index: Int) throws(CatalogError) -> ManifestType {
        let text = try text(index)
        guard let type = ManifestType(rawValue: text) else { throw .damaged("'\(text)' is no type of a manifest") }
        return type
    }

    private func unexpected(_ index: Int) -> CatalogError {
        .damaged("column \(index) is not of the type that it should have")
    }
}
