import BerthBlobs
import BerthModel
import BerthRegistry
import Synchronization
import Testing

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

/// How a world is set up.
struct Setting: Sendable {
    /// Longer than the lease, or shorter.
    var window: Int64 = 30
    /// So few that deletions, purges and restorations are done in parts.
    var rowsPerClosure = 1_000
    var guards = CollectorGuards.all
    /// Whether settling waits for an unlink of the same content.
    var locks = true
    /// Whether whole repositories are deleted and brought back, and files come from nowhere.
    var hasRepositories = false
    /// Whether a snapshot is brought back.
    var hasRestores = false
    /// Whether questions of event loops are answered at once, now and then.
    var answersNow = false

    var catalog: CatalogSettings {
        var settings = CatalogSettings()
        (settings.terms.lease, settings.terms.window, settings.terms.longestUpload) = (10, window, 40)
        settings.guards = guards
        settings.rowsPerClosure = rowsPerClosure
        settings.cacheEntries = 64
        settings.promises = 4
        return settings
    }
}

/// A small registry: two repositories, a name under which one of them may come back, and the documents below. Everything
/// but the database and the files is made anew after a crash.
///
/// `@unchecked`: the stage lets one task run at a time.
final class World: @unchecked Sendable {
    static let repositories = ["r/one", "r/two", "r/three"].compactMap { try? RepositoryName($0) }
    static let pusher = Principal.user("pusher")

    let database: MemoryDatabase
    let store = MemoryStore()
    let clock = HandClock()
    let setting: Setting
    let terms: CollectionTerms
    private(set) var catalog: Catalog
    private(set) var connection: MemoryConnection
    private(set) var stage: Stage?
    /// Counts starts: whoever began in an earlier one has lost its answer.
    private(set) var starts = 0
    var losses: [String] = []
    /// What clients were told, and what they asked for.
    var memory = Memory()
    /// Counts uploads that have a name.
    var uploads = 0
    /// One pass of settling at a time, as the registry does.
    var isSettling = false
    /// One purge at a time.
    var isPurging = false
    /// Manifests that name content that need not be here, and the state that it is in: it goes no further as long as they
    /// name it.
    private var held: [Int64: Int64] = [:]
    /// What comes back in parts, and when that was seen first.
    private var comingBack: [Int64: (key: Memory.Key, since: Int)] = [:]
    /// Each player's last commit; it may be told of it later.
    private(set) var commits: [Int: Int] = [:]
    /// Work that nobody waits for.
    private let meanwhile: Meanwhile

    /// What a schedule begins with.
    struct Opening {
        let time: Int64
        let files: [Digest: Int64]
        let memory: Memory
    }

    init(_ database: MemoryDatabase, _ setting: Setting) throws {
        self.database = database
        database.answersNow = setting.answersNow
        self.setting = setting
        terms = setting.catalog.terms
        meanwhile = Meanwhile()
        clock.set(1_000)
        connection = MemoryConnection(database)
        catalog = Self.open(connection, clock, setting, meanwhile, registryTime: 1_000)
        store.locks = setting.locks
        watch()
    }

    private static func open(
        _ database: MemoryConnection, _ clock: HandClock, _ setting: Setting, _ meanwhile: Meanwhile,
        registryTime: Int64, restoredAt: Int64? = nil
    ) -> Catalog {
        var settings = setting.catalog
        settings.meanwhile = { meanwhile.works.append($0) }
        let meta = MetaRow(clock: clock, time: registryTime)
        return Catalog(database, meta: meta, clock: clock, settings: settings, totals: Totals(), restoredAt: restoredAt)
    }

    // MARK: - Schedules

    func opening() -> Opening {
        Opening(time: clock.sinceBoot(), files: store.files, memory: memory)
    }

    /// As it was at `opening`, in a process that has been running for more than a lease.
    func begin(_ opening: Opening, stage: Stage) async throws {
        try database.reset()
        store.reset(to: opening.files)
        clock.set(opening.time - terms.lease - 1)
        meanwhile.works = []
        (isSettling, isPurging, held, comingBack, commits) = (false, false, [:], [:], [:])
        connection.kill()
        connection = MemoryConnection(database)
        catalog = Self.open(connection, clock, setting, meanwhile, registryTime: opening.time - terms.lease - 1)
        clock.set(opening.time)
        database.stamp = opening.time
        (losses, memory, starts) = ([], opening.memory, 0)
        self.stage = stage
        if stage.below(2) == 0 {
            for number in 0..<3 { _ = try await catalog.blob(digest(number), in: Self.repositories[0]) }
        }
        (database.stage, store.stage) = (stage, stage)
    }

