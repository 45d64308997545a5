package import BerthModel

/// What became of a wish to have something back.
package enum Undeletion: Hashable, Sendable {
    /// With how many manifests, which tags came back, and which did not, for they have been set since.
    case restored(manifests: Int, tags: [Tag], skipped: [Tag])
    case unknownRepository
    case unknownManifest
    /// It is there, and nothing that went with it is to be brought back.
    case notDeleted
    /// Its window is over.
    case tooLate
    /// It went with another one: that one brings it back.
    case wentWith(Digest)
}

extension Catalog {
    /// Brings back a deleted manifest with all that went with it: children, referrers, and the tags that have not been
    /// set since (G5). One that was pushed again meanwhile gets back what went with it. Done again after a failure, it
    /// goes on.
    package func undelete(
        _ digest: Digest, in repository: RepositoryName, by principal: Principal
    ) async throws(CatalogError) -> Undeletion {
        try await finishDetaching()
        let found = try await database.read { [self] transaction throws(CatalogError) in
            try Wanted(collecting(transaction), digest, in: repository, now: clock.wall())
        }
        var restoration: Restoration
        switch found {
        case .refused(let outcome): return outcome
        case .head(let id, let limits): restoration = Restoration(of: id, .whole, limits)
        case .alone(let id): restoration = Restoration(of: id, .along)
        }
        try await run(&restoration, in: repository, by: principal)
        guard !restoration.isTorn else { return .tooLate }
        return .restored(
            manifests: restoration.manifests, tags: restoration.tags.sorted(),
            skipped: restoration.skipped.sorted())
    }
}

/// What somebody wants back.
private enum Wanted: Sendable {
    case refused(Undeletion)
    /// The manifest that a person has deleted, with all that went with it; or one that was pushed again since, with what
    /// went within the window.
    case head(Int64, Restoration.Limits)
    /// What went with one that is here again, or whose window is over.
    case alone(Int64)

    init(
        _ collecting: Collecting, _ digest: Digest, in repository: RepositoryName, now: Int64
    ) throws(CatalogError) {
        let transaction = collecting.transaction
        guard let home = try transaction.repositoryID(repository) else {
            self = .refused(.unknownRepository)
            return
        }
        guard
            let row = try transaction.row(
                "SELECT id, deleted_at, deleted_with FROM manifest WHERE digest = ? AND repository_id = ?",
                [.digest(digest), .integer(home)])
        else {
            self = .refused(.unknownManifest)
            return
        }
        let id = try row.integer(0)
        if row.isNull(1) {
            let limits = Restoration.Limits(
                registry: collecting.windowLimit, wall: collecting.windowLimit(ofWall: now))
            let hasMore = try transaction.exists(
                """
                SELECT 1 FROM manifest WHERE deleted_with = ? AND id <> ? AND deleted_at > ?
                UNION ALL
                SELECT 1 FROM tag_history WHERE deleted_with = ? AND changed_at > ?
                LIMIT 1
                """,
                [
                    .integer(id), .integer(id), .integer(limits.registry), .integer(id), .integer(limits.wall),
                ])
            self = hasMore ? .head(id, limits) : .refused(.notDeleted)
            return
        }
        // A manifest without a deletion of its own is being purged.
        guard !row.isNull(2), try row.integer(1) > collecting.windowLimit else {
            self = .refused(.tooLate)
            return
        }
        let deletion = try row.integer(2)
        let head = try transaction.row(
            """
            SELECT digest
            FROM manifest
            WHERE id = ? AND id <> ? AND deleted_at > ? AND deleted_with IS NOT NULL
            """, [.integer(deletion), .integer(id), .integer(collecting.windowLimit)])
        if let head {
            self = .refused(.wentWith(try head.digest(0)))
        } else {
            self = deletion == id ? .head(id, .none) : .alone(id)
        }
    }
}
