import BerthModel

// What people have deleted and whose window is over loses its rows here: links, manifests, whole repositories. Each step
// is one bounded closure as all of the collector's are; content that nothing holds any more is doomed with its last link.

extension Catalog {
    /// Purges links that were hidden and whose window is over. A link that manifests of its repository need stays, hidden:
    /// it comes back with them.
    package func purgeLinks(after cursor: LinkCursor?) async throws(CatalogError) -> LinkCursor? {
        try await collect { collecting, changes throws(CatalogError) in
            if collecting.isFirstLease { return nil }
            let rows = try collecting.transaction.rows(
                """
                SELECT l.repository_id, r.name, l.blob_id, b.digest, l.kind, l.leased_at, l.deleted_at
                FROM repository_blob l
                JOIN repository r ON r.id = l.repository_id
                JOIN blob b ON b.id = l.blob_id
                WHERE l.deleted_at <= ?
                    AND (l.deleted_at, l.repository_id, l.blob_id, l.kind) > (?, ?, ?, ?)
                ORDER BY l.deleted_at, l.repository_id, l.blob_id, l.kind
                LIMIT ?
                """,
                [.integer(collecting.windowLimit)] + (cursor ?? .start).values
                    + [.integer(Int64(Self.linksPerClosure))])
            var last: LinkCursor?
            for row in rows {
                let link = try LinkRow(row)
                last = link.cursor(try row.integer(6))
                if try collecting.isNeededDeleted(link) { continue }
                _ = try collecting.drop(link, &changes)
            }
            return rows.count == Self.linksPerClosure ? last : nil
        }
    }

    /// Purges manifests whose window is over, parents before what they list, edges first. From its first edge on nothing
    /// but a new push brings one back. What somebody may still rely on is passed over (G2).
    package func purgeManifests(after cursor: ManifestCursor?) async throws(CatalogError) -> ManifestCursor? {
        try await collect { [self] collecting, changes throws(CatalogError) in
            var left = Int64(settings.rowsPerClosure)
            var last = cursor ?? .start
            let rows = try collecting.transaction.rows(
                """
                SELECT m.id, m.repository_id, r.name, m.deleted_with, m.deleted_at, m.detach_position, m.depth
                FROM manifest m
                JOIN repository r ON r.id = m.repository_id
                WHERE m.deleted_at <= ? AND (m.deleted_at, (-m.depth), m.id) > (?, ?, ?)
                ORDER BY m.deleted_at, (-m.depth), m.id
                LIMIT ?
                """,
                [.integer(collecting.windowLimit)] + last.values + [.integer(Int64(Self.linksPerClosure))])
            for row in rows {
                guard left > 0 else { return last }
                left -= 4
                let manifest = try DeletedManifest(row)
                if try collecting.mayBePurged(manifest) {
                    left -= try collecting.purge(manifest, atMost: max(1, left))
                    // What has edges left is the first of the next part.
                    if left <= 0 { return last }
                }
                last = ManifestCursor(time: manifest.deletedAt, depth: manifest.depth, id: manifest.id)
            }
            return rows.count == Self.linksPerClosure ? last : nil
        }
    }

    /// Purges repositories whose window is over, with all that they hold. False: no more can be done now.
    package func purgeRepositories() async throws(CatalogError) -> Bool {
        try await collect { [self] collecting, changes throws(CatalogError) in
            if collecting.isFirstLease { return false }
            guard
                let row = try collecting.transaction.row(
                    """
                    SELECT id
                    FROM repository
                    WHERE deleted_at <= ?
                    ORDER BY deleted_at, id
                    LIMIT 1
                    """, [.integer(collecting.windowLimit)])
            else { return false }
            return try collecting.purge(
                repository: try row.integer(0), atMost: Int64(settings.rowsPerClosure), &changes)
        }
    }
}

extension Collecting {
    fileprivate func mayBePurged(_ manifest: DeletedManifest) throws(CatalogError) -> Bool {
        if manifest.isDetaching, guards.contains(.detaching) { return false }
        // A purge that has begun is finished.
        guard let deletion = manifest.deletedWith else { return true }
        if guards.contains(.restoring), try isBeingRestored(in: manifest.repositoryID) { return false }
        if deletion != manifest.id,
            try isStillPromised(hiddenAt: manifest.deletedAt, in: manifest.repository)
        {
            return false
        }
        guard guards.contains(.parentsFirst) else { return true }
        return try !transaction.exists(
            """
            SELECT 1
            FROM manifest m
            JOIN blob b ON b.digest = m.digest
            JOIN manifest_reference e ON e.blob_id = b.id AND e.repository_id = m.repository_id AND e.role = 2
            JOIN manifest p ON p.id = e.manifest_id
            WHERE m.id = ? AND p.deleted_at <= m.deleted_at AND p.deleted_with IS NOT NULL
            LIMIT 1
            """, [.integer(manifest.id)])
    }

