package import BerthModel

/// What became of the wish to delete a repository or to have one back.
package enum RepositoryDeletion: Hashable, Sendable {
    /// With how many manifests.
    case done(manifests: Int)
    case unknownRepository
    /// There is a repository of that name again.
    case nameTaken
    /// Its window is over.
    case tooLate
}

extension Catalog {
    /// Hides a repository with all that it holds, until its window is over. Its row gets another name at once, so that the
    /// next push to the name begins a new repository, and what is purged in parts can never be seen again.
    package func deleteRepository(
        _ name: RepositoryName, by principal: Principal
    ) async throws(CatalogError) -> RepositoryDeletion {
        try await write { [self] transaction, changes throws(CatalogError) in
            guard let id = try transaction.repositoryID(name),
                let row = try transaction.row("SELECT manifests FROM repository WHERE id = ?", [.integer(id)])
            else { return .unknownRepository }
            try transaction.execute(
                "UPDATE repository SET name = ?, deleted_at = ?, deleted_by = ? WHERE id = ?",
                [.text("\(name.text)#\(id)"), .integer(time.now()), .text(principal.text), .integer(id)])
            changes.totals.repositories -= 1
            changes.touchesRepository = true
            return .done(manifests: Int(try row.integer(0)))
        }
    }

    /// Brings back the repository of that name that was deleted last, as it was.
    package func undeleteRepository(
        _ name: RepositoryName, by principal: Principal
    ) async throws(CatalogError) -> RepositoryDeletion {
        try await write { [self] transaction, changes throws(CatalogError) in
            // The names of deleted ones sort right behind the name and before all that continue it.
            let last = try transaction.row(
                """
                SELECT id, manifests, deleted_at, deleted_by
                FROM repository
                WHERE name > ? AND name < ? AND deleted_at IS NOT NULL
                ORDER BY deleted_at DESC, id DESC
                LIMIT 1
                """, [.text(name.text + "#"), .text(name.text + "$")])
            guard let last else { return .unknownRepository }
            guard try transaction.repositoryID(name) == nil else { return .nameTaken }
            let limit = collecting(transaction).windowLimit
            // Without a name it is being purged.
            guard try last.integer(2) > limit, !last.isNull(3) else { return .tooLate }
            try transaction.execute(
                "UPDATE repository SET name = ?, deleted_at = NULL, deleted_by = NULL WHERE id = ?",
                [.text(name.text), .integer(try last.integer(0))])
            changes.totals.repositories += 1
            changes.touchesRepository = true
            return .done(manifests: Int(try last.integer(1)))
        }
    }
}
