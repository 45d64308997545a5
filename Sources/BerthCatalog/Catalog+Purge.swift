package import BerthModel
import Foundation

// Purging, in bounded closures that may be repeated (C6, G7). A purge is remembered before anything goes and is finished at
// the next start if need be. Files are removed between `sweepPurged` and `forgetPurged`.

extension Catalog {
    /// Remembers that `target` goes, outside of the catalog first, and takes it out of sight. An unfinished purge of the
    /// same target goes on, and takes what was pushed since as well.
    package func beginPurge(_ target: PurgeTarget, by principal: Principal) async throws(CatalogError) -> Int64 {
        let open = try await database.read { transaction throws(CatalogError) in
            try transaction.row(
                "SELECT id FROM purge WHERE is_done = 0 AND target = ? LIMIT 1", [.text(target.description)]
            ).map { row throws(CatalogError) in try row.integer(0) }
        }
        if let open {
            try await write { [self] transaction, changes throws(CatalogError) in
                if try transaction.resume(open, target, registryTime: time.now()) {
                    changes.totals.repositories -= 1
                    changes.touchesRepository = true
                }
            }
            return open
        }
        let entry = PurgeEntry(
            key: UUID().uuidString.lowercased(), target: target, at: clock.wall(), principal: principal,
            seq: statistics.seq)
        if let list = settings.purgeList {
            try await onThread { () throws(CatalogError) in try list.add([entry]) }
        }
        return try await begin(entry)
    }

    private func begin(_ entry: PurgeEntry) async throws(CatalogError) -> Int64 {
        try await write { [self] transaction, changes throws(CatalogError) in
            let seq = try transaction.row("SELECT seq FROM meta WHERE id = 1", []).map { row throws(CatalogError) in
                try row.integer(0)
            }
            if try transaction.begin(entry, seq: (seq ?? 0) + 1, registryTime: time.now()) {
                changes.totals.repositories -= 1
                changes.touchesRepository = true
            }
            guard let row = try transaction.row("SELECT id FROM purge WHERE key = ?", [.text(entry.key)]) else {
                throw .damaged("a purge that was not written")
            }
            return try row.integer(0)
        }
    }

    /// Brings catalog and list together after a start: what the catalog does not know, for it is an older one, begins
    /// again.
    package func adoptPurges() async throws(CatalogError) {
        guard let list = settings.purgeList else { return }
        let listed = try await onThread { () throws(CatalogError) in try list.entries() }
        let known = try await purges(limit: .max).map(\.entry)
        let keys = (listed: Set(listed.map(\.key)), known: Set(known.map(\.key)))
        for entry in listed where !keys.known.contains(entry.key) { _ = try await begin(entry) }
        let missing = known.filter { !keys.listed.contains($0.key) }
        try await onThread { () throws(CatalogError) in try list.add(missing.reversed()) }
    }

