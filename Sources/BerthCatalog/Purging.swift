import BerthModel

/// A bounded part of a purge. Each one leaves a state from which the next can go on, after a crash too (C6, G7).
///
/// Links go first, so that nothing new can come to name the content while its manifests are removed; then the manifests,
/// those that list others before what they list; content last, in the closure that has seen that nothing names or links it.
/// A push that brings it again meanwhile either loses what it brought, and is told that it is missing, or is after the purge.
struct Purging {
    enum Step: Sendable {
        case more
        /// Deletions have begun whose rest is to be done first.
        case detaching
        case done
    }
    let collecting: Collecting
    let purge: Purge
    /// Microseconds since 1970.
    let wall: Int64
    /// Rows that may be touched.
    let rows: Int

    private var transaction: any SQLTransaction { collecting.transaction }
    private var id: SQLValue { .integer(purge.id) }
    /// Indexes nest no deeper than `Catalog.deepestIndex`; sparse ones may name more.
    private static let deepest = 64

    func detach(_ changes: inout Changes) throws(CatalogError) -> Step {
        if case .repository(let name) = purge.entry.target, let step = try detach(repository: name, &changes) {
            return step
        }
        guard
            let row = try transaction.row(
                "SELECT digest FROM purge_content WHERE purge_id = ? AND state = 0 ORDER BY digest LIMIT 1", [id])
        else { return .done }
        return try detach(content: try row.digest(0), &changes)
    }

    /// True: nothing more is to be swept.
    func sweep(_ changes: inout Changes) throws(CatalogError) -> Bool {
        let found = try transaction.rows(
            "SELECT digest FROM purge_content WHERE purge_id = ? AND state = 1 ORDER BY digest LIMIT ?",
            [id, .integer(Int64(Catalog.linksPerClosure))])
        for row in found {
            let digest = try row.digest(0)
            try transaction.lock(blobs: [digest])
            switch try holder(of: digest) {
            case .link: try set(.kept, digest)
            case .edge: try set(.found, digest)
            case nil:
                try transaction.execute("UPDATE blob SET state = 2 WHERE digest = ?", [.digest(digest)])
                try set(.sweeping, digest)
            }
            changes.content.append(digest)
        }
        return found.count < Catalog.linksPerClosure
    }

    private enum Holder {
        /// Somebody has brought it again, or another repository holds it.
        case link
        /// A manifest has come to name it that need not have it: nobody has brought it.
        case edge
    }

    private func holder(of digest: Digest) throws(CatalogError) -> Holder? {
        if try collecting.hasLink(digest) { return .link }
        if try collecting.isStaged(digest) { return .link }
        return try collecting.hasEdge(digest) ? .edge : nil
    }

    private func set(_ step: PurgeStep, _ digest: Digest) throws(CatalogError) {
        try transaction.execute(
            "UPDATE purge_content SET state = ? WHERE purge_id = ? AND digest = ?",
            [.integer(step.rawValue), id, .digest(digest)])
    }

    private func find(_ digest: Digest) throws(CatalogError) {
        try transaction.execute(
            """
            INSERT INTO purge_content (purge_id, digest, state)
            VALUES (?, ?, 0)
            ON CONFLICT (purge_id, digest) DO UPDATE SET state = 0
            """, [id, .digest(digest)])
    }

    private func count(manifests: Int64 = 0, tags: Int64 = 0, blobs: Int64 = 0, bytes: Int64 = 0) throws(CatalogError) {
        try transaction.execute(
            """
            UPDATE purge
            SET manifests = manifests + ?, tags = tags + ?, blobs = blobs + ?, bytes = bytes + ?
            WHERE id = ?
            """, [.integer(manifests), .integer(tags), .integer(blobs), .integer(bytes), id])
    }

    // MARK: - Content

    private func detach(content digest: Digest, _ changes: inout Changes) throws(CatalogError) -> Step {
        try transaction.lock(blobs: [digest])
        changes.content.append(digest)
        if case .repository = purge.entry.target {
            // Only what nothing else holds goes with a repository.
            var isKept = try collecting.hasLink(digest)
            if !isKept { isKept = try collecting.hasEdge(digest) }
            if isKept {
                try set(.kept, digest)
                return .more
            }
        } else {
            guard try dropLinks(of: digest, &changes) else { return .more }
            if let holder = try topmostHolder(of: digest) { return try remove(holder, &changes) }
        }
        try drop(digest, &changes)
        return .more
    }