    /// One bounded part of a purge; how many rows it took. At least `limit` where there is more.
    fileprivate func purge(_ manifest: DeletedManifest, atMost limit: Int64) throws(CatalogError) -> Int64 {
        if manifest.deletedWith != nil, guards.contains(.begun) {
            // Nothing but a push, which writes all edges anew, brings it back from here on.
            try transaction.execute("UPDATE manifest SET deleted_with = NULL WHERE id = ?", [.integer(manifest.id)])
        }
        return try purge(manifest.id, in: manifest.repositoryID, atMost: limit)
    }

    /// The same of any manifest; its tags are gone. Once it has begun nothing may show it.
    func purge(_ manifest: Int64, in repository: Int64, atMost limit: Int64) throws(CatalogError) -> Int64 {
        let count = max(1, limit / 4)
        let edges = try transaction.rows(
            """
            SELECT e.position, b.digest
            FROM manifest_reference e
            JOIN blob b ON b.id = e.blob_id
            WHERE e.manifest_id = ?
            ORDER BY e.position
            LIMIT ?
            """, [.integer(manifest), .integer(count)])
        for edge in edges {
            try transaction.execute(
                "DELETE FROM manifest_reference WHERE manifest_id = ? AND position = ?",
                [.integer(manifest), .integer(try edge.integer(0))])
            try release(try edge.digest(1), in: repository)
        }
        guard edges.count < count else { return max(limit, Int64(edges.count) * 4) }
        try transaction.execute("DELETE FROM manifest WHERE id = ?", [.integer(manifest)])
        return Int64(edges.count) * 4 + 2
    }

    /// One bounded part of a purge. Deleting a repository has made sure that nothing brings it back once it has begun.
    /// False: what is left of it has not settled, and waits for another round.
    fileprivate func purge(
        repository: Int64, atMost rows: Int64, _ changes: inout Changes
    ) throws(CatalogError) -> Bool {
        let count = SQLValue.integer(Int64(Catalog.linksPerClosure))
        let id = SQLValue.integer(repository)
        // From here on it cannot be undeleted: its window is over for good.
        try transaction.execute("UPDATE repository SET deleted_by = NULL WHERE id = ?", [id])
        let tags = try transaction.execute(
            """
            DELETE FROM tag
            WHERE repository_id = ? AND name IN (SELECT name FROM tag WHERE repository_id = ? ORDER BY name LIMIT ?)
            """, [id, id, count])
        if tags > 0 { return true }
        var left = rows
        while left > 0 {
            guard let manifest = try transaction.row("SELECT id FROM manifest WHERE repository_id = ? LIMIT 1", [id])
            else { break }
            left -= try purge(try manifest.integer(0), in: repository, atMost: left)
        }
        if left < rows { return true }
        let history = try transaction.execute(
            "DELETE FROM tag_history WHERE id IN (SELECT id FROM tag_history WHERE repository_id = ? LIMIT ?)",
            [id, count])
        if history > 0 { return true }
        let links = try transaction.rows(
            """
            SELECT l.repository_id, r.name, l.blob_id, b.digest, l.kind, l.leased_at
            FROM repository_blob l
            JOIN repository r ON r.id = l.repository_id
            JOIN blob b ON b.id = l.blob_id
            WHERE l.repository_id = ?
                AND (b.damaged = 1 OR NOT EXISTS (SELECT 1 FROM blob_staging s WHERE s.digest = b.digest))
            ORDER BY l.blob_id, l.kind
            LIMIT ?
            """, [id, count])
        for row in links { _ = try drop(LinkRow(row), &changes) }
        guard links.isEmpty else { return true }
        let isStuck = try transaction.exists("SELECT 1 FROM repository_blob WHERE repository_id = ? LIMIT 1", [id])
        if isStuck {
            // What has not settled keeps its link for a moment. In the next round others come first.
            try transaction.execute(
                "UPDATE repository SET deleted_at = ? WHERE id = ?", [.integer(windowLimit), id])
            return false
        }
        try transaction.execute("DELETE FROM repository WHERE id = ?", [id])
        return true
    }
}
