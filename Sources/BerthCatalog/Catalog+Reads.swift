package import BerthModel

extension Catalog {
    // MARK: - At once (C4)

    /// The manifest that a tag points to, if that can be told without waiting.
    package func cachedManifest(_ tag: Tag, in repository: RepositoryName) -> ManifestFact? {
        let key = CatalogCaches.TagKey(repository: repository, tag: tag)
        if let digest = caches.tags[key] { return cachedManifest(digest, in: repository) }
        let token = caches.tags.token(for: key)
        guard let row = database.rowsNow(Self.manifestByTag, [.text(repository.text), .text(tag.text)])?.first,
            let fact = try? row.manifestFact()
        else { return nil }
        caches.tags.offer(fact.digest, for: key, since: token)
        return cachedManifest(fact.digest, in: repository)
    }

    package func cachedManifest(_ digest: Digest, in repository: RepositoryName) -> ManifestFact? {
        let key = CatalogCaches.ContentKey(repository: repository, digest: digest)
        if let fact = caches.manifests[key] { return fact }
        let token = caches.manifests.token(for: key)
        guard let row = database.rowsNow(Self.manifestByDigest, [.text(repository.text), .digest(digest)])?.first,
            let fact = try? row.manifestFact()
        else { return nil }
        caches.manifests.offer(fact, for: key, since: token)
        return fact
    }

    /// Content that may be read in this repository; only of live, settled, undamaged content it is told that it is here.
    package func blobNow(_ digest: Digest, in repository: RepositoryName) -> BlobNow {
        let key = CatalogCaches.ContentKey(repository: repository, digest: digest)
        if caches.links[key] != nil, let fact = caches.content[digest] { return .here(fact) }
        let tokens = tokens(for: key)
        guard let rows = database.rowsNow(Self.blobByDigest, [.text(repository.text), .digest(digest)])
        else { return .unknown }
        guard let row = Self.firm(rows) else {
            let repositories = database.rowsNow(Self.repositoryByName, [.text(repository.text)])
            return repositories?.isEmpty == false ? .absent : .unknown
        }
        guard let fact = try? row.blobFact() else { return .unknown }
        offer(fact, for: key, since: tokens)
        return Self.isPlain(fact) ? .here(fact) : .unknown
    }

    package func cachedBlob(_ digest: Digest, in repository: RepositoryName) -> BlobFact? {
        if case .here(let fact) = blobNow(digest, in: repository) { fact } else { nil }
    }

    private static let repositoryByName: StaticString =
        "SELECT id FROM repository WHERE name = ? AND deleted_at IS NULL"

    // MARK: - From the database

    package func hasRepository(_ name: RepositoryName) async throws(CatalogError) -> Bool {
        try await database.read { transaction throws(CatalogError) in try transaction.repositoryID(name) != nil }
    }

    /// Nil: no such repository, or no such tag in it.
    package func manifest(_ tag: Tag, in repository: RepositoryName) async throws(CatalogError) -> ManifestFact? {
        let key = CatalogCaches.TagKey(repository: repository, tag: tag)
        let token = caches.tags.token(for: key)
        // The shard of the manifest's digest is not known yet, so its fact is not offered here.
        let fact = try await database.read { transaction throws(CatalogError) in
            try transaction.row(Self.manifestByTag, [.text(repository.text), .text(tag.text)])
                .map { row throws(CatalogError) in try row.manifestFact() }
        }
        guard let fact else { return nil }
        caches.tags.offer(fact.digest, for: key, since: token)
        if cachedManifest(fact.digest, in: repository) == nil {
            _ = try await manifest(fact.digest, in: repository)
        }
        return fact
    }

    private static let manifestByTag: StaticString = """
        SELECT m.digest, m.type, m.size
        FROM repository r
        JOIN tag t ON t.repository_id = r.id
        JOIN manifest m ON m.id = t.manifest_id
        WHERE r.name = ? AND t.name = ? AND m.deleted_at IS NULL
        """

    /// Nil: no such repository, or no such manifest in it.
    package func manifest(
        _ digest: Digest, in repository: RepositoryName
    ) async throws(CatalogError) -> ManifestFact? {
        let key = CatalogCaches.ContentKey(repository: repository, digest: digest)
        let token = caches.manifests.token(for: key)
        let fact = try await database.read { transaction throws(CatalogError) in
            try transaction.row(Self.manifestByDigest, [.text(repository.text), .digest(digest)])
                .map { row throws(CatalogError) in try row.manifestFact() }
        }
        if let fact { caches.manifests.offer(fact, for: key, since: token) }
        return fact
    }

