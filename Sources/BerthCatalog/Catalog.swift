import BerthModel
import Synchronization

/// The facts of the registry: what is where, under which name, and who may still need it. It keeps no bytes but those
/// that have not settled yet.
///
/// Every write is one closure in a shared commit and is durable when it returns (C1). The `cached…` functions answer
/// at once or not at all and may be called on an event loop; everything else waits for a thread of its own.
package final class Catalog: Sendable {
    /// Indexes may be nested this deep.
    package static let deepestIndex = 8
    /// Rows that one closure touches, a manifest's own references apart (C6).
    static let rowsPerClosure = 1_000

    /// The seam, for rooms that keep tables of their own beside the catalog's.
    package let database: any SQLDatabase
    let clock: any RegistryClock
    let time: RegistryTime
    let settings: CatalogSettings
    let caches: CatalogCaches
    /// What clients were told is here, and where uploads are at work.
    package let leases: Leases
    /// Registry time of this start.
    let startedAt: Int64
    /// Heads of the restorations that run in this process.
    let restorationsUnderWay = Mutex<[Int64: Int]>([:])
    private let counted: Mutex<Totals>
    private let hasLostTrack = Atomic<Bool>(false)
    /// Bytes of content in closures that wait or run.
    private let bytesUnderWay = Atomic<Int64>(0)

    /// What the last stop left.
    package let start: StartState
    /// Where its files are; nil for one in memory.
    let place: CatalogPlace?
    /// Registry time until which no content goes for its being unreferenced: the catalog that a restore replaced is to be
    /// brought back whole too (G5).
    let keepsContentUntil: Int64
    /// What LAYOUT and the database agree the registry is; empty if nobody has said so.
    package let registryID: String

    init(
        _ database: any SQLDatabase, meta: MetaRow, clock: any RegistryClock, settings: CatalogSettings, totals: Totals,
        place: CatalogPlace? = nil, restoredAt: Int64? = nil
    ) {
        self.database = database
        self.clock = clock
        self.time = meta.time
        self.settings = settings
        self.start = meta.start
        self.registryID = meta.registryID
        self.caches = CatalogCaches(entries: settings.cacheEntries)
        self.leases = Leases(capacity: settings.promises, time: meta.time)
        self.startedAt = meta.time.now()
        self.counted = Mutex(totals)
        self.place = place
        let (end, overflows) = (restoredAt ?? 0).addingReportingOverflow(settings.terms.window)
        keepsContentUntil = restoredAt == nil ? 0 : overflows ? .max : end
    }

    /// Opens the database at `path`, or makes it, and finishes what a crash has left half done. An older schema is
    /// brought up to date after a copy has gone into the folder `snapshots`.
    package static func open(
        path: String, snapshots: String, sync: SyncMode, settings: CatalogSettings = CatalogSettings(),
        clock: any RegistryClock = SystemClock()
    ) async throws(CatalogError) -> Catalog {
        let database = try await onThread { () throws(CatalogError) in
            try SQLiteDatabase(path: path, snapshots: snapshots, sync: sync, settings: settings, clock: clock)
        }
        let (totals, restoredAt) = try await database.read { transaction throws(CatalogError) in
            (try Totals(counting: transaction), try transaction.lastRestoration()?.restoredAt)
        }
        let catalog = Catalog(
            database, meta: database.meta, clock: clock, settings: settings, totals: totals,
            place: CatalogPlace(database: path, snapshots: SnapshotFolder(path: snapshots), sync: sync),
            restoredAt: restoredAt)
        try await catalog.finishDetaching()
        try await catalog.finishRestoring()
        return catalog
    }

    /// Finishes what is queued, notes that all is well, and closes.
    package func close() async throws(CatalogError) {
        do {
            // Nothing is counted any more once what was queued has been committed.
            try await write { _, _ throws(CatalogError) in }
            let totals = counted.withLock { $0 }
            try await write { transaction, _ throws(CatalogError) in try MetaRow.markClean(transaction, totals) }
        } catch {
            try? await database.close()
            throw error
        }
        try await database.close()
    }

    /// What is looked at before something is taken away, or taken for lost.
    package var guards: CollectorGuards { settings.guards }
    package func totals() async throws(CatalogError) -> Totals { counted.withLock { $0 } }
    /// Bytes of content in staging rows at this moment.
    package func stagedBytes() -> Int64 { counted.withLock { $0.stagedBytes } }
    /// Why nothing is written any more, after a commit whose outcome is unknown; nil as long as all is well.
    package var stopped: String? { database.stopped }
    package var statistics: WriteStatistics { database.statistics }
    /// Microseconds that this registry has been running, over all its starts.
    package func registryTime() -> Int64 { time.now() }

    /// Throws unless the database answers; for the readiness check.
    package func check() async throws(CatalogError) {
        _ = try await database.read { transaction throws(CatalogError) in
            try transaction.rows("SELECT seq FROM meta WHERE id = 1", [])
        }
        if let stopped = database.stopped { throw .unavailable(stopped) }
    }

    // MARK: - One write

    /// Runs `body` as one closure; after its commit, and before anybody is answered, the caches let go of what it
    /// changed (C4).
    func write<Value: Sendable>(
        _ cost: WriteCost = .small,
        _ body: @escaping @Sendable (any SQLTransaction, inout Changes) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        try await database.write(cost, Self.noting(body), settled: { [self] in settled($0.map(\.changes)) }).value
    }

    /// A write that stages content, refused while too much waits to be settled: what is staged is written twice (C5).
    func stage<Value: Sendable>(
        _ bytes: Int,
        _ body: @escaping @Sendable (any SQLTransaction, inout Changes) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        let underWay = bytesUnderWay.add(Int64(bytes), ordering: .relaxed).newValue
        defer { bytesUnderWay.subtract(Int64(bytes), ordering: .relaxed) }
        if bytes > 0, counted.withLock({ $0.stagedBytes }) + underWay > settings.stagedBytes {
            throw .unavailable("too much content waits to be settled")
        }
        return try await write(WriteCost(bytes: bytes), body)
    }

    /// The same as `write` for a write that nobody waits for.
    func enqueue(_ body: @escaping @Sendable (any SQLTransaction, inout Changes) throws(CatalogError) -> Void) {
        database.enqueue(Self.noting(body), settled: { [self] in settled($0.map(\.changes)) })
    }

    private struct Noted<Value: Sendable>: Sendable {
        let value: Value
        let changes: Changes
    }

    private static func noting<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction, inout Changes) throws(CatalogError) -> Value
    ) -> @Sendable (any SQLTransaction) throws(CatalogError) -> Noted<Value> {
        { transaction throws(CatalogError) in
            var changes = Changes()
            let value = try body(transaction, &changes)
            return Noted(value: value, changes: changes)
        }
    }

    private func settled(_ result: Result<Changes, CatalogError>) {
        switch result {
        case .success(let changes):
            caches.drop(changes)
            counted.withLock { $0 += changes.totals }
        case .failure:
            // The last commit may have happened all the same.
            guard database.stopped != nil else { return }
            if !hasLostTrack.exchange(true, ordering: .relaxed) { caches.dropAll() }
        }
    }
}
