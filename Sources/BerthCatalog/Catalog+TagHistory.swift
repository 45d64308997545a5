package import BerthModel

/// What a tag pointed to at a moment, or why nobody can say.
package enum TagMoment: Hashable, Sendable {
    case found(ManifestFact)
    case unknownRepository
    /// That moment has not come.
    case future
    /// The tag was set for the first time at this moment, in microseconds since 1970; nil: it never was.
    case before(Int64?)
    /// It was deleted at this moment and not set again until later.
    case deleted(Int64)
    /// The manifest has been deleted since.
    case gone(Digest)
}

/// Which of its targets a tag is to have again.
package enum TagTarget: Hashable, Sendable {
    /// The one that it had when it was deleted.
    case last
    case digest(Digest)
    /// Microseconds since 1970.
    case moment(Int64)
}

package enum TagRestoration: Hashable, Sendable {
    case restored(Digest)
    /// It points there already; without a target: it is there.
    case unchanged(Digest)
    case unknownRepository
    /// It never pointed to that digest, or never was at all.
    case neverWas
    case nothingThen(TagMoment)
    case refused(TagRefusal)
}

/// A tag with what is known of it.
package struct TagDetails: Hashable, Sendable {
    package let tag: Tag
    /// Nil: it is deleted.
    package let digest: Digest?
    package let type: ManifestType?
    /// The last change.
    package let change: TagChange?
    /// The rule that keeps it.
    package let rule: RuleName?
}

extension Catalog {
    /// The manifest that a tag pointed to at `moment`, if that is still here. Nothing of a repository that was deleted
    /// since is seen: its name means another one now.
    package func manifest(
        _ tag: Tag, at moment: Int64, in repository: RepositoryName
    ) async throws(CatalogError) -> TagMoment {
        let now = clock.wall()
        return try await database.read { transaction throws(CatalogError) in
            guard let home = try transaction.repositoryID(repository) else { return .unknownRepository }
            return try transaction.manifest(tag, at: moment, in: home, now: now)
        }
    }

    /// What happened to a tag, the newest first, at most `limit` changes, older than the one with the id `before`.
    package func history(
        of tag: Tag, in repository: RepositoryName, before: Int64? = nil, limit: Int
    ) async throws(CatalogError) -> [TagChange] {
        try await database.read { transaction throws(CatalogError) in
            guard let home = try transaction.repositoryID(repository) else { return [] }
            // The times of one tag's changes never fall with its ids.
            return try transaction.rows(
                """
                SELECT id, changed_at, changed_by, old_digest, new_digest
                FROM tag_history
                WHERE repository_id = ? AND tag = ? AND id < ?
                ORDER BY changed_at DESC, id DESC
                LIMIT ?
                """,
                [.integer(home), .text(tag.text), .integer(before ?? .max), .integer(Int64(max(0, limit)))]
            ).map { row throws(CatalogError) in try row.tagChange(tag) }
        }
    }

    /// Tags in byte order after `last`, each with its last change, at most `limit`. Deleted ones, if those are asked for:
    /// every name that once was a tag is looked at then. Nil: no such repository.
    package func tagDetails(
        in repository: RepositoryName, deleted: Bool, after last: String?, limit: Int
    ) async throws(CatalogError) -> [TagDetails]? {
        try await database.read { transaction throws(CatalogError) in
            guard let home = try transaction.repositoryID(repository) else { return nil }
            let rules = try TagRules(transaction, for: repository)
            var found: [TagDetails] = []
            if deleted {
                var name = last ?? ""
                while found.count < limit {
                    guard let tag = try transaction.nextTagEver(after: name, in: home) else { break }
                    name = tag.text
                    guard try transaction.target(of: tag, in: home) == nil else { continue }
                    found.append(
                        TagDetails(
                            tag: tag, digest: nil, type: nil, change: try transaction.lastChange(of: tag, in: home),
                            rule: nil))
                }
                return found
            }
            let rows = try transaction.rows(
                """
                SELECT t.name, m.digest, m.type
                FROM tag t
                JOIN manifest m ON m.id = t.manifest_id
                WHERE t.repository_id = ? AND t.name > ? AND m.deleted_at IS NULL
                ORDER BY t.name
                LIMIT ?
                """, [.integer(home), .text(last ?? ""), .integer(Int64(max(0, limit)))])
            for row in rows {
                let tag = try row.tag(0)
                found.append(
                    TagDetails(
                        tag: tag, digest: try row.digest(1), type: try row.manifestType(2),
                        change: try transaction.lastChange(of: tag, in: home), rule: rules.rule(for: tag)))
            }
            return found
        }
    }

