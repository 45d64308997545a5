package import BerthModel

/// What became of a wish to have something back.
package enum Undeletion: Hashable, Sendable {
    /// With how many manifests, which tags came back, and which did not, for they have been set since.
    case restored(manifests: Int, tags: [Tag], skipped: [Tag])
    case unknownRepository
    case unknownManifest
    /// It is there.
    case notDeleted
    /// Its window is over.
    case tooLate
    /// It went with another one: that one brings it back.
    case wentWith(Digest)
}

extension Catalog {
    /// Brings back a deleted manifest with all that went with it: children, referrers, and the tags that have not been
    /// set since (G5). Where there are many, they come before the manifest itself, so that it is whole when it is seen.
    package func undelete(
        _ digest: Digest, in repository: RepositoryName, by principal: Principal
    ) async throws(CatalogError) -> Undeletion {
        try await finishDetaching()
        var sum = 0
        while true {
            let part = try await write(.background) { [self] transaction, changes throws(CatalogError) in
                try Undeleting(
                    transaction: transaction, repository: repository, principal: principal, now: clock.wall(),
                    collecting: collecting(transaction)
                ).run(digest, &changes)
            }
            sum += part.count
            switch part.outcome {
            case nil: continue
            case .restored(_, let tags, let skipped)?:
                return .restored(manifests: sum, tags: tags, skipped: skipped)
            case let outcome?: return outcome
            }
        }
    }
}

private struct Undeleting {
    let transaction: any SQLTransaction
    let repository: RepositoryName
    let principal: Principal
    let now: Int64
    let collecting: Collecting

    private static let manifestsPerClosure = 100

    /// Outcome nil: more is to come back before the manifest itself.
    func run(
        _ digest: Digest, _ changes: inout Changes
    ) throws(CatalogError) -> (count: Int, outcome: Undeletion?) {
        guard let home = try transaction.repositoryID(repository) else { return (0, .unknownRepository) }
        guard
            let row = try transaction.row(
                "SELECT id, deleted_at, deleted_with FROM manifest WHERE digest = ? AND repository_id = ?",
                [.digest(digest), .integer(home)])
        else { return (0, .unknownManifest) }
        let id = try row.integer(0)
        guard !row.isNull(1) else { return (0, .notDeleted) }
        // A manifest without a deletion of its own is being purged.
        guard !row.isNull(2), try row.integer(1) > collecting.windowLimit else { return (0, .tooLate) }
        let deletion = try row.integer(2)
        guard deletion == id else {
            let head = try transaction.row("SELECT digest FROM manifest WHERE id = ?", [.integer(deletion)])
            return (0, try head.map { row throws(CatalogError) in .wentWith(try row.digest(0)) } ?? .tooLate)
        }
        let others = try transaction.rows(
            """
            SELECT id, digest
            FROM manifest
            WHERE deleted_with = ? AND id <> ? AND deleted_at > ?
            ORDER BY id
            LIMIT ?
            """,
            [
                .integer(deletion), .integer(id), .integer(collecting.windowLimit),
                .integer(Int64(Self.manifestsPerClosure)),
            ])
        for other in others { try show(try other.integer(0), try other.digest(1), in: home, &changes) }
        guard others.count < Self.manifestsPerClosure else { return (others.count, nil) }
        try show(id, digest, in: home, &changes)
        let (tags, skipped) = try restoreTags(of: deletion, in: home, &changes)
        return (others.count + 1, .restored(manifests: 0, tags: tags, skipped: skipped))
    }

    private func show(
        _ id: Int64, _ digest: Digest, in home: Int64, _ changes: inout Changes
    ) throws(CatalogError) {
        try transaction.show(manifest: id, digest, in: home)
        let references = try transaction.rows(
            "SELECT DISTINCT digest FROM manifest_reference WHERE manifest_id = ? AND role <> 2", [.integer(id)])
        var digests: [Digest] = []
        for row in references { digests.append(try row.digest(0)) }
        try transaction.lock(blobs: digests)
        for reference in digests {
            // The link may have been deleted since, and purged; the edge has kept the content.
            try transaction.execute(
                """
                INSERT INTO repository_blob (repository_id, digest, kind, linked_by)
                VALUES (?, ?, 0, ?)
                ON CONFLICT (repository_id, digest, kind) DO UPDATE SET deleted_at = NULL, deleted_by = NULL
                """,
                [.integer(home), .digest(reference), .text(principal.text)])
        }
        try transaction.tell(.pushed, repository, digest, tag: nil, by: principal, at: now)
        changes.manifests.append(.init(repository: repository, digest: digest))
        changes.links.append(.init(repository: repository, digest: digest))
    }

    /// Tags that have been set since the deletion stay as they are.
    private func restoreTags(
        of deletion: Int64, in home: Int64, _ changes: inout Changes
    ) throws(CatalogError) -> (restored: [Tag], skipped: [Tag]) {
        let rows = try transaction.rows(
            """
            SELECT DISTINCT h.tag, m.id, m.digest
            FROM tag_history h
            JOIN manifest m ON m.digest = h.old_digest AND m.repository_id = h.repository_id
            WHERE h.deleted_with = ? AND m.deleted_at IS NULL
            ORDER BY h.tag
            LIMIT ?
            """, [.integer(deletion), .integer(Int64(Catalog.rowsPerClosure))])
        var (restored, skipped): ([Tag], [Tag]) = ([], [])
        for row in rows {
            let tag = try row.tag(0)
            guard try transaction.tagRow(tag, in: home) == nil else {
                skipped.append(tag)
                continue
            }
            let digest = try row.digest(2)
            try transaction.execute(
                "INSERT INTO tag (repository_id, name, manifest_id) VALUES (?, ?, ?)",
                [.integer(home), .text(tag.text), .integer(try row.integer(1))])
            try transaction.remember(tag, in: home, from: nil, to: digest, by: principal, at: now)
            try transaction.tell(.tagged, repository, digest, tag: tag, by: principal, at: now)
            changes.tags.append(.init(repository: repository, tag: tag))
            restored.append(tag)
        }
        // They are used up: a later deletion has its own.
        try transaction.execute(
            "UPDATE tag_history SET deleted_with = NULL WHERE deleted_with = ?", [.integer(deletion)])
        return (restored, skipped)
    }
}
