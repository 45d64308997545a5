package import BerthModel

extension Catalog {
    /// Makes content visible in a repository, with a lease: step 4 of the large upload, and the small one.
    ///
    /// The upload named ends in the same transaction. Present content is not staged again; content that is missing,
    /// damaged, doomed or sweeping is live afterwards, by the bytes given (B9, G2, G3).
    package func commitBlob(_ commit: BlobCommit) async throws(CatalogError) -> BlobCommitOutcome {
        try await stage(commit.content.stagedByteCount) { [self] transaction, changes throws(CatalogError) in
            let now = clock.wall()
            // Hardly any upload of small content has a row before: then one statement finds that out and writes its end.
            var upload: UploadFact?
            var isEnded = false
            if let id = commit.upload {
                if !commit.content.isClaim {
                    isEnded = try transaction.endUnknown(
                        id, commit.repository, commit.principal, commit.digest, at: now)
                }
                if !isEnded { upload = try transaction.upload(id) }
            }
            if let upload, !upload.isOpen { return .uploadEnded(upload) }
            try transaction.lock(blobs: [commit.digest])
            guard
                let isNew = try transaction.ensure(
                    commit.digest, size: commit.size, commit.content, at: now, &changes)
            else { return .contentGone }
            let repository = try transaction.makeRepository(commit.repository, at: now, &changes)
            try transaction.link(
                commit.digest, commit.mediaKind, in: repository, by: commit.principal, leasedAt: time.now())
            if let id = commit.upload, !isEnded {
                try transaction.endUpload(
                    id, commit.repository, commit.principal, .committed(commit.digest), at: now)
                if upload != nil { changes.totals.openUploads -= 1 }
            }
            changes.links.append(.init(repository: commit.repository, digest: commit.digest))
            return .committed(isNew: isNew)
        }
    }

    /// Links content of one repository into another, with a lease. The caller has asked who may read `source`.
    /// The size in bytes; nil: the source does not have it, or not whole.
    package func mount(
        _ digest: Digest, from source: RepositoryName, to target: RepositoryName, by principal: Principal
    ) async throws(CatalogError) -> Int64? {
        try await write { [self] transaction, changes throws(CatalogError) in
            let now = clock.wall()
            try transaction.lock(blobs: [digest])
            guard let from = try transaction.repositoryID(source),
                let content = try transaction.linkedContent(digest, in: from), !content.isDamaged
            else { return nil }
            try transaction.revive(content)
            let to = try transaction.makeRepository(target, at: now, &changes)
            try transaction.link(digest, .blob, in: to, by: principal, leasedAt: time.now())
            try transaction.tell(.mounted, target, digest, tag: nil, by: principal, at: now)
            changes.links.append(.init(repository: target, digest: digest))
            return content.size
        }
    }

    /// Hides a blob in a repository. Its bytes stay for the other repositories and until the window is over.
    package func deleteBlob(
        _ digest: Digest, in repository: RepositoryName, referencedAllowed: Bool, by principal: Principal
    ) async throws(CatalogError) -> BlobDeletion {
        try await write { [self] transaction, changes throws(CatalogError) in
            guard let id = try transaction.repositoryID(repository) else { return .unknownRepository }
            guard try !transaction.isProtected(id) else { return .protected }
            try transaction.lock(blobs: [digest])
            if try transaction.manifestRow(digest, in: id).map({ !$0.isDeleted }) ?? false {
                // The content of a manifest goes with the manifest, never by itself.
                return .referenced(by: [digest])
            }
            guard try transaction.linkedContent(digest, in: id) != nil else { return .unknownBlob }
            if !referencedAllowed {
                let holders = try transaction.holders(of: digest, in: id, limit: 10)
                guard holders.isEmpty else { return .referenced(by: holders) }
            }
            try transaction.hideLink(of: digest, .blob, in: id, by: principal, at: time.now())
            try transaction.tell(.deleted, repository, digest, tag: nil, by: principal, at: clock.wall())
            changes.links.append(.init(repository: repository, digest: digest))
            return .deleted
        }
    }

    /// Takes back that content was about to go, before a client is told that it is here (HEAD). False: it has gone.
    package func revive(_ digest: Digest, in repository: RepositoryName) async throws(CatalogError) -> Bool {
        try await write { [self] transaction, changes throws(CatalogError) in
            try transaction.lock(blobs: [digest])
            guard let id = try transaction.repositoryID(repository),
                let content = try transaction.linkedContent(digest, in: id)
            else { return false }
            try transaction.revive(content)
            try transaction.execute(
                """
                UPDATE repository_blob
                SET leased_at = ?
                WHERE repository_id = ? AND blob_id = (SELECT id FROM blob WHERE digest = ?) AND deleted_at IS NULL
                    AND leased_at < 0
                """,
                [.integer(time.now()), .integer(id), .digest(digest)])
            changes.content.append(digest)
            changes.links.append(.init(repository: repository, digest: digest))
            return true
        }
    }

    /// Notes the promise that "exists" makes to a client, before the state is read (G2).
    package func promise(_ digest: Digest, in repository: RepositoryName) -> Leases.Promise {
        let (promise, overflow) = leases.promise(digest, in: repository)
        if let overflow {
            settings.meanwhile { [self] in
                let isDurable = (try? await store(overflow.promises)) != nil
                leases.left(overflow, isDurable: isDurable)
            }
        }
        return promise
    }

    /// Notes that content is missing or wrong where it was looked for, until somebody uploads it anew. True: this is the
    /// first report (B9). Content that has another place by now, for it was healed meanwhile, is not touched.
    @discardableResult
    package func reportDamage(_ digest: Digest, at place: LostPlace) async throws(CatalogError) -> Bool {
        try await write { transaction, changes throws(CatalogError) in
            try transaction.lock(blobs: [digest])
            changes.content.append(digest)
            return try transaction.execute(
                """
                UPDATE blob
                SET damaged = 1
                WHERE digest = ? AND state < 3 AND damaged = 0
                    AND coalesce(
                        (SELECT coalesce(s.upload_id, 'bytes') FROM blob_staging s WHERE s.digest = blob.digest),
                        'settled') = ?
                """,
                [.digest(digest), .text(place.text)]) > 0
        }
    }

    /// Takes a report of damage back: the content was seen in its place since.
    package func clearDamage(_ digest: Digest) async throws(CatalogError) {
        try await write { transaction, changes throws(CatalogError) in
            try transaction.lock(blobs: [digest])
            changes.content.append(digest)
            try transaction.execute("UPDATE blob SET damaged = 0 WHERE digest = ?", [.digest(digest)])
        }
    }

    /// Ends the staging of content whose file is synced under its final name (B4). Keys of content that has been
    /// staged anew since are passed over.
    package func markSettled(_ keys: [StagedKey]) async throws(CatalogError) {
        var rest = keys[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(Self.rowsPerClosure / 2))
            rest = rest.dropFirst(part.count)
            try await write(.background) { transaction, changes throws(CatalogError) in
                for key in part { try transaction.unstage(key, &changes) }
            }
        }
    }
}

extension BlobCommit.Content {
    /// Nothing but that the content is here already.
    var isClaim: Bool {
        if case .presentAndGood = self { true } else { false }
    }
    var stagedByteCount: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .sealed, .presentAndGood: 0
        }
    }
}
