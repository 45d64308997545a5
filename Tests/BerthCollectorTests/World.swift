import BerthBlobs
import BerthModel
import Synchronization

@testable import BerthCatalog

/// Moved by hand; the wall clock goes with it.
final class HandClock: RegistryClock {
    private let time = Mutex<Int64>(0)
    func sinceBoot() -> Int64 { time.withLock { $0 } }
    func wall() -> Int64 { 1_800_000_000_000_000 + sinceBoot() }
    func bootID() -> String { "boot" }
    func set(_ now: Int64) { time.withLock { $0 = now } }
    func pass(_ units: Int64) { time.withLock { $0 += units } }
}

/// A small registry: two repositories, three blobs, an image in each, an index. Everything but the database and the
/// files is made anew after a crash.
///
/// `@unchecked`: the stage lets one task run at a time.
final class World: @unchecked Sendable {
    static let terms = {
        var terms = CollectionTerms()
        (terms.lease, terms.window, terms.longestUpload) = (10, 30, 40)
        return terms
    }()
    static let repositories = ["r/one", "r/two"].compactMap { try? RepositoryName($0) }
    static let tag = try? Tag("latest")
    static let pusher = Principal.user("pusher")

    let database: MemoryDatabase
    let store = MemoryStore()
    let clock = HandClock()
    let guards: CollectorGuards
    private(set) var catalog: Catalog
    private(set) var stage: Stage?
    /// Counts starts: whoever began in an earlier one has lost its answer.
    private(set) var starts = 0
    var losses: [String] = []
    /// Manifests that were acknowledged, and that nobody has asked to delete.
    var acknowledged: Set<Key> = []

    /// What somebody has asked to delete, and how often.
    var deletions: [Key: Int] = [:]

    struct Key: Hashable {
        let manifest: Int
        let repository: Int
    }
    /// What a schedule begins with.
    struct Snapshot {
        let time: Int64
        let files: [Digest: Int64]
        let acknowledged: Set<Key>
    }

    init(_ database: MemoryDatabase, guards: CollectorGuards, locks: Bool) throws {
        self.database = database
        self.guards = guards
        clock.set(1_000)
        catalog = try Self.open(database, clock, guards, startedAt: 1_000)
        store.locks = locks
    }

    private static func open(
        _ database: MemoryDatabase, _ clock: HandClock, _ guards: CollectorGuards, startedAt: Int64
    ) throws -> Catalog {
        var settings = CatalogSettings()
        settings.terms = terms
        settings.guards = guards
        settings.cacheEntries = 64
        let now = clock.sinceBoot()
        clock.set(startedAt)
        let meta = MetaRow(clock: clock, time: startedAt)
        let catalog = Catalog(database, meta: meta, clock: clock, settings: settings, totals: Totals())
        clock.set(now)
        return catalog
    }

    // MARK: - Schedules

    func snapshot() -> Snapshot {
        Snapshot(
            time: clock.sinceBoot(), files: store.files, acknowledged: acknowledged.filter { deletions[$0] == nil })
    }

    /// As it was at `snapshot`, in a process that has been running for more than a lease.
    func begin(_ snapshot: Snapshot, stage: Stage) async throws {
        try database.reset()
        store.reset(to: snapshot.files)
        clock.set(snapshot.time)
        catalog = try Self.open(database, clock, guards, startedAt: snapshot.time - Self.terms.lease - 1)
        (losses, acknowledged, deletions, starts) = ([], snapshot.acknowledged, [:], 0)
        self.stage = stage
        if stage.below(2) == 0 {
            for number in 0..<3 { _ = try await catalog.blob(digest(number), in: Self.repositories[0]) }
        }
        (database.stage, store.stage) = (stage, stage)
    }

    /// From here on nobody waits for his turn.
    func end() {
        stage = nil
        (database.stage, store.stage) = (nil, nil)
    }

    func crash() async throws {
        await stage?.crash()
        store.crash()
        starts += 1
        catalog = try Self.open(database, clock, guards, startedAt: clock.sinceBoot())
    }

    // MARK: - Invariants

    /// What must hold after each step.
    func check() throws {
        guard let row = try database.rows(Self.invariants).first else { return }
        let names = [
            "a manifest's reference is not live", "linked content is not live", "a manifest has no link",
            "a manifest's reference has no link",
        ]
        for (index, name) in names.enumerated() where try row.integer(index) > 0 {
            // Where somebody has deleted a blob from under a manifest, its bytes stay all the same.
            if index < 3 || deletions.isEmpty { lose(name) }
        }
        for row in try database.rows(Self.settledContent) {
            let digest = try row.digest(0)
            if store.files[digest] == nil { lose("settled content has no file") }
        }
    }

    func lose(_ what: String) { losses.append(what) }

    private static let invariants: StaticString = """
        SELECT
            (SELECT count(*)
             FROM manifest_reference e
             JOIN manifest m ON m.id = e.manifest_id
             LEFT JOIN blob b ON b.digest = e.digest
             WHERE (m.deleted_at IS NULL OR m.deleted_with IS NOT NULL) AND coalesce(b.state, 2) <> 0),
            (SELECT count(*)
             FROM repository_blob l
             JOIN blob b ON b.digest = l.digest
             WHERE b.state <> 0),
            (SELECT count(*)
             FROM manifest m
             WHERE m.deleted_at IS NULL AND NOT EXISTS (
                SELECT 1 FROM repository_blob l
                WHERE l.repository_id = m.repository_id AND l.digest = m.digest AND l.kind = 1
                    AND l.deleted_at IS NULL)),
            (SELECT count(*)
             FROM manifest_reference e
             JOIN manifest m ON m.id = e.manifest_id
             WHERE m.deleted_at IS NULL AND NOT EXISTS (
                SELECT 1 FROM repository_blob l
                WHERE l.repository_id = e.repository_id AND l.digest = e.digest AND l.deleted_at IS NULL))
        """
    private static let settledContent: StaticString = """
        SELECT b.digest
        FROM blob b
        WHERE b.state < 2 AND NOT EXISTS (SELECT 1 FROM blob_staging s WHERE s.digest = b.digest)
        """
}

/// Blobs are 0 to 2, images 10 and 11, the index 20: a number always means the same document.
func digest(_ number: Int) -> Digest {
    Digest(.sha256, hash: [UInt8(truncatingIfNeeded: number)] + [UInt8](repeating: 7, count: 31))
}

func references(of manifest: Int) -> [Int] {
    switch manifest {
    case 10: [0, 1]
    case 11: [0, 2]
    default: [10]
    }
}
