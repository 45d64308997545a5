package import BerthModel

// The collector's steps on the catalog. Each is one bounded closure that may be repeated (C6, G7); the answer says where
// the next one goes on, and nil that there is nothing more for now. Files are removed between `sweep` and `forget`.

extension Catalog {
    /// Links that one closure looks at. Each takes about eight statements, and a commit with them is to last no longer
    /// than others (C5).
    static let linksPerClosure = 48

    /// The first half of letting a link go: its lease has run out and no manifest of its repository needs it. It fades:
    /// from here on whoever asks for it has to take it back in a transaction (`revive`).
    package func fade(after cursor: LinkCursor?) async throws(CatalogError) -> LinkCursor? {
        try await collect { collecting, changes throws(CatalogError) in
            if collecting.isFirstLease { return nil }
            let rows = try collecting.transaction.rows(
                """
                SELECT l.repository_id, r.name, l.blob_id, b.digest, l.kind, l.leased_at, l.deleted_at
                FROM repository_blob l
                JOIN repository r ON r.id = l.repository_id
                JOIN blob b ON b.id = l.blob_id
                WHERE l.leased_at <= ? AND (l.leased_at, l.repository_id, l.blob_id, l.kind) > (?, ?, ?, ?)
                ORDER BY l.leased_at, l.repository_id, l.blob_id, l.kind
                LIMIT ?
                """,
                [.integer(collecting.leaseLimit)] + (cursor ?? .start(at: LeaseMark.over)).values
                    + [.integer(Int64(Self.linksPerClosure))])
            var last: LinkCursor?
            for row in rows {
                let link = try LinkRow(row)
                last = link.cursor(link.leasedAt ?? 0)
                try collecting.transaction.lock(blobs: [link.digest])
                let isKept = try row.isNull(6) ? collecting.isNeeded(link) : true
                if isKept {
                    // A lease that an upload draws out is still good when what needs the link goes.
                    if let began = link.leasedAt, began > LeaseMark.over,
                        try collecting.isDrawnOut(since: began, in: link.repository)
                    {
                        continue
                    }
                    try collecting.set(.null, link, &changes)
                } else if try collecting.keptSince(link) == nil {
                    try collecting.set(.integer(LeaseMark.fading), link, &changes)
                    if !collecting.guards.contains(.fading) { _ = try collecting.drop(link, &changes) }
                }
            }
            return rows.count == Self.linksPerClosure ? last : nil
        }
    }

    /// The second half: a link that has faded and that nobody has taken back goes; content without any link or edge is
    /// doomed with its last one.
    package func unlink(after cursor: LinkCursor?) async throws(CatalogError) -> LinkCursor? {
        try await collect { collecting, changes throws(CatalogError) in
            if collecting.isFirstLease { return nil }
            let rows = try collecting.transaction.rows(
                """
                SELECT l.repository_id, r.name, l.blob_id, b.digest, l.kind, l.leased_at
                FROM repository_blob l
                JOIN repository r ON r.id = l.repository_id
                JOIN blob b ON b.id = l.blob_id
                WHERE l.leased_at < 0 AND (l.leased_at, l.repository_id, l.blob_id, l.kind) > (?, ?, ?, ?)
                ORDER BY l.leased_at, l.repository_id, l.blob_id, l.kind
                LIMIT ?
                """,
                (cursor ?? .start).values + [.integer(Int64(Self.linksPerClosure))])
            var last: LinkCursor?
            for row in rows {
                let link = try LinkRow(row)
                last = link.cursor(LeaseMark.fading)
                try collecting.transaction.lock(blobs: [link.digest])
                if try collecting.isNeeded(link) {
                    try collecting.set(.null, link, &changes)
                } else if let since = try collecting.keptSince(link) {
                    try collecting.set(.integer(since), link, &changes)
                } else {
                    _ = try collecting.drop(link, &changes)
                }
            }
            return rows.count == Self.linksPerClosure ? last : nil
        }
    }

    /// Lets doomed content become sweeping, in another transaction than the one that doomed it and after the same
    /// questions (G4); what is held after all lives on. False: nothing is doomed any more.
    package func sweep() async throws(CatalogError) -> Bool {
        try await collect { [self] collecting, changes throws(CatalogError) in
            if collecting.isFirstLease || collecting.holdsAll(until: keepsContentUntil) { return false }
            let rows = try collecting.transaction.rows(
                "SELECT digest FROM blob WHERE state = 1 AND state > 0 ORDER BY digest LIMIT ?",
                [.integer(Int64(Self.linksPerClosure))])
            for row in rows {
                let digest = try row.digest(0)
                try collecting.transaction.lock(blobs: [digest])
                let isHeld = try collecting.isHeldAfterAll(digest)
                try collecting.transaction.execute(
                    "UPDATE blob SET state = ? WHERE digest = ?", [.integer(isHeld ? 0 : 2), .digest(digest)])
                changes.content.append(digest)
            }
            return rows.count == Self.linksPerClosure
        }
    }