    private static let manifestByDigest: StaticString = """
        SELECT m.digest, m.type, m.size
        FROM repository r
        JOIN manifest m ON m.repository_id = r.id
        WHERE r.name = ? AND m.digest = ? AND m.deleted_at IS NULL
        """

    /// Content that may be read in this repository, pushed or mounted as a blob or as a manifest. Nil where there is
    /// no such link, or the content is being swept (B9). Doomed: the link is about to go, or the content is; whoever
    /// tells a client of it calls `revive` first.
    package func blob(_ digest: Digest, in repository: RepositoryName) async throws(CatalogError) -> BlobFact? {
        let key = CatalogCaches.ContentKey(repository: repository, digest: digest)
        let tokens = tokens(for: key)
        let fact = try await database.read { transaction throws(CatalogError) in
            try Self.firm(transaction.rows(Self.blobByDigest, [.text(repository.text), .digest(digest)]))
                .map { row throws(CatalogError) in try row.blobFact() }
        }
        if let fact { offer(fact, for: key, since: tokens) }
        return fact
    }

    private static let blobByDigest: StaticString = """
        SELECT b.digest, b.size, CASE WHEN l.leased_at < 0 THEN 1 ELSE b.state END, b.damaged, s.id, s.upload_id
        FROM repository r
        JOIN repository_blob l ON l.repository_id = r.id
        JOIN blob b ON b.id = l.blob_id
        LEFT JOIN blob_staging s ON s.digest = b.digest
        WHERE r.name = ? AND b.digest = ? AND l.deleted_at IS NULL AND b.state < 2
        """

    /// Of the two links that content can have, a blob's and a manifest's, one that does not fade if there is one. To have
    /// them sorted, SQLite would make a table each time.
    private static func firm(_ rows: [SQLRow]) -> SQLRow? {
        rows.first { $0.columns[2] == .integer(Int64(BlobState.live.rawValue)) } ?? rows.first
    }

    private struct BlobTokens {
        let link: CoherentCache<CatalogCaches.ContentKey, Bool>.Token
        let content: CoherentCache<Digest, BlobFact>.Token
    }

    private func tokens(for key: CatalogCaches.ContentKey) -> BlobTokens {
        BlobTokens(link: caches.links.token(for: key), content: caches.content.token(for: key.digest))
    }

    /// What fades may not be promised from memory: it is doomed here, whatever it is elsewhere.
    private func offer(_ fact: BlobFact, for key: CatalogCaches.ContentKey, since tokens: BlobTokens) {
        if fact.state == .live { caches.links.offer(true, for: key, since: tokens.link) }
        guard Self.isPlain(fact) else { return }
        // With the key's own digest, so that both caches hold one text of it.
        let kept = BlobFact(
            digest: key.digest, size: fact.size, state: fact.state, isDamaged: fact.isDamaged, staged: fact.staged)
        caches.content.offer(kept, for: key.digest, since: tokens.content)
    }

    /// Live, settled and whole.
    private static func isPlain(_ fact: BlobFact) -> Bool {
        fact.state == .live && fact.staged == nil && !fact.isDamaged
    }

    /// What is known of some content in whatever repository. For healing and housekeeping: never what a client is
    /// answered with, for a digest is no permission.
    package func content(_ digest: Digest) async throws(CatalogError) -> BlobFact? {
        try await database.read { transaction throws(CatalogError) in try transaction.content(digest) }
    }

    /// The bytes of content that is staged in its row; nil when it is not, or not any more.
    package func stagedBytes(_ digest: Digest) async throws(CatalogError) -> [UInt8]? {
        try await database.read { transaction throws(CatalogError) in
            try transaction.row(
                "SELECT bytes FROM blob_staging WHERE digest = ? AND bytes IS NOT NULL", [.digest(digest)]
            ).map { row throws(CatalogError) in try row.bytes(0) }
        }
    }

    /// Repositories that hold the blob and could give it to others, at most `limit` after `last`, the oldest first. The
    /// caller asks who may read them.
    package func mountSources(
        of digest: Digest, after last: MountSource? = nil, limit: Int = 64
    ) async throws(CatalogError) -> [MountSource] {
        try await database.read { transaction throws(CatalogError) in
            guard let content = try transaction.content(digest), content.state != .sweeping, !content.isDamaged
            else { return [] }
            // One repository may hold it twice, as a blob and as a manifest.
            let found = try transaction.rows(
                """
                SELECT r.name, l.repository_id
                FROM repository_blob l
                JOIN repository r ON r.id = l.repository_id
                WHERE l.blob_id = (SELECT id FROM blob WHERE digest = ?) AND l.deleted_at IS NULL
                    AND r.deleted_at IS NULL AND l.repository_id > ?
                ORDER BY l.repository_id
                LIMIT ?
                """,
                [.digest(digest), .integer(last?.id ?? 0), .integer(Int64(max(0, limit)) * 2)]
            ).map { row throws(CatalogError) in MountSource(name: try row.repository(0), id: try row.integer(1)) }
            return Array(found.indices.filter { $0 == 0 || found[$0 - 1] != found[$0] }.map { found[$0] }.prefix(limit))
        }
    }