    /// Points a tag to what it pointed to before. What it is now is one more line of its history.
    package func restore(
        _ tag: Tag, in repository: RepositoryName, to target: TagTarget, by principal: Principal
    ) async throws(CatalogError) -> TagRestoration {
        try await write { [self] transaction, changes throws(CatalogError) in
            guard let home = try transaction.repositoryID(repository) else { return .unknownRepository }
            let now = clock.wall()
            let current = try transaction.target(of: tag, in: home)
            let digest: Digest
            switch target {
            case .last:
                if let current { return .unchanged(current) }
                guard let old = try transaction.lastChange(of: tag, in: home)?.old else { return .neverWas }
                digest = old
            case .digest(let wanted):
                let was = try transaction.exists(
                    """
                    SELECT 1
                    FROM tag_history
                    WHERE repository_id = ? AND tag = ? AND (new_digest = ? OR old_digest = ?)
                    LIMIT 1
                    """, [.integer(home), .text(tag.text), .digest(wanted), .digest(wanted)])
                guard was else { return .neverWas }
                digest = wanted
            case .moment(let moment):
                let then = try transaction.manifest(tag, at: moment, in: home, now: now)
                guard case .found(let fact) = then else { return .nothingThen(then) }
                digest = fact.digest
            }
            if current == digest { return .unchanged(digest) }
            if current != nil, let refusal = try TagRules(transaction, for: repository).refusal(of: tag) {
                return .refused(refusal)
            }
            guard let row = try transaction.manifestRow(digest, in: home), !row.isDeleted else {
                return .nothingThen(.gone(digest))
            }
            try transaction.point(tag, to: row.id, in: home)
            try transaction.remember(tag, in: home, from: current, to: digest, by: principal, at: now)
            try transaction.tell(.tagged, repository, digest, tag: tag, by: principal, at: now)
            changes.tags.append(.init(repository: repository, tag: tag))
            return .restored(digest)
        }
    }
}

extension SQLTransaction {
    fileprivate func manifest(
        _ tag: Tag, at moment: Int64, in home: Int64, now: Int64
    ) throws(CatalogError) -> TagMoment {
        // To the second, as the moment is.
        guard moment / 1_000_000 <= now / 1_000_000 else { return .future }
        let last = try row(
            """
            SELECT h.changed_at, h.new_digest, m.type, m.size
            FROM tag_history h
            LEFT JOIN manifest m
                ON m.digest = h.new_digest AND m.repository_id = h.repository_id AND m.deleted_at IS NULL
            WHERE h.repository_id = ? AND h.tag = ? AND h.changed_at <= ?
            ORDER BY h.changed_at DESC, h.id DESC
            LIMIT 1
            """, [.integer(home), .text(tag.text), .integer(moment)])
        guard let last else {
            let first = try row(
                """
                SELECT changed_at
                FROM tag_history
                WHERE repository_id = ? AND tag = ?
                ORDER BY changed_at, id
                LIMIT 1
                """, [.integer(home), .text(tag.text)])
            return .before(try first?.integer(0))
        }
        guard let digest = try last.optionalDigest(1) else { return .deleted(try last.integer(0)) }
        guard !last.isNull(2) else { return .gone(digest) }
        return .found(ManifestFact(digest: digest, type: try last.manifestType(2), size: try last.integer(3)))
    }

    fileprivate func lastChange(of tag: Tag, in home: Int64) throws(CatalogError) -> TagChange? {
        try row(
            """
            SELECT id, changed_at, changed_by, old_digest, new_digest
            FROM tag_history
            WHERE repository_id = ? AND tag = ?
            ORDER BY changed_at DESC, id DESC
            LIMIT 1
            """, [.integer(home), .text(tag.text)]
        ).map { row throws(CatalogError) in try row.tagChange(tag) }
    }

    /// From name to name by the index, whatever the length of each one's history.
    fileprivate func nextTagEver(after name: String, in home: Int64) throws(CatalogError) -> Tag? {
        try row(
            "SELECT tag FROM tag_history WHERE repository_id = ? AND tag > ? ORDER BY tag LIMIT 1",
            [.integer(home), .text(name)]
        ).map { row throws(CatalogError) in try row.tag(0) }
    }
}

extension SQLRow {
    /// Of `id, changed_at, changed_by, old_digest, new_digest`.
    fileprivate func tagChange(_ tag: Tag) throws(CatalogError) -> TagChange {
        TagChange(
            id: try integer(0), tag: tag, at: try integer(1), principal: try principal(2), old: try optionalDigest(3),
            new: try optionalDigest(4))
    }
}