    /// Content whose file may be removed, in the order of its digests. After a crash as well: a start goes on here.
    package func sweeping(after last: Digest?, limit: Int) async throws(CatalogError) -> [Digest] {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows(
                """
                SELECT digest
                FROM blob
                WHERE state = 2 AND state > 0 AND digest > ?
                ORDER BY digest
                LIMIT ?
                """,
                [.text(last?.text ?? ""), .integer(Int64(limit))]
            ).map { row throws(CatalogError) in try row.digest(0) }
        }
    }

    /// Which of `digests` still are sweeping, without an upload that brought their bytes anew (G3). To be asked while
    /// nobody can give the file its name.
    package func stillSweeping(_ digests: [Digest]) async throws(CatalogError) -> Set<Digest> {
        guard settings.guards.contains(.file) else { return Set(digests) }
        return try await database.read { transaction throws(CatalogError) in
            var found: Set<Digest> = []
            for digest in digests {
                let isSweeping = try transaction.exists(
                    """
                    SELECT 1
                    FROM blob b
                    WHERE b.digest = ? AND b.state = 2
                        AND NOT EXISTS (SELECT 1 FROM blob_staging s WHERE s.digest = b.digest)
                    """, [.digest(digest)])
                if isSweeping { found.insert(digest) }
            }
            return found
        }
    }

    /// Forgets swept content whose file is gone. How many rows that were, and how many bytes.
    package func forget(_ digests: [Digest]) async throws(CatalogError) -> (count: Int, bytes: Int64) {
        var freed: (count: Int, bytes: Int64) = (0, 0)
        var rest = digests[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(Self.linksPerClosure))
            rest = rest.dropFirst(part.count)
            let sizes = try await collect { collecting, changes throws(CatalogError) in
                var sizes: [Int64] = []
                for digest in part {
                    if let size = try collecting.forget(digest, &changes) { sizes.append(size) }
                }
                return sizes
            }
            freed.count += sizes.count
            freed.bytes += sizes.reduce(0, +)
        }
        return freed
    }

    /// Writes promises that memory has no room for any more into their links; those of manifests that went along with
    /// others as well, for they come back with a push that names them.
    func store(_ promises: [Leases.Key: Int64]) async throws(CatalogError) {
        var rest = Array(promises)[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(Self.rowsPerClosure / 2))
            rest = rest.dropFirst(part.count)
            try await write(.background) { transaction, changes throws(CatalogError) in
                for (key, at) in part {
                    try transaction.lock(blobs: [key.digest])
                    try transaction.execute(
                        """
                        UPDATE repository_blob
                        SET leased_at = ?
                        WHERE repository_id = (SELECT id FROM repository WHERE name = ?)
                            AND blob_id = (SELECT id FROM blob WHERE digest = ?)
                            AND (deleted_at IS NULL OR kind = 1) AND (leased_at IS NULL OR leased_at < ?)
                        """,
                        [.integer(at), .text(key.repository.text), .digest(key.digest), .integer(at)])
                    changes.links.append(.init(repository: key.repository, digest: key.digest))
                }
            }
        }
    }

    /// Whether nothing may be let go yet, for the first lease since the start has not run out (G4).
    package func isFirstLease() -> Bool { time.now() - startedAt < settings.terms.lease }

    /// Forgets which uploads ended so long ago that they draw out no lease.
    package func forgetOldUploads() { leases.forgetUploads(before: time.now() - settings.terms.lease) }

    func collect<Value: Sendable>(
        _ body: @escaping @Sendable (Collecting, inout Changes) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        try await write(.background) { [self] transaction, changes throws(CatalogError) in
            try body(collecting(transaction), &changes)
        }
    }

    func collecting(_ transaction: any SQLTransaction) -> Collecting {
        Collecting(
            transaction: transaction, now: time.now(), startedAt: startedAt, terms: settings.terms, leases: leases,
            guards: settings.guards)
    }
}

extension Collecting {
    fileprivate func forget(_ digest: Digest, _ changes: inout Changes) throws(CatalogError) -> Int64? {
        try transaction.lock(blobs: [digest])
        if guards.contains(.row) {
            let isGone = try transaction.exists(
                """
                SELECT 1
                FROM blob b
                WHERE b.digest = ? AND b.state = 2
                    AND NOT EXISTS (SELECT 1 FROM blob_staging s WHERE s.digest = b.digest)
                """, [.digest(digest)])
            guard isGone else { return nil }
        }
        return try transaction.removeBlob(digest, &changes)
    }
}