    /// False: there are more.
    private func dropLinks(of digest: Digest, _ changes: inout Changes) throws(CatalogError) -> Bool {
        let links = try transaction.rows(
            """
            SELECT l.repository_id, r.name, l.blob_id, b.digest, l.kind, l.leased_at
            FROM blob b
            JOIN repository_blob l ON l.blob_id = b.id
            JOIN repository r ON r.id = l.repository_id
            WHERE b.digest = ?
            LIMIT ?
            """, [.digest(digest), .integer(Int64(Catalog.linksPerClosure))])
        for row in links {
            let link = try LinkRow(row)
            try collecting.remove(link, &changes)
            changes.manifests.append(.init(repository: link.repository, digest: digest))
        }
        return links.count < Catalog.linksPerClosure
    }

    /// A manifest that names the content, or names one that does, and that itself nothing names; else one that is the
    /// content.
    private func topmostHolder(of digest: Digest) throws(CatalogError) -> Int64? {
        var (found, current): (Int64?, Digest) = (nil, digest)
        for _ in 0..<Self.deepest {
            guard let holder = try collecting.holder(of: current) else { break }
            (found, current) = (holder.id, holder.digest)
        }
        if let found { return found }
        return try transaction.row("SELECT id FROM manifest WHERE digest = ? LIMIT 1", [.digest(digest)])
            .map { row throws(CatalogError) in try row.integer(0) }
    }

    /// First it is deleted as people delete, so that what goes along can be brought back; then its row goes.
    private func remove(_ manifest: Int64, _ changes: inout Changes) throws(CatalogError) -> Step {
        guard
            let row = try transaction.row(
                """
                SELECT m.digest, m.repository_id, r.name, m.deleted_at, m.deleted_with, m.detach_position, r.deleted_at
                FROM manifest m
                JOIN repository r ON r.id = m.repository_id
                WHERE m.id = ?
                """, [.integer(manifest)])
        else { return .more }
        let (digest, home) = (try row.digest(0), try row.integer(1))
        let name = try row.repositoryEvenDeleted(2)
        try transaction.lock(blobs: [digest])
        if try !transaction.exists(
            "SELECT 1 FROM purge_content WHERE purge_id = ? AND digest = ? AND state = 0", [id, .digest(digest)])
        {
            try find(digest)
        }
        changes.manifests.append(.init(repository: name, digest: digest))
        if !row.isNull(5), !row.isNull(4) { return .detaching }
        if row.isNull(3), row.isNull(6) {
            let tags = try transaction.row("SELECT count(*) FROM tag WHERE manifest_id = ?", [.integer(manifest)])
            try count(tags: try tags.map { row throws(CatalogError) in try row.integer(0) } ?? 0)
            let detaching = Detaching(
                transaction: transaction, now: wall, registryTime: collecting.now, rows: rows)
            try detaching.hide(
                Leaving(
                    id: manifest, repositoryID: home, repository: name, digest: digest, deletion: manifest,
                    principal: purge.entry.principal, place: .children(from: 0), hiddenAt: collecting.now),
                &changes)
            return .detaching
        }
        if try collecting.forget(manifest: manifest, in: home, atMost: rows, &changes) { try count(manifests: 1) }
        return .more
    }

    /// Nothing names or links it any more: bytes in rows go, and what is left of it may be swept.
    private func drop(_ digest: Digest, _ changes: inout Changes) throws(CatalogError) {
        let upload = try transaction.row("SELECT upload_id FROM blob_staging WHERE digest = ?", [.digest(digest)])
        try transaction.forgetStaging(of: digest, &changes)
        let size: Int64
        if let known = try transaction.content(digest) {
            size = known.size
            // Without the bytes that were staged there may be no file: nobody may take it for present.
            try transaction.execute(
                "UPDATE blob SET state = 1, damaged = CASE WHEN ? = 1 THEN 1 ELSE damaged END WHERE digest = ? AND state = 0",
                [.bool(upload != nil), .digest(digest)])
        } else {
            size = try transaction.insertSweeping(digest, at: wall, &changes) ?? 0
        }
        try transaction.execute(
            "UPDATE purge_content SET state = 1, upload_id = coalesce(?, upload_id) WHERE purge_id = ? AND digest = ?",
            [upload.map { $0.columns[0] } ?? .null, id, .digest(digest)])
        try count(blobs: 1, bytes: size)
    }

