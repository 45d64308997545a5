import BerthModel
import Synchronization

extension Catalog {
    /// Brings back a hidden manifest whole: what it lists, what refers to it, and the links of its content (G5). Where
    /// there is much, what is below comes first, so that nothing is seen in part. False: it is gone, or its purge has
    /// begun.
    func restore(
        _ id: Int64, in repository: RepositoryName, by principal: Principal
    ) async throws(CatalogError) -> Bool {
        var restoration = Restoration(of: id, .along)
        try await run(&restoration, in: repository, by: principal)
        return !restoration.isTorn
    }

    func run(
        _ restoration: inout Restoration, in repository: RepositoryName, by principal: Principal
    ) async throws(CatalogError) {
        let head = restoration.head
        restorationsUnderWay.withLock { $0[head, default: 0] += 1 }
        defer {
            restorationsUnderWay.withLock { heads in
                let left = heads[head, default: 1] - 1
                heads[head] = left > 0 ? left : nil
            }
        }
        while !restoration.isDone {
            let before = restoration
            restoration = try await write(.background) { [self] transaction, changes throws(CatalogError) in
                var restoring = Restoring(
                    transaction: transaction, repository: repository, principal: principal, now: clock.wall(),
                    collecting: collecting(transaction), restoration: before, left: settings.rowsPerClosure)
                try restoring.run(&changes)
                return restoring.restoration
            }
            if restoration.waits {
                try await finishDetaching()
                restoration.waits = false
            }
        }
    }

    /// Goes on with restorations that a crash or a failure has left half done (G7).
    package func finishRestoring() async throws(CatalogError) {
        var last: Int64 = 0
        while true {
            let next = try await database.read { [last] transaction throws(CatalogError) in
                try transaction.row(
                    """
                    SELECT t.manifest_id, t.is_whole, t.principal, r.name, r.deleted_at, t.repository_id
                    FROM undeletion t
                    JOIN repository r ON r.id = t.repository_id
                    WHERE t.manifest_id > ?
                    ORDER BY t.manifest_id
                    LIMIT 1
                    """, [.integer(last)]
                ).map { row throws(CatalogError) in
                    (
                        restoration: Restoration(of: try row.integer(0), try row.bool(1) ? .whole : .along),
                        principal: try row.principal(2),
                        repository: row.isNull(4) ? try row.repository(3) : nil, home: try row.integer(5)
                    )
                }
            }
            guard let next else { return }
            last = next.restoration.head
            guard restorationsUnderWay.withLock({ $0[last] }) == nil else { continue }
            if let repository = next.repository {
                var restoration = next.restoration
                (restoration.home, restoration.isNoted) = (next.home, true)
                try await run(&restoration, in: repository, by: next.principal)
            } else {
                // Its repository has gone meanwhile, and comes back as it is.
                try await write { [last] transaction, _ throws(CatalogError) in
                    _ = try transaction.execute("DELETE FROM undeletion WHERE manifest_id = ?", [.integer(last)])
                }
            }
        }
    }
}

/// What is still to come back, and what has. A value, for a closure may be run again.
struct Restoration: Sendable {
    enum Extent: Sendable {
        /// What a person has deleted: with its tags, all that went with it, and the links that people have deleted before.
        case whole
        /// What went along with something else, and what is below it; links that people have deleted since it went.
        case along
    }
    /// What went before these times went with a deletion whose window is over.
    struct Limits: Sendable {
        let registry: Int64
        /// All that is known of when a tag went.
        let wall: Int64

        /// All of it went with the deletion that is taken back: a restoration that begins within its window ends whole,
        /// however long it takes, or the registry stands still meanwhile.
        static let none = Limits(registry: .min, wall: .min)
    }
    let head: Int64
    let extent: Extent
    let limits: Limits
    /// Where it is, once that has been looked up: its name may be another repository's later.
    fileprivate(set) var home: Int64?
    /// It has a row, by which a start or the collector goes on with it.
    fileprivate(set) var isNoted = false
    enum Task: Hashable, Sendable {
        /// A hidden manifest, after what it lists.
        case manifest(Int64)
        /// What referred to a manifest when it was hidden at that time, and went with it.
        case referrers(Int64, since: Int64)
        /// All that went with a manifest that is here again.
        case group(Int64)
        /// The tags that it had.
        case tags(Int64)
    }
    /// The last one is next.
    fileprivate(set) var tasks: [Task]
    fileprivate(set) var manifests = 0
    fileprivate(set) var tags: [Tag] = []
    fileprivate(set) var skipped: [Tag] = []
    /// Something that has to come back cannot any more.
    fileprivate(set) var isTorn = false
    /// Something is being deleted at this moment.
    fileprivate(set) var waits = false

