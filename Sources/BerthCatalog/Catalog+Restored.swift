package import BerthModel

/// A snapshot that was brought back.
package struct Restored: Hashable, Sendable {
    package let id: Int64
    package let snapshot: String
    /// The last commit of the snapshot, and of the catalog that it replaced.
    package let snapshotSeq: Int64
    package let replacedSeq: Int64
    /// Registry time.
    package let restoredAt: Int64
    /// Microseconds since 1970.
    package let happenedAt: Int64
    package let restorer: String
    /// Whether all content has been looked at since.
    package let isChecked: Bool
    /// Content that had gone by itself, and was forgotten.
    package let cleaned: Int
    /// Content that manifests name and whose file is gone.
    package let lost: Int
}

/// What became of content whose file is not there.
package enum Absence: Hashable, Sendable {
    /// Nothing that people see names it: it has gone by itself, and is forgotten.
    case cleaned
    /// A manifest names it.
    case damaged
    /// It is here after all, or unknown.
    case none
}

extension Catalog {
    /// The last ones first.
    package func restorations(limit: Int) async throws(CatalogError) -> [Restored] {
        try await database.read { transaction throws(CatalogError) in try transaction.restorations(limit: limit) }
    }

    package func lastRestoration() async throws(CatalogError) -> Restored? {
        try await restorations(limit: 1).first
    }

    /// Settles what becomes of content whose file is gone after a restore. What only deleted manifests, or none at all,
    /// named has gone the collector's way after the snapshot: rows and links that speak of it go too, in bounded parts,
    /// and such manifests with them, for they cannot come back whole. Anything else is damage.
    package func settleAbsence(of digest: Digest) async throws(CatalogError) -> Absence {
        while true {
            let step = try await collect { [self] collecting, changes throws(CatalogError) in
                try collecting.settleAbsence(of: digest, atMost: settings.rowsPerClosure, &changes)
            }
            if let step { return step }
        }
    }

    /// All content has been looked at.
    package func finishRestoration(_ id: Int64, cleaned: Int, lost: Int) async throws(CatalogError) {
        _ = try await write { transaction, _ throws(CatalogError) in
            try transaction.execute(
                "UPDATE restoration SET is_checked = 1, cleaned = ?, lost = ? WHERE id = ?",
                [.integer(Int64(cleaned)), .integer(Int64(lost)), .integer(id)])
        }
    }

    /// Finished uploads whose content could not be given its place, for they are at neither of their names.
    package func lostUploads(after last: Digest?, limit: Int) async throws(CatalogError) -> [Digest] {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows(
                """
                SELECT s.digest
                FROM blob_staging s
                JOIN blob b ON b.digest = s.digest
                WHERE s.digest > ? AND s.upload_id IS NOT NULL AND b.damaged = 1
                ORDER BY s.digest
                LIMIT ?
                """, [.text(last?.text ?? ""), .integer(Int64(limit))]
            ).map { row throws(CatalogError) in try row.digest(0) }
        }
    }
}

extension SQLTransaction {
    func lastRestoration() throws(CatalogError) -> Restored? { try restorations(limit: 1).first }

    func restorations(limit: Int) throws(CatalogError) -> [Restored] {
        try rows(
            """
            SELECT id, snapshot, snapshot_seq, replaced_seq, restored_at, happened_at, restored_by, is_checked, cleaned,
                lost
            FROM restoration
            ORDER BY id DESC
            LIMIT ?
            """, [.integer(Int64(max(0, limit)))]
        ).map { row throws(CatalogError) in
            Restored(
                id: try row.integer(0), snapshot: try row.text(1), snapshotSeq: try row.integer(2),
                replacedSeq: try row.integer(3), restoredAt: try row.integer(4), happenedAt: try row.integer(5),
                restorer: try row.text(6), isChecked: try row.bool(7), cleaned: Int(try row.integer(8)),
                lost: Int(try row.integer(9)))
        }
    }
}

