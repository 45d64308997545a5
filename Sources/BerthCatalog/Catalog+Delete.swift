package import BerthModel

extension Catalog {
    /// Removes a tag; what it pointed to stays.
    package func deleteTag(
        _ tag: Tag, in repository: RepositoryName, condition: TagCondition = .none, by principal: Principal
    ) async throws(CatalogError) -> TagDeletion {
        try await write { [self] transaction, changes throws(CatalogError) in
            guard let id = try transaction.repositoryID(repository) else { return .unknownRepository }
            guard try !transaction.isProtected(id) else { return .protected }
            let current = try transaction.target(of: tag, in: id)
            guard condition.holds(for: current) else { return .conditionFailed(current: current) }
            guard let current else { return transaction.refusal(ofNew: tag).map { .refused($0) } ?? .unknownTag }
            if let refusal = try TagRules(transaction, for: repository).refusal(of: tag) { return .refused(refusal) }
            let now = clock.wall()
            try transaction.deleteTag(tag, in: id)
            try transaction.remember(tag, in: id, from: current, to: nil, by: principal, at: now)
            try transaction.tell(.deleted, repository, current, tag: tag, by: principal, at: now)
            changes.tags.append(.init(repository: repository, tag: tag))
            return .deleted(current)
        }
    }

    /// Hides a manifest with its tags, its referrers, unless `keepReferrers`, and the children that only it held and that
    /// never had a name of their own, unless `keepChildren`. Edges and bytes stay until the window is over.
    ///
    /// From the first commit on the manifest is gone for everybody, and mostly all that goes with it; where there is much,
    /// the rest follows in further closures of bounded size before this returns, or at the next start (C6).
    package func deleteManifest(
        _ digest: Digest, in repository: RepositoryName, referencedAllowed: Bool, keepChildren: Bool = false,
        keepReferrers: Bool = false, by principal: Principal
    ) async throws(CatalogError) -> ManifestDeletion {
        let start = DetachPlace(keepsChildren: keepChildren, keepsReferrers: keepReferrers)
        while true {
            let hidden = try await hide(
                digest, in: repository, referencedAllowed: referencedAllowed, start, by: principal)
            switch hidden {
            case .again: continue
            case .refused(let refusal): return refusal
            case .gone(let tags): return .deleted(tags: tags)
            case .hidden(let id, let tags):
                return .deleted(
                    tags: tags + (try await finishDetaching(of: id)).prefix(Self.rowsPerClosure - tags.count))
            }
        }
    }

    private enum Hiding: Sendable {
        /// With all that goes with it.
        case gone(tags: [Tag])
        /// There is more to go.
        case hidden(Int64, tags: [Tag])
        case refused(ManifestDeletion)
        /// What an earlier deletion has left was to be forgotten first, and there is more.
        case again
    }

    private func hide(
        _ digest: Digest, in repository: RepositoryName, referencedAllowed: Bool, _ start: DetachPlace,
        by principal: Principal
    ) async throws(CatalogError) -> Hiding {
        try await write { [self] transaction, changes throws(CatalogError) in
            guard let home = try transaction.repositoryID(repository) else { return .refused(.unknownRepository) }
            guard try !transaction.isProtected(home) else { return .refused(.protected) }
            guard let row = try transaction.manifestRow(digest, in: home) else { return .refused(.unknownManifest) }
            if row.isDeleted {
                // An earlier attempt may have hidden it and then failed: what goes with it goes now.
                return row.isDetaching ? .hidden(row.id, tags: []) : .refused(.unknownManifest)
            }
            if !referencedAllowed {
                let indexes = try transaction.holders(of: digest, in: home, limit: 10)
                guard indexes.isEmpty else { return .refused(.referenced(by: indexes)) }
            }
            if let refusal = try transaction.keptTag(of: row.id, TagRules(transaction, for: repository)) {
                return .refused(.refused(refusal))
            }
            // Tags that went the last time have been missed since: only those that go now come back with it.
            let forgotten = try transaction.execute(
                """
                UPDATE tag_history
                SET deleted_with = NULL
                WHERE id IN (SELECT id FROM tag_history WHERE deleted_with = ? LIMIT ?)
                """, [.integer(row.id), .integer(Int64(Self.rowsPerClosure / 2))])
            guard forgotten < Self.rowsPerClosure / 2 else { return .again }
            let now = time.now()
            var detaching = Detaching(
                transaction: transaction, now: clock.wall(), registryTime: now,
                rows: settings.rowsPerClosure - forgotten - Detaching.rowsHidden)
            try detaching.hide(
                Leaving(
                    id: row.id, repositoryID: home, repository: repository, digest: digest, deletion: row.id,
                    principal: principal, place: start, hiddenAt: now),
                &changes)
            let isDone = try detaching.run(row.id, &changes)
            return isDone ? .gone(tags: detaching.tags) : .hidden(row.id, tags: detaching.tags)
        }
    }

    /// Finishes all deletions that are half done.
    package func finishDetaching() async throws(CatalogError) {
        while true {
            let next = try await database.read { transaction throws(CatalogError) in
                try transaction.row(
                    """
                    SELECT deleted_with
                    FROM manifest
                    WHERE detach_position IS NOT NULL AND deleted_with IS NOT NULL
                    ORDER BY deleted_with
                    LIMIT 1
                    """, []
                ).map { row throws(CatalogError) in try row.integer(0) }
            }
            guard let next else { return }
            _ = try await finishDetaching(of: next)
        }
    }

    /// The tags that went, at most the first thousand.
    private func finishDetaching(of deletion: Int64) async throws(CatalogError) -> [Tag] {
        var tags: [Tag] = []
        while true {
            let part = try await write { [self] transaction, changes throws(CatalogError) in
                var detaching = Detaching(
                    transaction: transaction, now: clock.wall(), registryTime: time.now(),
                    rows: settings.rowsPerClosure)
                let isDone = try detaching.run(deletion, &changes)
                return (isDone: isDone, tags: detaching.tags)
            }
            tags += part.tags.prefix(Self.rowsPerClosure - tags.count)
            if part.isDone { return tags }
        }
    }
}
