import BerthModel

extension Catalog {
    /// Brings back a hidden manifest whole: what it lists, what refers to it, and the links of its content (G5). Where
    /// there is much, what is below comes first, so that nothing is seen in part. False: it is gone, or its purge has
    /// begun.
    func restore(
        _ id: Int64, in repository: RepositoryName, by principal: Principal
    ) async throws(CatalogError) -> Bool {
        var restoration = Restoration(.manifest(id))
        try await run(&restoration, in: repository, by: principal)
        return !restoration.isTorn
    }

    func run(
        _ restoration: inout Restoration, in repository: RepositoryName, by principal: Principal
    ) async throws(CatalogError) {
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
}

/// What is still to come back, and what has. A value, for a closure may be run again.
struct Restoration: Sendable {
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

    init(_ tasks: Task...) { self.tasks = tasks }

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
        guard let home = try transaction.repositoryID(repository) else {
            restoration.isTorn = true
            return
        }
        while left > 0, let task = restoration.tasks.last, !restoration.isTorn, !restoration.waits {
            left -= Self.rowsEach
            switch task {
            case .manifest(let id): try bring(id, in: home, &changes)
            case .referrers(let id, let since): try findReferrers(of: id, since: since, in: home)
            case .group(let id): try findGroup(of: id)
            case .tags(let id): try bringTags(of: id, in: home, &changes)
            }
        }
    }

    private mutating func bring(_ id: Int64, in home: Int64, _ changes: inout Changes) throws(CatalogError) {
        guard
            let row = try transaction.row(
                "SELECT digest, deleted_at, deleted_with, detach_position FROM manifest WHERE id = ?",
                [.integer(id)])
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
            JOIN manifest m ON m.digest = e.digest AND m.repository_id = e.repository_id
            WHERE e.manifest_id = ? AND e.role = 2 AND m.deleted_at >= ?
            LIMIT ?
            """, [.integer(id), .integer(hiddenAt), limit])
        guard entries.isEmpty else {
            left -= entries.count
            for entry in entries { restoration.tasks.append(.manifest(try entry.integer(0))) }
            return
        }
        guard try bringLinks(of: id, in: home, &changes) else { return }
        let digest = try row.digest(0)
        try transaction.show(manifest: id, digest, in: home)
        try transaction.tell(.pushed, repository, digest, tag: nil, by: principal, at: now)
        changes.manifests.append(.init(repository: repository, digest: digest))
        changes.links.append(.init(repository: repository, digest: digest))
        restoration.manifests += 1
        restoration.tasks.removeLast()
        restoration.tasks.append(.referrers(id, since: hiddenAt))
    }

    /// Shows the links that people have deleted meanwhile; none is made, for a digest is no permission. False: there are
    /// more.
    private mutating func bringLinks(
        of id: Int64, in home: Int64, _ changes: inout Changes
    ) throws(CatalogError) -> Bool {
        let limit = max(1, left / Self.rowsEach)
        let rows = try transaction.rows(
            """
            SELECT DISTINCT l.digest
            FROM manifest_reference e
            JOIN repository_blob l ON l.repository_id = e.repository_id AND l.digest = e.digest AND l.kind = 0
            WHERE e.manifest_id = ? AND l.deleted_at IS NOT NULL AND l.deleted_by IS NOT NULL
            LIMIT ?
            """, [.integer(id), .integer(Int64(limit))])
        var digests: [Digest] = []
        for row in rows { digests.append(try row.digest(0)) }
        try transaction.lock(blobs: digests)
        for digest in digests {
            try transaction.execute(
                """
                UPDATE repository_blob
                SET deleted_at = NULL, deleted_by = NULL
                WHERE repository_id = ? AND digest = ? AND kind = 0
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
                [.integer(id), .integer(id), .integer(collecting.windowLimit), limit]))
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
            SELECT h.id, h.tag, m.id, m.digest
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
