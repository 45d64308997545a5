package import BerthModel

// Files that no row names, and rows whose file is gone: what a restored catalog, a crash or a hand has left.

/// Content whose file is missing or of a wrong size, and that stays so until somebody sends its bytes anew (B9). What is
/// on its way out is not counted.
package struct Damage: Hashable, Sendable {
    package let count: Int
    /// The first of them, in byte order.
    package let digests: [Digest]
}

extension Catalog {
    /// All that is damaged now, also what was reported long ago; at most `limit` of it by its digest.
    package func damage(listing limit: Int = 100) async throws(CatalogError) -> Damage {
        try await database.read { transaction throws(CatalogError) in
            let count = try transaction.row(
                "SELECT count(*) FROM blob WHERE damaged = 1 AND digest > ? AND state = 0", [.text("")])
            let rows = try transaction.rows(
                "SELECT digest FROM blob WHERE damaged = 1 AND digest > ? AND state = 0 ORDER BY digest LIMIT ?",
                [.text(""), .integer(Int64(max(0, limit)))])
            return Damage(
                count: Int(try count?.integer(0) ?? 0),
                digests: try rows.map { row throws(CatalogError) in try row.digest(0) })
        }
    }

    /// What is known of content from `first` to `last`, at most `limit`, in byte order, after `cursor`.
    package func contents(
        from first: Digest, through last: Digest, after cursor: Digest?, limit: Int
    ) async throws(CatalogError) -> [BlobFact] {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows(
                """
                SELECT b.digest, b.size, b.state, b.damaged, s.id, s.upload_id
                FROM blob b
                LEFT JOIN blob_staging s ON s.digest = b.digest
                WHERE b.digest >= ? AND b.digest <= ? AND b.digest > ? AND b.state < 3
                ORDER BY b.digest
                LIMIT ?
                """,
                [.digest(first), .digest(last), .text(cursor?.text ?? ""), .integer(Int64(max(0, limit)))]
            ).map { row throws(CatalogError) in try row.blobFact() }
        }
    }

    /// Remembers files that no row names, with the time at which they were seen first.
    package func noteStrays(_ files: [(digest: Digest, size: Int64)]) async throws(CatalogError) {
        var rest = files[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(Self.linksPerClosure))
            rest = rest.dropFirst(part.count)
            try await collect { collecting, changes throws(CatalogError) in
                for file in part {
                    try collecting.transaction.execute(
                        """
                        INSERT INTO stray_file (digest, size, seen_at)
                        SELECT ?, ?, ?
                        WHERE NOT EXISTS (SELECT 1 FROM blob WHERE digest = ? AND state < 3)
                        ON CONFLICT (digest) DO NOTHING
                        """,
                        [.digest(file.digest), .integer(file.size), .integer(collecting.now), .digest(file.digest)])
                }
            }
        }
    }

    /// Lets strays go that were seen a window ago: an older snapshot, brought back meanwhile, may have named them (G5).
    /// They get a row that is sweeping, and take the way of all content (G3). False: no more is due.
    package func sweepStrays() async throws(CatalogError) -> Bool {
        try await collect { [self] collecting, changes throws(CatalogError) in
            let rows = try collecting.transaction.rows(
                "SELECT digest FROM stray_file WHERE seen_at <= ? ORDER BY seen_at, digest LIMIT ?",
                [.integer(collecting.windowLimit), .integer(Int64(Self.linksPerClosure))])
            for row in rows {
                try collecting.transaction.insertSweeping(row.digest(0), at: clock.wall(), &changes)
            }
            return rows.count == Self.linksPerClosure
        }
    }
}