    /// Registry time is stored with each commit.
    private func watch() {
        database.committed = { [unowned self] in
            database.stamp = catalog.registryTime()
            commits[Stage.player] = memory.tick()
        }
    }

    /// From here on nobody waits for his turn.
    func end() {
        stage = nil
        (database.stage, store.stage) = (nil, nil)
    }

    /// What a request left to be done without it.
    func takeMeanwhile() -> [@Sendable () async -> Void] {
        defer { meanwhile.works = [] }
        return meanwhile.works
    }

    /// The process is killed and starts anew: registry time goes on from the last commit.
    func crash() async throws {
        connection.kill()
        store.crash()
        await stage?.crash()
        try await start()
    }

    func start() async throws {
        (meanwhile.works, isSettling, isPurging) = ([], false, false)
        starts += 1
        connection.kill()
        connection = MemoryConnection(database)
        let restoredAt = try database.rows("SELECT max(restored_at) FROM restoration").first
        catalog = Self.open(
            connection, clock, setting, meanwhile, registryTime: database.stamp,
            restoredAt: restoredAt.flatMap { $0.isNull(0) ? nil : try? $0.integer(0) })
        // A start finishes deletions, restorations and purges before it serves anybody.
        try await withoutStage { [self] in
            if setting.guards.contains(.detaching) { try await catalog.finishDetaching() }
            try await catalog.finishRestoring()
            try await purger.finishAll()
        }
    }

    /// Nobody else is at work meanwhile.
    func withoutStage<Value>(_ work: () async throws -> Value) async throws -> Value {
        let stage = stage
        (self.stage, database.stage, store.stage) = (nil, nil, nil)
        defer { (self.stage, database.stage, store.stage) = (stage, stage, stage) }
        return try await work()
    }

    /// A catalog of another time is here.
    func forgetStates() { (held, comingBack) = ([:], [:]) }

    func lose(_ what: String) { losses.append(what) }

    // MARK: - Invariants

    /// What must hold after each step.
    func check() throws {
        guard let row = try database.rows(Self.invariants, Self.looseEdge).first else { return }
        for (index, name) in Self.names.enumerated() where try row.integer(index) > 0 { lose(name) }
        if try row.integer(Self.names.count) > 0 {
            for link in try database.rows(Self.missingLinks, Self.looseEdge) {
                let name = try link.text(0)
                let repository = try #require(Self.repositories.firstIndex { $0.text == name })
                let key = Memory.Key(number: Document.number(try link.digest(1)), repository: repository)
                if !memory.mayBeTorn(key) { lose("a manifest's reference has no link") }
            }
        }
        for row in try database.rows(Self.settledContent) where try !store.texts.contains(row.text(0)) {
            lose("settled content has no file")
        }
        if memory.namesUndistributed { try checkHeld() }
        if setting.rowsPerClosure < 1_000 { try checkComingBack() }
        try checkPurged()
    }

    /// What a manifest names does not go from under it, also where it need not have been here.
    private func checkHeld() throws {
        var now: [Int64: Int64] = [:]
        for row in try database.rows(Self.undistributed, Self.looseEdge) {
            let (manifest, state) = (try row.integer(0), try row.integer(1))
            now[manifest] = state
            if state > held[manifest] ?? 2 { lose("content that a manifest names is on its way out") }
        }
        held = now
    }

    /// What has begun to come back does so, however late it is, unless somebody deletes it again.
    private func checkComingBack() throws {
        var now: [Int64: (key: Memory.Key, since: Int)] = [:]
        for row in try database.rows(Self.undeletions) {
            let (id, name) = (try row.integer(0), try row.text(2))
            guard let repository = Self.repositories.firstIndex(where: { $0.text == name }) else { continue }
            let key = Memory.Key(number: Document.number(try row.digest(1)), repository: repository)
            now[id] = comingBack[id] ?? (key, memory.tick())
        }
        for (id, one) in comingBack where now[id] == nil && !memory.mayHaveGone(one.key, since: one.since) {
            if try database.rows(Self.present, [.integer(id)]).isEmpty {
                lose("what had begun to come back has not: \(one.key.number)")
            }
        }
        comingBack = now
    }

