import BerthModel

// Statements about content (blob, blob_staging) and links (repository_blob), each used by several operations.

extension SQLTransaction {
    /// Makes the content live, staged if there is no better (B3). True: it was staged now. Nil: only its presence was
    /// claimed, and the catalog knows better.
    func ensure(
        _ digest: Digest, size: Int64, _ content: BlobCommit.Content, at now: Int64, _ changes: inout Changes
    ) throws(CatalogError) -> Bool? {
        // Bytes that somebody sends are new more often than not: then one statement finds that out and makes the row.
        if !content.isClaim, try makeBlob(digest, size: size, at: now) {
            changes.totals.blobs += 1
            changes.totals.bytes += size
            try stage(digest, size: size, content, &changes)
            return true
        }
        let known = try self.content(digest)
        if let known, known.state != .sweeping, !known.isDamaged, known.size == size,
            content.isClaim || known.staged != nil
        {
            try revive(known)
            return false
        }
        guard let known, !content.isClaim else { return nil }
        if known.staged != nil { try forgetStaging(of: known.digest, &changes) }
        changes.totals.bytes += size - known.size
        try execute(
            "UPDATE blob SET size = ?, state = 0, damaged = 0 WHERE digest = ?", [.integer(size), .digest(digest)])
        try stage(digest, size: size, content, &changes)
        return true
    }

    /// True if there was none, or only its name.
    private func makeBlob(_ digest: Digest, size: Int64, at now: Int64) throws(CatalogError) -> Bool {
        try execute(
            """
            INSERT INTO blob (digest, size, state, damaged, created_at)
            VALUES (?, ?, 0, 0, ?)
            ON CONFLICT (digest)
                DO UPDATE SET size = excluded.size, state = 0, created_at = excluded.created_at
                WHERE blob.state = 3
            """,
            [.digest(digest), .integer(size), .integer(now)]) > 0
    }

    /// The number of content that a manifest names; it gets one if it is not here, so that an edge can say it.
    func number(of digest: Digest) throws(CatalogError) -> Int64 {
        if let known = try knownNumber(of: digest) { return known }
        try execute(
            "INSERT INTO blob (digest, size, state, damaged, created_at) VALUES (?, 0, 3, 0, 0)", [.digest(digest)])
        guard let number = try knownNumber(of: digest) else {
            throw .damaged("a number that was just given is not there")
        }
        return number
    }

    private func knownNumber(of digest: Digest) throws(CatalogError) -> Int64? {
        try row("SELECT id FROM blob WHERE digest = ?", [.digest(digest)])
            .map { row throws(CatalogError) in try row.integer(0) }
    }

    /// Forgets the number of content that is not here and that nothing names any more.
    func forgetName(_ digest: Digest) throws(CatalogError) {
        try execute(
            """
            DELETE FROM blob
            WHERE digest = ? AND state = 3
                AND NOT EXISTS (SELECT 1 FROM manifest_reference e WHERE e.blob_id = blob.id)
            """, [.digest(digest)])
    }

    /// Content is not here any more; where a manifest still names it, its number stays. Its size in bytes; nil: it was
    /// not here.
    @discardableResult
    func removeBlob(_ digest: Digest, _ changes: inout Changes) throws(CatalogError) -> Int64? {
        guard let row = try row("SELECT id, size FROM blob WHERE digest = ? AND state < 3", [.digest(digest)])
        else { return nil }
        let id = SQLValue.integer(try row.integer(0))
        if try exists("SELECT 1 FROM manifest_reference WHERE blob_id = ? LIMIT 1", [id]) {
            guard try !exists("SELECT 1 FROM repository_blob WHERE blob_id = ? LIMIT 1", [id]) else {
                throw .damaged("\(digest) is linked and was to be forgotten")
            }
            try execute("UPDATE blob SET state = 3, size = 0, damaged = 0 WHERE id = ?", [id])
        } else {
            try execute("DELETE FROM blob WHERE id = ?", [id])
        }
        let size = try row.integer(1)
        changes.content.append(digest)
        changes.totals.blobs -= 1
        changes.totals.bytes -= size
        return size
    }

    private func stage(
        _ digest: Digest, size: Int64, _ content: BlobCommit.Content, _ changes: inout Changes
    ) throws(CatalogError) {
        let (bytes, upload): (SQLValue, SQLValue)
        switch content {
        case .presentAndGood: return
        case .bytes(let content):
            (bytes, upload) = (.bytes(content), .null)
            changes.staged.append((digest, content))
        case .sealed(let id): (bytes, upload) = (.null, .text(id.text))
        }
        try execute(
            "INSERT INTO blob_staging (digest, size, upload_id, bytes) VALUES (?, ?, ?, ?)",
            [.digest(digest), .integer(size), upload, bytes])
        changes.totals.staged += 1
        changes.totals.stagedBytes += Int64(content.stagedByteCount)
        changes.content.append(digest)
    }

