package import BerthModel

/// What is known of a repository, for people who keep it.
package struct RepositoryFact: Hashable, Sendable {
    package let name: RepositoryName
    package let description: RepositoryDescription
    /// Nothing in it may be deleted.
    package let isProtected: Bool
    package let manifests: Int
    package let tags: Int
    /// Microseconds since 1970.
    package let createdAt: Int64
}

/// A repository that was deleted and can come back.
package struct DeletedRepository: Hashable, Sendable {
    /// Tells it from others of its name.
    package let id: Int64
    package let name: RepositoryName
    /// Where the next page begins if this is the last entry of a page.
    package let cursor: String
    package let manifests: Int
    /// Microseconds since 1970; nil where a version that did not note it has deleted it.
    package let deletedAt: Int64?
    package let deletedBy: Principal
    /// How long it can still be brought back, in microseconds that the registry runs.
    package let windowLeft: Int64
    /// When that will be over, in microseconds since 1970, if the registry runs all the time.
    package let until: Int64
}

extension Catalog {
    /// At most `limit` repositories in byte order after `last`, also those that hold nothing.
    package func repositoryFacts(after last: String?, limit: Int) async throws(CatalogError) -> [RepositoryFact] {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows(
                """
                SELECT name, description, is_protected, manifests, tags, created_at
                FROM repository
                WHERE deleted_at IS NULL AND name > ?
                ORDER BY name
                LIMIT ?
                """,
                [.text(last ?? ""), .integer(Int64(max(0, limit)))]
            ).map { row throws(CatalogError) in try row.repositoryFact() }
        }
    }

    package func repositoryFact(_ name: RepositoryName) async throws(CatalogError) -> RepositoryFact? {
        try await database.read { transaction throws(CatalogError) in
            try transaction.row(
                """
                SELECT name, description, is_protected, manifests, tags, created_at
                FROM repository
                WHERE deleted_at IS NULL AND name = ?
                """, [.text(name.text)]
            ).map { row throws(CatalogError) in try row.repositoryFact() }
        }
    }

    /// What people have written about these repositories; for a page of names.
    package func descriptions(
        of names: [RepositoryName]
    ) async throws(CatalogError) -> [RepositoryName: RepositoryDescription] {
        try await database.read { transaction throws(CatalogError) in
            var found: [RepositoryName: RepositoryDescription] = [:]
            for name in names {
                let row = try transaction.row(
                    "SELECT description FROM repository WHERE deleted_at IS NULL AND name = ?", [.text(name.text)])
                if let row { found[name] = try row.repositoryDescription(0) }
            }
            return found
        }
    }

    /// At most `limit` deleted repositories whose window is not over, in byte order of their names, those of one name in
    /// no order, after the one with the cursor `last`.
    package func deletedRepositories(after last: String?, limit: Int) async throws(CatalogError) -> [DeletedRepository]
    {
        try await database.read { [self] transaction throws(CatalogError) in
            let (bound, now) = (collecting(transaction).windowLimit, clock.wall())
            return try transaction.rows(
                """
                SELECT name, manifests, hidden_at, deleted_by, deleted_at, id
                FROM repository
                WHERE deleted_at IS NOT NULL AND name > ? AND deleted_at > ? AND deleted_by IS NOT NULL
                ORDER BY name
                LIMIT ?
                """,
                [.text(last ?? ""), .integer(bound), .integer(Int64(max(0, limit)))]
            ).map { row throws(CatalogError) in
                let left = try row.integer(4) - bound
                return DeletedRepository(
                    id: try row.integer(5), name: try row.repositoryEvenDeleted(0), cursor: try row.text(0),
                    manifests: Int(try row.integer(1)), deletedAt: row.isNull(2) ? nil : try row.integer(2),
                    deletedBy: try row.principal(3), windowLeft: left, until: now + left)
            }
        }
    }

    /// How many uploads into the repository have begun and not ended; a thousand at most are counted.
    package func openUploads(in repository: RepositoryName) async throws(CatalogError) -> Int {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows(
                "SELECT 1 FROM upload WHERE repository = ? AND outcome = 0 LIMIT ?",
                [.text(repository.text), .integer(Int64(Self.rowsPerClosure))]
            ).count
        }
    }
}

extension SQLRow {
    /// Of `name, description, is_protected, manifests, tags, created_at`.
    fileprivate func repositoryFact() throws(CatalogError) -> RepositoryFact {
        RepositoryFact(
            name: try repository(0), description: try repositoryDescription(1), isProtected: try bool(2),
            manifests: Int(try integer(3)), tags: Int(try integer(4)), createdAt: try integer(5))
    }

    fileprivate func repositoryDescription(_ index: Int) throws(CatalogError) -> RepositoryDescription {
        let text = try text(index)
        do { return try RepositoryDescription(text) } catch { throw .damaged("a repository's description is none") }
    }
}
