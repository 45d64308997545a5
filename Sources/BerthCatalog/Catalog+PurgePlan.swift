package import BerthModel

/// What a purge would take, as things are now.
package struct PurgePlan: Hashable, Sendable {
    package struct Holder: Hashable, Sendable {
        package let repository: RepositoryName
        package let digest: Digest
        package let tags: [Tag]
        package let isDeleted: Bool
    }
    package var manifests = 0
    package var tags = 0
    package var repositories: Set<RepositoryName> = []
    /// Content whose bytes go at once.
    package var blobs = 0
    package var bytes: Int64 = 0
    /// The first hundred manifests.
    package var holders: [Holder] = []
    /// There is more than was looked at.
    package var isCut = false

    static let mostHolders = 100

    /// Nothing is known of the target.
    package var isEmpty: Bool { manifests == 0 && blobs == 0 && repositories.isEmpty }
}

extension Catalog {
    /// Looks at no more than about ten thousand rows.
    package func planPurge(_ target: PurgeTarget) async throws(CatalogError) -> PurgePlan {
        try await database.read { transaction throws(CatalogError) in
            var planning = Planning(transaction: transaction)
            switch target {
            case .content(let digest): try planning.look(from: digest)
            case .repository(let name): try planning.look(into: name)
            }
            return planning.plan
        }
    }
}

private struct Planning {
    private static let mostRows = 10_000

    let transaction: any SQLTransaction
    var plan = PurgePlan()
    private var left = Self.mostRows

    init(transaction: any SQLTransaction) { self.transaction = transaction }

    /// The content, and whatever names it or names what does.
    mutating func look(from digest: Digest) throws(CatalogError) {
        var (queue, seen): ([Digest], Set<Digest>) = ([digest], [digest])
        while let next = queue.popLast(), left > 0 {
            try add(content: next)
            let rows = try transaction.rows(
                """
                SELECT m.id, m.digest, r.name, m.deleted_at, r.deleted_at
                FROM manifest m
                JOIN repository r ON r.id = m.repository_id
                WHERE m.digest = ?
                LIMIT ?
                """, [.digest(next), .integer(Int64(left))])
            for row in rows { try add(manifest: row) }
            for row in try transaction.rows(
                """
                SELECT name
                FROM repository
                WHERE id IN (
                    SELECT repository_id
                    FROM repository_blob
                    WHERE blob_id = (SELECT id FROM blob WHERE digest = ?))
                LIMIT ?
                """, [.digest(next), .integer(Int64(left))])
            {
                plan.repositories.insert(try row.repositoryEvenDeleted(0))
            }
            let parents = try transaction.rows(
                """
                SELECT DISTINCT m.digest
                FROM manifest_reference e
                JOIN manifest m ON m.id = e.manifest_id
                WHERE e.blob_id = (SELECT id FROM blob WHERE digest = ?)
                LIMIT ?
                """, [.digest(next), .integer(Int64(left))])
            left -= parents.count
            for row in parents {
                let parent = try row.digest(0)
                if seen.insert(parent).inserted { queue.append(parent) }
            }
        }
        plan.isCut = left <= 0
    }

    /// The repository and its deleted predecessors.
    mutating func look(into name: RepositoryName) throws(CatalogError) {
        let repositories = try transaction.rows(
            "SELECT id FROM repository WHERE name = ? OR (name > ? AND name < ?)",
            [.text(name.text), .text(name.text + "#"), .text(name.text + "$")])
        if !repositories.isEmpty { plan.repositories.insert(name) }
        var seen: Set<Digest> = []
        for repository in repositories where left > 0 {
            let home = SQLValue.integer(try repository.integer(0))
            let manifests = try transaction.rows(
                """
                SELECT m.id, m.digest, r.name, m.deleted_at, r.deleted_at
                FROM manifest m
                JOIN repository r ON r.id = m.repository_id
                WHERE m.repository_id = ?
                LIMIT ?
                """, [home, .integer(Int64(left))])
            for row in manifests { try add(manifest: row) }
            // What only repositories of this name hold.
            let content = try transaction.rows(
                """
                SELECT DISTINCT b.digest
                FROM repository_blob l
                JOIN blob b ON b.id = l.blob_id
                WHERE l.repository_id = ?
                    AND NOT EXISTS (
                        SELECT 1
                        FROM repository_blob o
                        JOIN repository r ON r.id = o.repository_id
                        WHERE o.blob_id = l.blob_id AND r.name <> ? AND NOT (r.name > ? AND r.name < ?))
                    AND NOT EXISTS (
                        SELECT 1
                        FROM manifest_reference e
                        JOIN repository r ON r.id = e.repository_id
                        WHERE e.blob_id = l.blob_id AND r.name <> ? AND NOT (r.name > ? AND r.name < ?))
                LIMIT ?
                """,
                [
                    home, .text(name.text), .text(name.text + "#"), .text(name.text + "$"), .text(name.text),
                    .text(name.text + "#"), .text(name.text + "$"), .integer(Int64(max(1, left))),
                ])
            for row in content {
                let digest = try row.digest(0)
                if seen.insert(digest).inserted { try add(content: digest) }
            }
        }
        plan.isCut = left <= 0
    }

    private mutating func add(content digest: Digest) throws(CatalogError) {
        left -= 1
        guard let content = try transaction.content(digest) else { return }
        plan.blobs += 1
        plan.bytes += content.size
    }

    /// Of `id, digest, name, deleted_at`, and when its repository was deleted.
    private mutating func add(manifest row: SQLRow) throws(CatalogError) {
        left -= 1
        let repository = try row.repositoryEvenDeleted(2)
        plan.manifests += 1
        plan.repositories.insert(repository)
        let id = SQLValue.integer(try row.integer(0))
        if let tags = try transaction.row("SELECT count(*) FROM tag WHERE manifest_id = ?", [id]) {
            plan.tags += Int(try tags.integer(0))
        }
        guard plan.holders.count < PurgePlan.mostHolders else { return }
        let tags = try transaction.rows(
            "SELECT name FROM tag WHERE manifest_id = ? ORDER BY name LIMIT 10", [id])
        plan.holders.append(
            PurgePlan.Holder(
                repository: repository, digest: try row.digest(1),
                tags: try tags.map { row throws(CatalogError) in try row.tag(0) },
                isDeleted: !row.isNull(3) || !row.isNull(4)))
    }
}