    /// Forgets a staging whose content is no good; bytes that come anew are staged under another key.
    func forgetStaging(of digest: Digest, _ changes: inout Changes) throws(CatalogError) {
        guard let row = try row("SELECT id FROM blob_staging WHERE digest = ?", [.digest(digest)]) else { return }
        try unstage(StagedKey(id: try row.integer(0), digest: digest), &changes)
    }

    func unstage(_ key: StagedKey, _ changes: inout Changes) throws(CatalogError) {
        // RETURNING would have SQLite make a table for its answer, which costs more than both of these.
        guard
            let row = try row(
                "SELECT upload_id, size FROM blob_staging WHERE id = ? AND digest = ?",
                [.integer(key.id), .digest(key.digest)])
        else { return }
        try execute("DELETE FROM blob_staging WHERE id = ?", [.integer(key.id)])
        changes.unstaged.append(key.digest)
        changes.totals.staged -= 1
        if row.isNull(0) { changes.totals.stagedBytes -= try row.integer(1) }
    }

    /// Doomed content is live again; nothing else changes.
    func revive(_ content: BlobFact) throws(CatalogError) {
        guard content.state == .doomed else { return }
        try execute("UPDATE blob SET state = 0 WHERE digest = ? AND state = 1", [.digest(content.digest)])
    }

    /// Content that may be read in this repository, unless it is being swept.
    func linkedContent(_ digest: Digest, in repository: Int64) throws(CatalogError) -> BlobFact? {
        try numberedContent(digest, in: repository)?.fact
    }

    /// The same with its number.
    func numberedContent(
        _ digest: Digest, in repository: Int64
    ) throws(CatalogError) -> (number: Int64, fact: BlobFact)? {
        try row(
            """
            SELECT b.digest, b.size, b.state, b.damaged, s.id, s.upload_id, b.id
            FROM repository_blob l
            JOIN blob b ON b.id = l.blob_id
            LEFT JOIN blob_staging s ON s.digest = b.digest
            WHERE l.repository_id = ? AND b.digest = ? AND l.deleted_at IS NULL AND b.state < 2
            LIMIT 1
            """,
            [.integer(repository), .digest(digest)]
        ).map { row throws(CatalogError) in (try row.integer(6), try row.blobFact()) }
    }

    /// Links content into a repository, or renews the lease of a link; one that was deleted is back.
    func link(
        _ digest: Digest, _ kind: ContentKind, in repository: Int64, by principal: Principal, leasedAt: Int64
    ) throws(CatalogError) {
        try execute(
            """
            INSERT INTO repository_blob (repository_id, blob_id, kind, linked_by, leased_at)
            VALUES (?, (SELECT id FROM blob WHERE digest = ? AND state < 3), ?, ?, ?)
            ON CONFLICT (repository_id, blob_id, kind)
                DO UPDATE SET leased_at = excluded.leased_at, deleted_at = NULL, deleted_by = NULL
            """,
            [
                .integer(repository), .digest(digest), .integer(Int64(kind.rawValue)), .text(principal.text),
                .integer(leasedAt),
            ])
    }

    /// Hides content in a repository; its link stays, marked, until the window is over.
    func hideLink(
        of digest: Digest, _ kind: ContentKind, in repository: Int64, by principal: Principal, at now: Int64
    ) throws(CatalogError) {
        try execute(
            """
            UPDATE repository_blob
            SET deleted_at = ?, deleted_by = ?
            WHERE repository_id = ? AND blob_id = (SELECT id FROM blob WHERE digest = ?) AND kind = ?
                AND deleted_at IS NULL
            """,
            [
                .integer(now), .text(principal.text), .integer(repository), .digest(digest),
                .integer(Int64(kind.rawValue)),
            ])
    }

    /// Manifests of the repository that reference the content and have not been deleted, at most `limit`.
    func holders(of digest: Digest, in repository: Int64, limit: Int) throws(CatalogError) -> [Digest] {
        try rows(
            """
            SELECT DISTINCT m.digest
            FROM manifest_reference e
            JOIN manifest m ON m.id = e.manifest_id
            WHERE e.blob_id = (SELECT id FROM blob WHERE digest = ?) AND e.repository_id = ? AND m.deleted_at IS NULL
            LIMIT ?
            """,
            [.digest(digest), .integer(repository), .integer(Int64(limit))]
        ).map { row throws(CatalogError) in try row.digest(0) }
    }

    /// Puts an event into the outbox, in the transaction of the change that it tells of.
    func tell(
        _ kind: CatalogEvent.Kind, _ repository: RepositoryName, _ digest: Digest?, tag: Tag?, by principal: Principal,
        at now: Int64
    ) throws(CatalogError) {
        try execute(
            """
            INSERT INTO event (kind, repository, digest, tag, principal, happened_at)
            VALUES (?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(Int64(kind.rawValue)), .text(repository.text), .optional(digest?.text), .optional(tag?.text),
                .text(principal.text), .integer(now),
            ])
    }
}
