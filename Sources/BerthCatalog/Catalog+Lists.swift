package import BerthModel

// Every list reads as many rows as its page holds, from an index in its order (C6). A search alone looks at all names.

extension Catalog {
    /// At most `limit` tags in byte order after `last`, which need not be a tag. Nil: no such repository.
    /// Distribution specification, "Listing Tags".
    package func tags(
        in repository: RepositoryName, after last: String?, limit: Int
    ) async throws(CatalogError) -> [Tag]? {
        try await database.read { transaction throws(CatalogError) in
            guard let id = try transaction.repositoryID(repository) else { return nil }
            return try transaction.rows(
                "SELECT name FROM tag WHERE repository_id = ? AND name > ? ORDER BY name LIMIT ?",
                [.integer(id), .text(last ?? ""), .integer(Int64(max(0, limit)))]
            ).map { row throws(CatalogError) in try row.tag(0) }
        }
    }

    /// At most `limit` repositories that hold a manifest, in byte order after `last`.
    package func repositories(after last: String?, limit: Int) async throws(CatalogError) -> [RepositoryName] {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows(
                """
                SELECT name
                FROM repository
                WHERE manifests > 0 AND deleted_at IS NULL AND name > ?
                ORDER BY name
                LIMIT ?
                """,
                [.text(last ?? ""), .integer(Int64(max(0, limit)))]
            ).map { row throws(CatalogError) in try row.repository(0) }
        }
    }

    /// At most `limit` repositories that hold a manifest and whose name contains `text`, byte for byte (nothing in it is
    /// a wildcard), in byte order after `last`. Who may see them is for the caller to ask, and so is how many there are.
    package func search(
        _ text: String, after last: String?, limit: Int
    ) async throws(CatalogError) -> [RepositoryName] {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows(
                """
                SELECT name
                FROM repository
                WHERE manifests > 0 AND deleted_at IS NULL AND name > ? AND instr(name, ?) > 0
                ORDER BY name
                LIMIT ?
                """,
                [.text(last ?? ""), .text(text), .integer(Int64(max(0, limit)))]
            ).map { row throws(CatalogError) in try row.repository(0) }
        }
    }

    /// At most `limit` manifests of this repository whose subject is `subject`, in the order in which they came; with
    /// `artifactTypes`, those of one of these types alone. Distribution specification, "Listing Referrers".
    package func referrers(
        of subject: Digest, in repository: RepositoryName, artifactTypes: [String], after last: ReferrerCursor?,
        limit: Int
    ) async throws(CatalogError) -> [Referrer] {
        let types = Set(artifactTypes)
        return try await database.read { transaction throws(CatalogError) in
            guard let id = try transaction.repositoryID(repository) else { return [] }
            let place = [SQLValue.integer(id), .digest(subject), .integer(last?.id ?? 0)]
            let count = SQLValue.integer(Int64(max(0, limit)))
            guard !types.isEmpty else {
                return try transaction.rows(
                    """
                    SELECT id, digest, type, size, artifact_type, annotations
                    FROM manifest
                    WHERE repository_id = ? AND subject = ? AND deleted_at IS NULL AND id > ?
                    ORDER BY id
                    LIMIT ?
                    """,
                    place + [count]
                ).map { row throws(CatalogError) in try row.referrer() }
            }
            var found: [Referrer] = []
            for type in types {
                found += try transaction.rows(
                    """
                    SELECT id, digest, type, size, artifact_type, annotations
                    FROM manifest
                    WHERE repository_id = ? AND subject = ? AND deleted_at IS NULL AND id > ? AND artifact_type = ?
                    ORDER BY id
                    LIMIT ?
                    """,
                    place + [.text(type), count]
                ).map { row throws(CatalogError) in try row.referrer() }
            }
            return Array(found.sorted { $0.cursor.id < $1.cursor.id }.prefix(max(0, limit)))
        }
    }
}

extension SQLRow {
    /// Of `id, digest, type, size, artifact_type, annotations`.
    fileprivate func referrer() throws(CatalogError) -> Referrer {
        Referrer(
            digest: try digest(1), type: try manifestType(2), size: try integer(3),
            artifactType: try optionalText(4), annotations: try Annotations.decode(try text(5)),
            cursor: ReferrerCursor(id: try integer(0)))
    }

    func principal(_ index: Int) throws(CatalogError) -> Principal {
        let text = try text(index)
        guard let principal = Principal(text) else { throw .damaged("'\(text)' is no principal") }
        return principal
    }
}