    /// Committed content that has not settled, in the order of its digests: at most `limit` rows, and no more of them
    /// than about 16 MiB of content take. What is damaged waits for an upload and is left out.
    package func staged(after last: Digest?, limit: Int) async throws(CatalogError) -> [StagedRow] {
        try await database.read { [caches] transaction throws(CatalogError) in
            let rows = try transaction.rows(
                """
                SELECT s.id, s.digest, s.size, s.upload_id
                FROM blob_staging s
                JOIN blob b ON b.digest = s.digest
                WHERE s.digest > ? AND b.damaged = 0
                ORDER BY s.digest
                LIMIT ?
                """,
                [.text(last?.text ?? ""), .integer(Int64(limit))])
            var found: [StagedRow] = []
            var room = Self.mostStagedBytesRead
            for row in rows where room > 0 {
                let key = StagedKey(id: try row.integer(0), digest: try row.digest(1))
                let size = try row.integer(2)
                if row.isNull(3) {
                    room -= size
                    let bytes: [UInt8]
                    if let lately = caches.staged.bytes(of: key.digest) {
                        bytes = lately
                    } else {
                        bytes = try transaction.stagedBytes(key)
                    }
                    found.append(StagedRow(key: key, size: size, content: .bytes(bytes)))
                } else {
                    found.append(StagedRow(key: key, size: size, content: .sealed(try row.upload(3))))
                }
            }
            return found
        }
    }

    private static let mostStagedBytesRead: Int64 = 16 << 20

    /// The finished uploads whose files are committed content.
    package func stagedUploads() async throws(CatalogError) -> [UploadID] {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows("SELECT upload_id FROM blob_staging WHERE upload_id IS NOT NULL", [])
                .map { row throws(CatalogError) in try row.upload(0) }
        }
    }
}

extension SQLTransaction {
    func stagedBytes(_ key: StagedKey) throws(CatalogError) -> [UInt8] {
        try row("SELECT bytes FROM blob_staging WHERE id = ?", [.integer(key.id)])?.bytes(0) ?? []
    }

    /// Nil where there is no such repository, or it has been deleted.
    func repositoryID(_ name: RepositoryName) throws(CatalogError) -> Int64? {
        try row("SELECT id FROM repository WHERE name = ? AND deleted_at IS NULL", [.text(name.text)])
            .map { row throws(CatalogError) in try row.integer(0) }
    }

    /// The repository, made if it is not there: it exists from its first completed blob, mount or manifest.
    func makeRepository(_ name: RepositoryName, at now: Int64, _ changes: inout Changes) throws(CatalogError) -> Int64 {
        if let id = try repositoryID(name) { return id }
        // One that has been deleted has another name since, so nobody comes in between.
        guard
            let row = try row(
                "INSERT INTO repository (name, created_at) VALUES (?, ?) RETURNING id",
                [.text(name.text), .integer(now)])
        else { throw .damaged("a repository that was just made is not there") }
        changes.totals.repositories += 1
        return try row.integer(0)
    }

    func content(_ digest: Digest) throws(CatalogError) -> BlobFact? {
        try row(
            """
            SELECT b.digest, b.size, b.state, b.damaged, s.id, s.upload_id
            FROM blob b
            LEFT JOIN blob_staging s ON s.digest = b.digest
            WHERE b.digest = ? AND b.state < 3
            """,
            [.digest(digest)]
        ).map { row throws(CatalogError) in try row.blobFact() }
    }
}

extension SQLRow {
    func manifestFact() throws(CatalogError) -> ManifestFact {
        ManifestFact(digest: try digest(0), type: try manifestType(1), size: try integer(2))
    }

    /// Of `digest, size, state, damaged, staging id, staging upload`.
    func blobFact() throws(CatalogError) -> BlobFact {
        guard let state = BlobState(rawValue: Int(try integer(2))) else { throw .damaged("no such state of a blob") }
        let staged: StagedPlace? = isNull(4) ? nil : isNull(5) ? .bytes : .sealed(try upload(5))
        return BlobFact(
            digest: try digest(0), size: try integer(1), state: state, isDamaged: try bool(3), staged: staged)
    }
}
