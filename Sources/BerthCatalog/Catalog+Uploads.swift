package import BerthModel

// An upload has a row from its first bytes on; its end replaces the row by an end mark, in the transaction of the end
// itself (B8). Ids are UUIDs of version 7, so the order of ids is the order of starts.

extension Catalog {
    /// Notes that an upload has begun. Nobody waits: a row that a crash loses is made again by the next request.
    package func noteUpload(_ id: UploadID, repository: RepositoryName, principal: Principal) {
        enqueue { transaction, changes throws(CatalogError) in
            changes.totals.openUploads += try transaction.execute(
                """
                INSERT INTO upload (id, repository, principal, outcome)
                VALUES (?, ?, ?, 0)
                ON CONFLICT (id) DO NOTHING
                """,
                [.text(id.text), .text(repository.text), .text(principal.text)])
        }
    }

    /// Ends an upload for good; one that has ended before stays as it ended.
    package func cancelUpload(
        _ id: UploadID, repository: RepositoryName, principal: Principal
    ) async throws(CatalogError) {
        try await write { [self] transaction, changes throws(CatalogError) in
            let fact = try transaction.upload(id)
            guard fact?.isOpen ?? true else { return }
            try transaction.endUpload(id, repository, principal, .cancelled, at: clock.wall())
            if fact != nil { changes.totals.openUploads -= 1 }
        }
    }

    package func upload(_ id: UploadID) async throws(CatalogError) -> UploadFact? {
        try await database.read { transaction throws(CatalogError) in try transaction.upload(id) }
    }

    /// Uploads that have begun and not ended, the oldest first.
    package func openUploads(after last: UploadID?, limit: Int) async throws(CatalogError) -> [UploadFact] {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows(
                """
                SELECT id, repository, principal, outcome, digest
                FROM upload
                WHERE outcome = 0 AND id > ?
                ORDER BY id
                LIMIT ?
                """,
                [.text(last?.text ?? ""), .integer(Int64(max(0, limit)))]
            ).map { row throws(CatalogError) in try row.uploadFact() }
        }
    }

    /// Uploads that have ended and whose end is still remembered, the oldest first.
    package func endedUploads(after last: UploadID?, limit: Int) async throws(CatalogError) -> [UploadFact] {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows(
                """
                SELECT id, repository, principal, outcome, digest
                FROM upload
                WHERE outcome > 0 AND id > ?
                ORDER BY id
                LIMIT ?
                """,
                [.text(last?.text ?? ""), .integer(Int64(max(0, limit)))]
            ).map { row throws(CatalogError) in try row.uploadFact() }
        }
    }

    /// Forgets uploads, open and ended, that started before `start`, in microseconds since 1970. How many.
    @discardableResult
    package func pruneUploads(olderThan start: Int64) async throws(CatalogError) -> Int {
        // The first 48 bits of an id are its milliseconds.
        let bound = UploadID.prefix(milliseconds: max(0, start / 1_000))
        let limit = Self.rowsPerClosure / 2
        var sum = 0
        while true {
            let count = try await write(.background) { transaction, changes throws(CatalogError) in
                let gone = try transaction.rows(
                    """
                    DELETE FROM upload
                    WHERE id IN (SELECT id FROM upload WHERE id < ? ORDER BY id LIMIT ?)
                    RETURNING outcome
                    """,
                    [.text(bound), .integer(Int64(limit))])
                for row in gone where try row.integer(0) == 0 { changes.totals.openUploads -= 1 }
                return gone.count
            }
            sum += count
            guard count == limit else { return sum }
        }
    }
}

extension UploadID {
    /// The beginning of every id of that time; ids of earlier times come before it.
    fileprivate static func prefix(milliseconds: Int64) -> String {
        let hex = String(milliseconds & 0xFFFF_FFFF_FFFF, radix: 16)
        let padded = String(repeating: "0", count: 12 - hex.utf8.count) + hex
        return "\(padded.prefix(8))-\(padded.suffix(4))"
    }
}

extension SQLTransaction {
    func upload(_ id: UploadID) throws(CatalogError) -> UploadFact? {
        try row("SELECT id, repository, principal, outcome, digest FROM upload WHERE id = ?", [.text(id.text)])
            .map { row throws(CatalogError) in try row.uploadFact() }
    }

    /// Writes the end mark of an upload that has no row. False: it has one, and nothing was written.
    func endUnknown(
        _ id: UploadID, _ repository: RepositoryName, _ principal: Principal, _ digest: Digest, at now: Int64
    ) throws(CatalogError) -> Bool {
        try execute(
            """
            INSERT INTO upload (id, repository, principal, outcome, digest, ended_at)
            VALUES (?, ?, ?, 1, ?, ?)
            ON CONFLICT (id) DO NOTHING
            """,
            [.text(id.text), .text(repository.text), .text(principal.text), .digest(digest), .integer(now)]) > 0
    }

    /// Writes the end mark, over the row of an open upload or without one.
    func endUpload(
        _ id: UploadID, _ repository: RepositoryName, _ principal: Principal, _ outcome: UploadFact.Outcome,
        at now: Int64
    ) throws(CatalogError) {
        let (code, digest): (Int64, SQLValue)
        switch outcome {
        case .committed(let committed): (code, digest) = (1, .digest(committed))
        case .cancelled: (code, digest) = (2, .null)
        }
        try execute(
            """
            INSERT INTO upload (id, repository, principal, outcome, digest, ended_at)
            VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (id)
                DO UPDATE SET outcome = excluded.outcome, digest = excluded.digest, ended_at = excluded.ended_at
            """,
            [
                .text(id.text), .text(repository.text), .text(principal.text), .integer(code), digest,
                .integer(now),
            ])
    }
}

extension SQLRow {
    /// Of `id, repository, principal, outcome, digest`.
    fileprivate func uploadFact() throws(CatalogError) -> UploadFact {
        let outcome: UploadFact.Outcome? =
            switch try integer(3) {
            case 0: nil
            case 1: .committed(try digest(4))
            default: .cancelled
            }
        return UploadFact(
            id: try upload(0), repository: try repository(1), principal: try principal(2), outcome: outcome)
    }
}