    /// What was purged is not here again unless somebody has sent it since.
    private func checkPurged() throws {
        for (number, began) in memory.purged where !memory.wasBrought(number, since: began) {
            let digest = SQLValue.digest(digest(number))
            let row = try database.rows(Self.remains, [digest, digest, digest, digest, digest, digest]).first
            let mayHaveFile = memory.wasSentToReplaced(number)
            if try row?.integer(0) != 0 || !mayHaveFile && store.files[self.digest(number)] != nil {
                lose("what was purged is here: \(number)")
            }
        }
    }

    func digest(_ number: Int) -> Digest { Document.digest(number) }

    /// The manifest that names content which need not be here, and that content.
    private static let looseEdge: [SQLValue] = [.digest(Document.digest(13)), .digest(Document.digest(2))]
    private static let names = [
        "a manifest's reference is not live", "linked content is not live and whole", "a manifest has no link",
        "an index is here without what it lists",
    ]
    private static let invariants: StaticString = """
        SELECT
            (SELECT count(*)
             FROM manifest m
             JOIN manifest_reference e ON m.id = e.manifest_id
             JOIN blob b ON b.id = e.blob_id
             WHERE (m.deleted_at IS NULL OR m.deleted_with IS NOT NULL) AND b.state <> 0
                AND NOT (m.digest = ?1 AND b.digest = ?2)),
            (SELECT count(*)
             FROM blob b
             JOIN repository_blob l ON b.id = l.blob_id
             WHERE b.state > 0 OR b.damaged = 1 AND l.deleted_at IS NULL),
            (SELECT count(*)
             FROM manifest m
             WHERE m.deleted_at IS NULL AND NOT EXISTS (
                SELECT 1 FROM repository_blob l
                JOIN blob b ON b.id = l.blob_id
                WHERE l.repository_id = m.repository_id AND b.digest = m.digest AND l.kind = 1
                    AND l.deleted_at IS NULL)
                AND NOT EXISTS (SELECT 1 FROM purge_content c WHERE c.digest = m.digest AND c.state = 0)),
            (SELECT count(*)
             FROM manifest p
             JOIN repository r ON r.id = p.repository_id
             JOIN manifest_reference e ON e.manifest_id = p.id AND e.role = 2
             JOIN blob b ON b.id = e.blob_id
             LEFT JOIN manifest m ON m.digest = b.digest AND m.repository_id = e.repository_id
             WHERE p.deleted_at IS NULL AND (m.id IS NULL OR m.deleted_at IS NOT NULL)
                AND (r.deleted_at IS NULL OR r.deleted_by IS NOT NULL)),
            (SELECT count(*)
             FROM manifest m
             JOIN repository r ON r.id = m.repository_id
             JOIN manifest_reference e ON m.id = e.manifest_id
             JOIN blob b ON b.id = e.blob_id
             WHERE m.deleted_at IS NULL AND r.deleted_at IS NULL
                AND NOT (m.digest = ?1 AND b.digest = ?2) AND NOT EXISTS (
                SELECT 1 FROM repository_blob l
                WHERE l.repository_id = e.repository_id AND l.blob_id = e.blob_id AND l.deleted_at IS NULL)
                AND NOT EXISTS (SELECT 1 FROM purge_content c WHERE c.digest = b.digest AND c.state = 0))
        """
    private static let missingLinks: StaticString = """
        SELECT r.name, b.digest
        FROM manifest_reference e
        JOIN blob b ON b.id = e.blob_id
        JOIN manifest m ON m.id = e.manifest_id
        JOIN repository r ON r.id = e.repository_id
        WHERE m.deleted_at IS NULL AND r.deleted_at IS NULL
            AND NOT (m.digest = ?1 AND b.digest = ?2) AND NOT EXISTS (
            SELECT 1 FROM repository_blob l
            WHERE l.repository_id = e.repository_id AND l.blob_id = e.blob_id AND l.deleted_at IS NULL)
            AND NOT EXISTS (SELECT 1 FROM purge_content c WHERE c.digest = b.digest AND c.state = 0)
        """
    private static let undeletions: StaticString = """
        SELECT u.manifest_id, m.digest, r.name
        FROM undeletion u
        JOIN manifest m ON m.id = u.manifest_id
        JOIN repository r ON r.id = u.repository_id
        """
    private static let present: StaticString = "SELECT 1 FROM manifest WHERE id = ? AND deleted_at IS NULL"
    private static let undistributed: StaticString = """
        SELECT m.id, min(b.state, 2)
        FROM manifest m
        JOIN manifest_reference e ON m.id = e.manifest_id
        JOIN blob b ON b.id = e.blob_id
        WHERE m.digest = ? AND b.digest = ?
        """
    private static let remains: StaticString = """
        SELECT
            (SELECT count(*) FROM manifest WHERE digest = ?)
            + (SELECT count(*) FROM repository_blob WHERE blob_id = (SELECT id FROM blob WHERE digest = ?))
            + (SELECT count(*) FROM blob WHERE digest = ? AND state < 2)
            + (SELECT count(*) FROM blob_staging WHERE digest = ?)
            + (SELECT count(*) FROM tag_history WHERE old_digest = ? OR new_digest = ?)
        """
    private static let settledContent: StaticString = """
        SELECT b.digest
        FROM blob b
        WHERE b.state < 2 AND b.damaged = 0
            AND NOT EXISTS (SELECT 1 FROM blob_staging s WHERE s.digest = b.digest)
        """
}

