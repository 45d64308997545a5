package import BerthModel

/// What became of the wish to delete a repository or to have one back.
package enum RepositoryDeletion: Hashable, Sendable {
    /// With how many manifests.
    case done(manifests: Int)
    case unknownRepository
    /// Nothing in it may be deleted.
    case protected
    /// A rule keeps one of its tags.
    case kept(TagRefusal)
    /// There is a repository of that name again.
    case nameTaken
    /// Its window is over.
    case tooLate
}

/// What people want to be otherwise about a repository; nil: it stays.
package struct RepositoryChange: Hashable, Sendable {
    package var isProtected: Bool?
    package var description: RepositoryDescription?

    package init(isProtected: Bool? = nil, description: RepositoryDescription? = nil) {
        (self.isProtected, self.description) = (isProtected, description)
    }
}

extension Catalog {
    /// Makes a repository that holds nothing yet: it stands in no list of clients until it holds a manifest. False: there
    /// is one, and nothing of it was changed.
    package func createRepository(
        _ name: RepositoryName, _ settings: RepositoryChange = RepositoryChange()
    ) async throws(CatalogError) -> Bool {
        try await write { [self] transaction, changes throws(CatalogError) in
            guard try transaction.repositoryID(name) == nil else { return false }
            let id = try transaction.makeRepository(name, at: clock.wall(), &changes)
            _ = try transaction.change(settings, of: id)
            return true
        }
    }

    /// Whether anything had to be changed; nil: no such repository.
    package func changeRepository(
        _ name: RepositoryName, _ change: RepositoryChange
    ) async throws(CatalogError) -> Bool? {
        try await write { transaction, _ throws(CatalogError) in
            guard let id = try transaction.repositoryID(name) else { return nil }
            return try transaction.change(change, of: id)
        }
    }

    /// Hides a repository with all that it holds, until its window is over. Its row gets another name at once, so that the
    /// next push to the name begins a new repository, also one whose upload was open already, and what is purged in parts
    /// can never be seen again.
    package func deleteRepository(
        _ name: RepositoryName, by principal: Principal
    ) async throws(CatalogError) -> RepositoryDeletion {
        try await write { [self] transaction, changes throws(CatalogError) in
            guard let id = try transaction.repositoryID(name),
                let row = try transaction.row("SELECT manifests FROM repository WHERE id = ?", [.integer(id)])
            else { return .unknownRepository }
            guard try !transaction.isProtected(id) else { return .protected }
            if let refusal = try transaction.keptTag(in: id, TagRules(transaction, for: name)) { return .kept(refusal) }
            let now = clock.wall()
            try transaction.execute(
                "UPDATE repository SET name = ?, deleted_at = ?, deleted_by = ?, hidden_at = ? WHERE id = ?",
                [
                    .text("\(name.text)#\(id)"), .integer(time.now()), .text(principal.text), .integer(now),
                    .integer(id),
                ])
            try transaction.tell(.repositoryDeleted, name, nil, tag: nil, by: principal, at: now)
            changes.totals.repositories -= 1
            changes.touchesRepository = true
            return .done(manifests: Int(try row.integer(0)))
        }
    }

    /// Brings back the repository of that name that was deleted last, or the one with that id, as it was; under the name
    /// `target` where one is given.
    package func undeleteRepository(
        _ name: RepositoryName, id: Int64? = nil, as target: RepositoryName? = nil, by principal: Principal
    ) async throws(CatalogError) -> RepositoryDeletion {
        let target = target ?? name
        return try await write { [self] transaction, changes throws(CatalogError) in
            // The names of deleted ones sort right behind the name and before all that continue it.
            let last = try transaction.row(
                """
                SELECT id, manifests, deleted_at, deleted_by
                FROM repository
                WHERE name > ? AND name < ? AND deleted_at IS NOT NULL AND id = coalesce(?, id)
                ORDER BY deleted_at DESC, id DESC
                LIMIT 1
                """, [.text(name.text + "#"), .text(name.text + "$"), id.map(SQLValue.integer) ?? .null])
            guard let last else { return .unknownRepository }
            guard try transaction.repositoryID(target) == nil else { return .nameTaken }
            let limit = collecting(transaction).windowLimit
            // Without a name it is being purged.
            guard try last.integer(2) > limit, !last.isNull(3) else { return .tooLate }
            try transaction.execute(
                "UPDATE repository SET name = ?, deleted_at = NULL, deleted_by = NULL, hidden_at = NULL WHERE id = ?",
                [.text(target.text), .integer(try last.integer(0))])
            try transaction.tell(.repositoryRestored, target, nil, tag: nil, by: principal, at: clock.wall())
            changes.totals.repositories += 1
            changes.touchesRepository = true
            return .done(manifests: Int(try last.integer(1)))
        }
    }
}

extension SQLTransaction {
    /// Whether deletions in the repository are refused: asked in the transaction that would delete.
    func isProtected(_ repository: Int64) throws(CatalogError) -> Bool {
        try exists("SELECT 1 FROM repository WHERE id = ? AND is_protected = 1", [.integer(repository)])
    }

    fileprivate func change(_ change: RepositoryChange, of repository: Int64) throws(CatalogError) -> Bool {
        var count = 0
        if let isProtected = change.isProtected {
            count += try execute(
                "UPDATE repository SET is_protected = ? WHERE id = ? AND is_protected <> ?",
                [.bool(isProtected), .integer(repository), .bool(isProtected)])
        }
        if let description = change.description {
            count += try execute(
                "UPDATE repository SET description = ? WHERE id = ? AND description <> ?",
                [.text(description.text), .integer(repository), .text(description.text)])
        }
        return count > 0
    }
}