    // MARK: - A repository

    /// Nil: nothing of it is left.
    private func detach(repository name: RepositoryName, _ changes: inout Changes) throws(CatalogError) -> Step? {
        // The names of deleted ones sort right behind the name and before all that continue it.
        guard
            let row = try transaction.row(
                "SELECT id FROM repository WHERE name > ? AND name < ? ORDER BY name LIMIT 1",
                [.text(name.text + "#"), .text(name.text + "$")])
        else { return nil }
        try empty(repository: try row.integer(0), &changes)
        return .more
    }

    private func empty(repository: Int64, _ changes: inout Changes) throws(CatalogError) {
        let home = SQLValue.integer(repository)
        let limit = SQLValue.integer(Int64(Catalog.linksPerClosure))
        // From here on it cannot be undeleted.
        try transaction.execute("UPDATE repository SET deleted_by = NULL WHERE id = ?", [home])
        let tags = try transaction.execute(
            """
            DELETE FROM tag
            WHERE repository_id = ? AND name IN (SELECT name FROM tag WHERE repository_id = ? ORDER BY name LIMIT ?)
            """, [home, home, limit])
        if tags > 0 { return try count(tags: Int64(tags)) }
        if let manifest = try transaction.row("SELECT id FROM manifest WHERE repository_id = ? LIMIT 1", [home]) {
            let isGone = try collecting.forget(
                manifest: try manifest.integer(0), in: repository, atMost: rows, &changes)
            if isGone { try count(manifests: 1) }
            return
        }
        let history = try transaction.execute(
            "DELETE FROM tag_history WHERE id IN (SELECT id FROM tag_history WHERE repository_id = ? LIMIT ?)",
            [home, limit])
        if history > 0 { return }
        let links = try transaction.rows(
            """
            SELECT l.repository_id, r.name, l.blob_id, b.digest, l.kind, l.leased_at
            FROM repository_blob l
            JOIN repository r ON r.id = l.repository_id
            JOIN blob b ON b.id = l.blob_id
            WHERE l.repository_id = ?
            ORDER BY l.blob_id, l.kind
            LIMIT ?
            """, [home, limit])
        for row in links {
            let link = try LinkRow(row)
            try transaction.lock(blobs: [link.digest])
            try collecting.remove(link, &changes)
            guard try !collecting.hasLink(link.digest), try !collecting.hasEdge(link.digest) else { continue }
            try find(link.digest)
        }
        guard links.isEmpty else { return }
        try transaction.execute("DELETE FROM repository WHERE id = ?", [home])
    }
}

extension SQLTransaction {
    /// A row for content that has none: a file of it may be there all the same. Its size, as far as that is known; nil: it
    /// has one.
    @discardableResult
    func insertSweeping(_ digest: Digest, at wall: Int64, _ changes: inout Changes) throws(CatalogError) -> Int64? {
        try lock(blobs: [digest])
        let size =
            try row("DELETE FROM stray_file WHERE digest = ? RETURNING size", [.digest(digest)])
            .map { row throws(CatalogError) in try row.integer(0) } ?? 0
        let inserted = try execute(
            """
            INSERT INTO blob (digest, size, state, damaged, created_at)
            VALUES (?, ?, 2, 0, ?)
            ON CONFLICT (digest)
                DO UPDATE SET size = excluded.size, state = 2, created_at = excluded.created_at
                WHERE blob.state = 3
            """,
            [.digest(digest), .integer(size), .integer(wall)])
        guard inserted > 0 else { return nil }
        changes.content.append(digest)
        changes.totals.blobs += 1
        changes.totals.bytes += size
        return size
    }
}

extension Catalog {
    /// Content up to this size may have been in a row before it settled.
    static let largestInRow: Int64 = 64 << 10
}