    init(of head: Int64, _ extent: Extent, _ limits: Limits = .none) {
        (self.head, self.extent, self.limits) = (head, extent, limits)
        tasks = extent == .whole ? [.tags(head), .group(head), .manifest(head)] : [.manifest(head)]
    }

    var isDone: Bool { tasks.isEmpty || isTorn }
}

/// A bounded part of a restoration (C6).
private struct Restoring {
    let transaction: any SQLTransaction
    let repository: RepositoryName
    let principal: Principal
    let now: Int64
    let collecting: Collecting
    var restoration: Restoration
    /// Rows that may still be touched.
    var left: Int

    /// Rows that one manifest, link or tag costs at most, indexes apart.
    private static let rowsEach = 8
    private var limit: SQLValue { .integer(Int64(max(1, left / Self.rowsEach))) }

    mutating func run(_ changes: inout Changes) throws(CatalogError) {
        if let home = try transaction.repositoryID(repository), restoration.home == nil || restoration.home == home {
            restoration.home = home
            try runTasks(in: home, &changes)
        } else {
            restoration.isTorn = true
        }
        try note()
    }

    /// More than one part has a row while it lasts: nothing hidden in its repository is purged meanwhile, and whoever comes
    /// after a crash goes on.
    private mutating func note() throws(CatalogError) {
        let head = SQLValue.integer(restoration.head)
        if restoration.isDone {
            guard restoration.isNoted else { return }
            try transaction.execute("DELETE FROM undeletion WHERE manifest_id = ?", [head])
        } else if !restoration.isNoted, let home = restoration.home {
            try transaction.execute(
                """
                INSERT INTO undeletion (manifest_id, repository_id, is_whole, principal)
                VALUES (?, ?, ?, ?)
                ON CONFLICT (manifest_id) DO NOTHING
                """,
                [head, .integer(home), .bool(restoration.extent == .whole), .text(principal.text)])
            restoration.isNoted = true
        }
    }

    private mutating func runTasks(in home: Int64, _ changes: inout Changes) throws(CatalogError) {
        while left > 0, let task = restoration.tasks.last, !restoration.isTorn, !restoration.waits {
            left -= Self.rowsEach
            switch task {
            case .manifest(let id): try bring(id, in: home, &changes)
            case .referrers(let id, let since):
                // Somebody may have deleted it again between two parts: what goes with it then stays gone.
                if try isHere(id) { try findReferrers(of: id, since: since, in: home) } else { drop() }
            case .group(let id):
                if try isHere(id) { try findGroup(of: id) } else { restoration.isTorn = true }
            case .tags(let id):
                if try isHere(id) { try bringTags(of: id, in: home, &changes) } else { restoration.isTorn = true }
            }
        }
    }

    private func isHere(_ id: Int64) throws(CatalogError) -> Bool {
        try transaction.exists("SELECT 1 FROM manifest WHERE id = ? AND deleted_at IS NULL", [.integer(id)])
    }

    private mutating func drop() { restoration.tasks.removeLast() }

    private mutating func bring(_ id: Int64, in home: Int64, _ changes: inout Changes) throws(CatalogError) {
        guard
            let row = try transaction.row(
                """
                SELECT digest, deleted_at, deleted_with, detach_position
                FROM manifest
                WHERE id = ? AND repository_id = ?
                """, [.integer(id), .integer(home)])
        else {
            restoration.isTorn = true
            return
        }
        guard !row.isNull(1) else {
            restoration.tasks.removeLast()
            return
        }
        if row.isNull(2), collecting.guards.contains(.begun) {
            // Edges of it may be gone.
            restoration.isTorn = true
            return
        }
        guard row.isNull(3) else {
            restoration.waits = true
            return
        }
        let hiddenAt = try row.integer(1)
        let entries = try transaction.rows(
            """
            SELECT DISTINCT m.id
            FROM manifest_reference e
            JOIN blob b ON b.id = e.blob_id
            JOIN manifest m ON m.digest = b.digest AND m.repository_id = e.repository_id
            WHERE e.manifest_id = ? AND e.role = 2 AND m.deleted_at >= ?
            LIMIT ?
            """, [.integer(id), .integer(hiddenAt), limit])
        guard entries.isEmpty else {
            left -= entries.count
            for entry in entries { restoration.tasks.append(.manifest(try entry.integer(0))) }
            return
        }
        guard try bringLinks(of: id, hiddenAt: hiddenAt, in: home, &changes) else { return }
        let digest = try row.digest(0)
        try transaction.show(manifest: id, digest, in: home)
        try transaction.tell(.pushed, repository, digest, tag: nil, by: principal, at: now)
        changes.manifests.append(.init(repository: repository, digest: digest))
        changes.links.append(.init(repository: repository, digest: digest))
        restoration.manifests += 1
        restoration.tasks.removeLast()
        restoration.tasks.append(.referrers(id, since: hiddenAt))
    }