/// `@unchecked`: the stage lets one task run at a time.
private final class Meanwhile: @unchecked Sendable {
    var works: [@Sendable () async -> Void] = []
}

extension World {
    /// What is looked at beyond what was acknowledged.
    enum Rest { case collecting, restoring }

    /// Everything comes to rest: what was acknowledged is whole; what was deleted comes back (G5), or what nothing keeps is
    /// gone, and both survive another round (G6, G7).
    func rest(_ rest: Rest?) async throws {
        await settle()
        try await checkAcknowledged()
        if rest != nil { try checkMemory() }
        switch rest {
        case .restoring where losses.isEmpty: try await restoreAll()
        case .collecting where losses.isEmpty: try await collectAll()
        default: return
        }
    }

    func checkAcknowledged() async throws {
        try check()
        for (key, _) in memory.acknowledged {
            let (digest, name) = (digest(key.number), Self.repositories[key.repository])
            let isHere = try await catalog.manifest(digest, in: name) != nil
            if !isHere, memory.mustBeHere(key) { lose("an acknowledged manifest is gone: \(key.number)") }
            if isHere, memory.mustBeGone(key) { lose("a deleted manifest is here again: \(key.number)") }
            if memory.mustBeTagged(key), let tag = try? Tag("t\(key.number)"),
                try await catalog.manifest(tag, in: name)?.digest != digest
            {
                lose("an acknowledged tag is gone: \(key.number)")
            }
        }
        for row in try database.rows(Self.edges) {
            let number = Document.number(try row.digest(0))
            let all = Document.references(of: number).count + Document.undistributed(of: number).count
            if try row.integer(1) != Int64(all) { lose("a manifest has lost edges") }
        }
        try checkCounts()
    }

    private func checkCounts() throws {
        guard let counts = try database.rows(Self.counts).first else { return }
        if try counts.integer(0) > 0 { lose("content does not settle") }
        if try counts.integer(1) > 0 { lose("a repository's manifests are counted wrong") }
        if try counts.integer(2) > 0 { lose("a tag points to a deleted manifest") }
    }

    /// Memory says nothing that the catalog does not (C4).
    private func checkMemory() throws {
        for (index, name) in Self.repositories.enumerated() {
            for number in Document.all {
                let digest = digest(number)
                if catalog.cachedManifest(digest, in: name) != nil,
                    try database.rows(Self.shown, [.text(name.text), .digest(digest)]).isEmpty
                {
                    lose("a manifest is here from memory alone: \(number) in \(index)")
                }
                if catalog.cachedBlob(digest, in: name) != nil,
                    try database.rows(Self.readable, [.text(name.text), .digest(digest)]).isEmpty
                {
                    lose("content is here from memory alone: \(number) in \(index)")
                }
            }
        }
    }