    /// The newest first.
    package func purges(limit: Int) async throws(CatalogError) -> [Purge] {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows(
                """
                SELECT id, key, target, purged_at, purged_by, seq, is_done, rewrites, manifests, tags, blobs, bytes
                FROM purge
                ORDER BY id DESC
                LIMIT ?
                """, [.integer(Int64(clamping: limit))]
            ).map { row throws(CatalogError) in try row.purge() }
        }
    }

    package func purge(_ id: Int64) async throws(CatalogError) -> Purge? {
        try await database.read { transaction throws(CatalogError) in try transaction.purge(id) }
    }

    /// Those that are not finished.
    package func openPurges() async throws(CatalogError) -> [Int64] {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows("SELECT id FROM purge WHERE is_done = 0 ORDER BY id LIMIT 1000", [])
                .map { row throws(CatalogError) in try row.integer(0) }
        }
    }

    /// Takes the target out of everything: repositories, tags, manifests, links and bytes in rows. Returns when all of it
    /// is sweeping.
    package func detachPurged(_ id: Int64) async throws(CatalogError) {
        while true {
            let step = try await collect { [self] collecting, changes throws(CatalogError) in
                guard let purge = try collecting.transaction.purge(id) else { return Purging.Step.done }
                let purging = Purging(
                    collecting: collecting, purge: purge, wall: clock.wall(), rows: settings.rowsPerClosure)
                return try purging.detach(&changes)
            }
            switch step {
            case .more: continue
            case .detaching: try await finishDetaching()
            case .done:
                if try await sweepPurged(id) { return }
            }
        }
    }

    /// In another transaction than the one that detached it, content becomes sweeping (G4). What somebody has brought again
    /// since is new content, and stays. False: there is more to detach.
    private func sweepPurged(_ id: Int64) async throws(CatalogError) -> Bool {
        while true {
            let isDone = try await collect { [self] collecting, changes throws(CatalogError) in
                guard let purge = try collecting.transaction.purge(id) else { return true }
                let purging = Purging(
                    collecting: collecting, purge: purge, wall: clock.wall(), rows: settings.rowsPerClosure)
                return try purging.sweep(&changes)
            }
            guard isDone else { continue }
            return try await database.read { transaction throws(CatalogError) in
                try !transaction.exists(
                    "SELECT 1 FROM purge_content WHERE purge_id = ? AND state = 0 LIMIT 1", [.integer(id)])
            }
        }
    }

    /// Gives content of a purge whose row has gone a row that is sweeping (G3): the collector was faster, and settling that
    /// had begun before may have brought the file back after it.
    package func sweepForgotten(_ id: Int64) async throws(CatalogError) {
        while true {
            let count = try await collect { [self] collecting, changes throws(CatalogError) in
                let rows = try collecting.transaction.rows(
                    """
                    SELECT c.digest
                    FROM purge_content c
                    WHERE c.purge_id = ? AND c.state = 2
                        AND NOT EXISTS (SELECT 1 FROM blob b WHERE b.digest = c.digest AND b.state < 3)
                    ORDER BY c.digest
                    LIMIT ?
                    """, [.integer(id), .integer(Int64(Self.linksPerClosure))])
                for row in rows {
                    try collecting.transaction.insertSweeping(row.digest(0), at: clock.wall(), &changes)
                }
                return rows.count
            }
            if count < Self.linksPerClosure { return }
        }
    }

    /// Content of a purge whose file is to go, in the order of its digests.
    package func purgedFiles(
        _ id: Int64, after last: Digest?, limit: Int
    ) async throws(CatalogError) -> [PurgedContent] {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows(
                """
                SELECT digest, upload_id
                FROM purge_content
                WHERE purge_id = ? AND state = 2 AND digest > ?
                ORDER BY digest
                LIMIT ?
                """, [.integer(id), .text(last?.text ?? ""), .integer(Int64(limit))]
            ).map { row throws(CatalogError) in
                PurgedContent(digest: try row.digest(0), upload: row.isNull(1) ? nil : try row.upload(1))
            }
        }
    }

    /// The files of these are gone.
    package func forgetPurged(_ digests: [Digest], of id: Int64) async throws(CatalogError) {
        _ = try await forget(digests)
        var rest = digests[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(Self.linksPerClosure))
            rest = rest.dropFirst(part.count)
            try await collect { collecting, _ throws(CatalogError) in
                for digest in part {
                    try collecting.transaction.execute(
                        "UPDATE purge_content SET state = 3 WHERE purge_id = ? AND digest = ?",
                        [.integer(id), .digest(digest)])
                }
            }
        }
    }

    /// Takes the digests out of the history of tags: that there was a change stays known. A repository into which one was
    /// pushed again meanwhile keeps that one: it is new content, and its tags come back by their history (G5).
    package func purgeHistory(_ id: Int64) async throws(CatalogError) {
        let newest = try await database.read { transaction throws(CatalogError) in
            try transaction.row("SELECT coalesce(max(id), 0) FROM tag_history", [])
                .map { row throws(CatalogError) in try row.integer(0) } ?? 0
        }
        var last: Int64 = 0
        while last < newest {
            let (from, to) = (last, min(newest, last + Int64(Self.rowsPerClosure)))
            try await collect { collecting, _ throws(CatalogError) in
                try collecting.transaction.execute(
                    """
                    UPDATE tag_history
                    SET old_digest = NULL
                    WHERE id > ? AND id <= ? AND old_digest IN (
                        SELECT digest FROM purge_content WHERE purge_id = ? AND state <> 4)
                        AND NOT EXISTS (
                            SELECT 1
                            FROM manifest m
                            WHERE m.digest = tag_history.old_digest AND m.repository_id = tag_history.repository_id)
                    """, [.integer(from), .integer(to), .integer(id)])
                try collecting.transaction.execute(
                    """
                    UPDATE tag_history
                    SET new_digest = NULL
                    WHERE id > ? AND id <= ? AND new_digest IN (
                        SELECT digest FROM purge_content WHERE purge_id = ? AND state <> 4)
                        AND NOT EXISTS (
                            SELECT 1
                            FROM manifest m
                            WHERE m.digest = tag_history.new_digest AND m.repository_id = tag_history.repository_id)
                    """, [.integer(from), .integer(to), .integer(id)])
            }
            last = to
        }
    }

    /// Leaves nothing of deleted rows in the files of the database, and takes the purge's bytes out of every snapshot.
    package func scrubPurged(_ id: Int64) async throws(CatalogError) {
        guard let purge = try await purge(id), purge.rewrites else { return }
        // A snapshot that is being made reads for long, and the log cannot be emptied meanwhile.
        try await place?.inTurn { _ throws(CatalogError) in }
        if let database = database as? any RewritingDatabase { try await database.rewrite() }
        guard let place else { return }
        let gone = try await purgedDigests(id)
        try await place.inTurn { folder throws(CatalogError) in
            try folder.rewrite(
                where: { connection throws(CatalogError) in try connection.holdsBytes(of: gone) },
                { connection throws(CatalogError) in try connection.dropBytes(of: gone) })
        }
    }

    private func purgedDigests(_ id: Int64) async throws(CatalogError) -> Set<String> {
        var gone: Set<String> = []
        var last = ""
        while true {
            let after = last
            let page = try await database.read { transaction throws(CatalogError) in
                try transaction.rows(
                    """
                    SELECT digest
                    FROM purge_content
                    WHERE purge_id = ? AND state <> 4 AND digest > ?
                    ORDER BY digest
                    LIMIT 1000
                    """, [.integer(id), .text(after)]
                ).map { row throws(CatalogError) in try row.text(0) }
            }
            guard let end = page.last else { return gone }
            gone.formUnion(page)
            last = end
        }
    }

    /// All of it is gone. The purge stays known.
    package func finishPurge(_ id: Int64) async throws(CatalogError) {
        while true {
            let isDone = try await collect { collecting, _ throws(CatalogError) in
                let forgotten = try collecting.transaction.execute(
                    """
                    DELETE FROM purge_content
                    WHERE purge_id = ? AND digest IN (
                        SELECT digest FROM purge_content WHERE purge_id = ? ORDER BY digest LIMIT ?)
                    """,
                    [.integer(id), .integer(id), .integer(Int64(Self.rowsPerClosure / 2))])
                guard forgotten == 0 else { return false }
                try collecting.transaction.execute("UPDATE purge SET is_done = 1 WHERE id = ?", [.integer(id)])
                return true
            }
            if isDone { return }
        }
    }
}

extension SQLiteConnection {
    /// Whether a snapshot holds bytes of these: staged content, or annotations of a manifest.
    fileprivate func holdsBytes(of digests: Set<String>) throws(CatalogError) -> Bool {
        for row in try rows("SELECT digest FROM blob_staging WHERE bytes IS NOT NULL")
        where digests.contains(try row.text(0)) {
            return true
        }
        for digest in digests
        where try !rows("SELECT 1 FROM manifest WHERE digest = ? AND annotations <> '{}' LIMIT 1", [.text(digest)])
            .isEmpty
        {
            return true
        }
        return false
    }

    fileprivate func dropBytes(of digests: Set<String>) throws(CatalogError) {
        try execute("BEGIN IMMEDIATE")
        for digest in digests {
            try execute("DELETE FROM blob_staging WHERE digest = ? AND bytes IS NOT NULL", [.text(digest)])
            try execute("UPDATE manifest SET annotations = '{}' WHERE digest = ?", [.text(digest)])
        }
        try execute("COMMIT")
    }
}