extension Collecting {
    /// One bounded part; nil: there is more to do.
    fileprivate func settleAbsence(
        of digest: Digest, atMost limit: Int, _ changes: inout Changes
    ) throws(CatalogError) -> Absence? {
        try transaction.lock(blobs: [digest])
        guard let content = try transaction.content(digest), content.staged != .bytes else { return Absence.none }
        changes.content.append(digest)
        if try isShown(digest) {
            try transaction.execute("UPDATE blob SET damaged = 1 WHERE digest = ?", [.digest(digest)])
            return .damaged
        }
        // What names it is deleted, to the last one.
        if let holder = try holder(of: digest) {
            try forget(manifest: holder.id, in: holder.repository, atMost: limit, &changes)
            return nil
        }
        if let manifest = try transaction.row(
            "SELECT id, repository_id FROM manifest WHERE digest = ? LIMIT 1", [.digest(digest)])
        {
            try forget(
                manifest: try manifest.integer(0), in: try manifest.integer(1), atMost: limit, &changes)
            return nil
        }
        let links = try transaction.rows(
            """
            SELECT l.repository_id, r.name, l.blob_id, b.digest, l.kind, l.leased_at
            FROM blob b
            JOIN repository_blob l ON l.blob_id = b.id
            JOIN repository r ON r.id = l.repository_id
            WHERE b.digest = ?
            LIMIT ?
            """, [.digest(digest), .integer(Int64(Catalog.linksPerClosure))])
        for row in links { try remove(LinkRow(row), &changes) }
        guard links.count < Catalog.linksPerClosure else { return nil }
        try transaction.forgetStaging(of: digest, &changes)
        try transaction.removeBlob(digest, &changes)
        return .cleaned
    }

    /// A manifest that people see names the content, or is it.
    private func isShown(_ digest: Digest) throws(CatalogError) -> Bool {
        if try transaction.exists(
            """
            SELECT 1
            FROM manifest m
            JOIN repository r ON r.id = m.repository_id
            WHERE m.digest = ? AND m.deleted_at IS NULL AND r.deleted_at IS NULL
            LIMIT 1
            """, [.digest(digest)])
        {
            return true
        }
        return try transaction.exists(
            """
            SELECT 1
            FROM blob b
            JOIN manifest_reference e ON e.blob_id = b.id
            JOIN manifest m ON m.id = e.manifest_id
            JOIN repository r ON r.id = m.repository_id
            WHERE b.digest = ? AND m.deleted_at IS NULL AND r.deleted_at IS NULL
            LIMIT 1
            """, [.digest(digest)])
    }

    func remove(_ link: LinkRow, _ changes: inout Changes) throws(CatalogError) {
        try transaction.execute(
            "DELETE FROM repository_blob WHERE repository_id = ? AND blob_id = ? AND kind = ?", link.key)
        changes.links.append(.init(repository: link.repository, digest: link.digest))
    }

    /// One bounded part of the end of a manifest that nobody sees: its tags, then its edges, then its row. True: it is
    /// gone.
    @discardableResult
    func forget(
        manifest id: Int64, in repository: Int64, atMost limit: Int, _ changes: inout Changes
    ) throws(CatalogError) -> Bool {
        // From here on nothing but a push, which writes all edges anew, brings it back.
        let hidden = try transaction.execute(
            "UPDATE manifest SET deleted_at = ?, deleted_by = 'berth' WHERE id = ? AND deleted_at IS NULL",
            [.integer(now), .integer(id)])
        if hidden > 0 { try transaction.countManifests(-1, in: repository) }
        try transaction.execute(
            "UPDATE manifest SET deleted_with = NULL, detach_position = NULL WHERE id = ? AND deleted_with IS NOT NULL",
            [.integer(id)])
        let tags = try transaction.rows(
            """
            SELECT t.name, r.name
            FROM tag t
            JOIN repository r ON r.id = t.repository_id
            WHERE t.manifest_id = ?
            LIMIT ?
            """, [.integer(id), .integer(Int64(limit / 4))])
        for row in tags {
            let tag = try row.tag(0)
            try transaction.deleteTag(tag, in: repository)
            changes.tags.append(.init(repository: try row.repositoryEvenDeleted(1), tag: tag))
        }
        guard tags.isEmpty else { return false }
        _ = try purge(id, in: repository, atMost: Int64(limit))
        return try !transaction.exists("SELECT 1 FROM manifest WHERE id = ?", [.integer(id)])
    }
}