    /// Shows links that people have deleted; none is made, for a digest is no permission. A push shows only those that were
    /// deleted since the manifest went, for it was whole then. False: there are more.
    private mutating func bringLinks(
        of id: Int64, hiddenAt: Int64, in home: Int64, _ changes: inout Changes
    ) throws(CatalogError) -> Bool {
        let limit = max(1, left / Self.rowsEach)
        let rows = try transaction.rows(
            """
            SELECT DISTINCT b.digest
            FROM manifest_reference e
            JOIN repository_blob l ON l.repository_id = e.repository_id AND l.blob_id = e.blob_id AND l.kind = 0
            JOIN blob b ON b.id = l.blob_id
            WHERE e.manifest_id = ? AND l.deleted_at >= ? AND l.deleted_by IS NOT NULL
            LIMIT ?
            """,
            [
                .integer(id), .integer(restoration.extent == .whole ? .min : hiddenAt), .integer(Int64(limit)),
            ])
        var digests: [Digest] = []
        for row in rows { digests.append(try row.digest(0)) }
        try transaction.lock(blobs: digests)
        for digest in digests {
            try transaction.execute(
                """
                UPDATE repository_blob
                SET deleted_at = NULL, deleted_by = NULL
                WHERE repository_id = ? AND blob_id = (SELECT id FROM blob WHERE digest = ?) AND kind = 0
                """, [.integer(home), .digest(digest)])
            changes.links.append(.init(repository: repository, digest: digest))
        }
        left -= digests.count * Self.rowsEach
        return digests.count < limit
    }

    private mutating func findReferrers(of id: Int64, since: Int64, in home: Int64) throws(CatalogError) {
        try find(
            try transaction.rows(
                """
                SELECT m.id
                FROM manifest s
                JOIN manifest m ON m.repository_id = s.repository_id AND m.subject = s.digest
                WHERE s.id = ? AND m.repository_id = ? AND m.deleted_at >= ? AND m.deleted_with <> m.id
                LIMIT ?
                """, [.integer(id), .integer(home), .integer(since), limit]))
    }

    private mutating func findGroup(of id: Int64) throws(CatalogError) {
        try find(
            try transaction.rows(
                "SELECT id FROM manifest WHERE deleted_with = ? AND id <> ? AND deleted_at > ? LIMIT ?",
                [.integer(id), .integer(id), .integer(restoration.limits.registry), limit]))
    }

    /// What was found comes next; nothing: on to what is below.
    private mutating func find(_ rows: [SQLRow]) throws(CatalogError) {
        if rows.isEmpty { restoration.tasks.removeLast() }
        left -= rows.count
        for row in rows { restoration.tasks.append(.manifest(try row.integer(0))) }
    }

    /// Tags that have been set since the deletion stay as they are.
    private mutating func bringTags(of id: Int64, in home: Int64, _ changes: inout Changes) throws(CatalogError) {
        let rows = try transaction.rows(
            """
            SELECT h.id, h.tag, m.id, m.digest, h.changed_at
            FROM tag_history h
            LEFT JOIN manifest m
                ON m.digest = h.old_digest AND m.repository_id = h.repository_id AND m.deleted_at IS NULL
            WHERE h.deleted_with = ?
            ORDER BY h.deleted_with, h.id
            LIMIT ?
            """, [.integer(id), limit])
        if rows.isEmpty { restoration.tasks.removeLast() }
        left -= rows.count * Self.rowsEach
        for row in rows {
            // Used up: a later deletion has its own.
            try transaction.execute(
                "UPDATE tag_history SET deleted_with = NULL WHERE id = ?", [.integer(try row.integer(0))])
            // A deletion whose window is over gives nothing back.
            guard try row.integer(4) > restoration.limits.wall else { continue }
            let tag = try row.tag(1)
            guard !row.isNull(2), try transaction.tagRow(tag, in: home) == nil else {
                restoration.skipped.append(tag)
                continue
            }
            let digest = try row.digest(3)
            try transaction.point(tag, to: try row.integer(2), in: home)
            try transaction.remember(tag, in: home, from: nil, to: digest, by: principal, at: now)
            try transaction.tell(.tagged, repository, digest, tag: tag, by: principal, at: now)
            changes.tags.append(.init(repository: repository, tag: tag))
            restoration.tags.append(tag)
        }
    }
}