    /// Whatever people have deleted within the window and nobody has purged is asked back.
    private func restoreAll() async throws {
        for key in memory.deleted.keys.sorted(by: { ($0.number, $0.repository) < ($1.number, $1.repository) }) {
            let name = Self.repositories[key.repository]
            guard memory.mustComeBack(key, at: clock.sinceBoot(), terms),
                try await catalog.manifest(digest(key.number), in: name) == nil
            else { continue }
            await undelete(key)
        }
        for (repository, deletion) in memory.deletedRepositories.sorted(by: { $0.key < $1.key })
        where memory.isOnlyDeletion(deletion.index) && clock.sinceBoot() - deletion.clock < terms.window {
            for target in [repository, 2] where try await !catalog.hasRepository(Self.repositories[target]) {
                await undeleteRepository(repository, as: target)
                break
            }
        }
        try await checkAcknowledged()
    }

    private func collectAll() async throws {
        try await catalog.finishDetaching()
        try await purger.finishAll()
        if setting.hasRepositories || setting.hasRestores { await collect([.patrol]) }
        clock.pass(terms.window + 2 * terms.longestUpload + 1)
        await round()
        await round()
        try check()
        guard let garbage = try database.rows(Self.garbage).first else { return }
        if try garbage.integer(0) > 0 { lose("a manifest is kept for ever") }
        if try garbage.integer(1) > 0 { lose("a deleted link is kept for ever") }
        if try garbage.integer(2) > 0 { lose("content is kept for ever") }
        if try garbage.integer(3) > 0 { lose("a purge is never finished") }
        if try garbage.integer(4) > 0 { lose("a restoration is never finished") }
        if try garbage.integer(5) > 0 { lose("a repository is kept for ever") }
        let (all, whole) = try (
            database.rows(Self.contents, [.integer(1)]), database.rows(Self.contents, [.integer(0)])
        )
        if try !store.texts.isSubset(of: all.map { try $0.text(0) }) { lose("a file is kept for ever") }
        if try !store.texts.isSuperset(of: whole.map { try $0.text(0) }) { lose("a row has no file") }
    }

    private static let counts: StaticString = """
        SELECT
            (SELECT count(*) FROM blob_staging),
            (SELECT count(*)
             FROM repository r
             WHERE (r.deleted_at IS NULL OR r.deleted_by IS NOT NULL) AND r.manifests <> (
                SELECT count(*) FROM manifest m WHERE m.repository_id = r.id AND m.deleted_at IS NULL)),
            (SELECT count(*) FROM tag t JOIN manifest m ON m.id = t.manifest_id WHERE m.deleted_at IS NOT NULL)
        """
    private static let shown: StaticString = """
        SELECT 1
        FROM manifest m
        JOIN repository r ON r.id = m.repository_id
        WHERE r.name = ? AND m.digest = ? AND m.deleted_at IS NULL
        """
    private static let readable: StaticString = """
        SELECT 1
        FROM repository_blob l
        JOIN repository r ON r.id = l.repository_id
        JOIN blob b ON b.id = l.blob_id
        WHERE r.name = ? AND b.digest = ? AND l.deleted_at IS NULL AND coalesce(l.leased_at, 0) >= 0
            AND b.state = 0 AND b.damaged = 0
        """
    /// What is damaged waits for its bytes as long as something names it.
    private static let contents: StaticString = "SELECT digest FROM blob WHERE damaged <= ? AND state < 3"
    private static let edges: StaticString = """
        SELECT m.digest, (SELECT count(*) FROM manifest_reference e WHERE e.manifest_id = m.id)
        FROM manifest m
        JOIN repository r ON r.id = m.repository_id
        WHERE m.deleted_at IS NULL AND (r.deleted_at IS NULL OR r.deleted_by IS NOT NULL)
        """
    private static let garbage: StaticString = """
        SELECT
            (SELECT count(*) FROM manifest WHERE deleted_at IS NOT NULL),
            (SELECT count(*)
             FROM repository_blob l
             WHERE l.deleted_at IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM manifest_reference e
                WHERE e.repository_id = l.repository_id AND e.blob_id = l.blob_id)),
            (SELECT count(*)
             FROM blob b
             WHERE NOT EXISTS (SELECT 1 FROM manifest m WHERE m.digest = b.digest)
                AND NOT EXISTS (SELECT 1 FROM manifest_reference e WHERE e.blob_id = b.id)),
            (SELECT count(*) FROM purge WHERE is_done = 0),
            (SELECT count(*) FROM undeletion),
            (SELECT count(*) FROM repository WHERE deleted_at IS NOT NULL)
        """
}
