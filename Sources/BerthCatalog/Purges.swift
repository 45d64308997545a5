package import BerthModel

/// What is to be taken out of everything at once.
package enum PurgeTarget: Hashable, Sendable, CustomStringConvertible {
    /// Some content, with all manifests that name it.
    case content(Digest)
    /// A repository with its deleted predecessors, and what only it holds.
    case repository(RepositoryName)

    package var description: String {
        switch self {
        case .content(let digest): digest.text
        case .repository(let name): name.text
        }
    }

    /// Nil for what is neither a digest nor a name; no name has a colon.
    package init?(_ text: String) {
        if let digest = try? Digest(text) {
            self = .content(digest)
        } else if let name = try? RepositoryName(text) {
            self = .repository(name)
        } else {
            return nil
        }
    }
}

/// A purge as it is remembered, in the catalog and outside of it.
package struct PurgeEntry: Hashable, Sendable {
    /// Another one for each purge.
    package let key: String
    package let target: PurgeTarget
    /// Microseconds since 1970.
    package let at: Int64
    package let principal: Principal
    /// The commit that it came with, or the one before.
    package let seq: Int64
}

/// A purge and how far it has come.
package struct Purge: Hashable, Sendable {
    package let id: Int64
    package let entry: PurgeEntry
    package let isDone: Bool
    /// The database may hold its bytes beside the rows: it is written anew.
    package let rewrites: Bool
    package let manifests: Int
    package let tags: Int
    /// Content whose bytes went or go, and how many those are.
    package let blobs: Int
    package let bytes: Int64
}

/// How far content has come on its way out.
enum PurgeStep: Int64 {
    /// To be taken out of repositories, and the manifests that name it.
    case found = 0
    /// Nothing names it and nothing links it.
    case detached = 1
    /// Its row is sweeping: its file may go.
    case sweeping = 2
    /// Its file and its row are gone.
    case gone = 3
    /// It stays: another repository holds it, or it was pushed again meanwhile.
    case kept = 4
}

/// Content whose file is to be removed.
package struct PurgedContent: Hashable, Sendable {
    package let digest: Digest
    /// The finished upload that held its bytes.
    package let upload: UploadID?
}

extension SQLTransaction {
    /// Remembers a purge, from which moment on it will be carried out. A repository is out of sight at once: the next push
    /// to its name begins a new one. True: one was.
    @discardableResult
    func begin(_ entry: PurgeEntry, seq: Int64, registryTime: Int64) throws(CatalogError) -> Bool {
        try execute(
            """
            INSERT INTO purge (key, target, purged_at, purged_by, seq, is_done, rewrites)
            VALUES (?, ?, ?, ?, ?, 0, 1)
            """,
            [
                .text(entry.key), .text(entry.target.description), .integer(entry.at), .text(entry.principal.text),
                .integer(seq),
            ])
        switch entry.target {
        case .content(let digest):
            try execute(
                "INSERT INTO purge_content (purge_id, digest, state) SELECT id, ?, 0 FROM purge WHERE key = ?",
                [.digest(digest), .text(entry.key)])
            // What never was in a row needs no rewriting of the database.
            try execute(
                """
                UPDATE purge
                SET rewrites = 0
                WHERE key = ? AND EXISTS (SELECT 1 FROM blob WHERE digest = ? AND size > ?)
                    AND NOT EXISTS (SELECT 1 FROM manifest WHERE digest = ?)
                """, [.text(entry.key), .digest(digest), .integer(Catalog.largestInRow), .digest(digest)])
            return false
        case .repository(let name): return try takeOutOfSight(name, registryTime: registryTime)
        }
    }

    /// A purge that is not finished begins again with what is here again. True: a repository is out of sight now.
    func resume(_ id: Int64, _ target: PurgeTarget, registryTime: Int64) throws(CatalogError) -> Bool {
        switch target {
        case .content(let digest):
            try lock(blobs: [digest])
            try execute(
                """
                INSERT INTO purge_content (purge_id, digest, state)
                SELECT ?, b.digest, 0
                FROM blob b
                WHERE b.digest = ? AND b.state = 0
                ON CONFLICT (purge_id, digest) DO UPDATE SET state = 0
                """, [.integer(id), .digest(digest)])
            return false
        case .repository(let name): return try takeOutOfSight(name, registryTime: registryTime)
        }
    }

    private func takeOutOfSight(_ name: RepositoryName, registryTime: Int64) throws(CatalogError) -> Bool {
        guard let live = try repositoryID(name) else { return false }
        try execute(
            "UPDATE repository SET name = ?, deleted_at = ?, deleted_by = NULL WHERE id = ?",
            [.text("\(name.text)#\(live)"), .integer(registryTime), .integer(live)])
        return true
    }

    func purge(_ id: Int64) throws(CatalogError) -> Purge? {
        try row(
            """
            SELECT id, key, target, purged_at, purged_by, seq, is_done, rewrites, manifests, tags, blobs, bytes
            FROM purge
            WHERE id = ?
            """, [.integer(id)]
        ).map { row throws(CatalogError) in try row.purge() }
    }
}

extension SQLRow {
    /// Of all columns of `purge`.
    func purge() throws(CatalogError) -> Purge {
        let text = try text(2)
        guard let target = PurgeTarget(text) else { throw .damaged("'\(text)' cannot be purged") }
        return Purge(
            id: try integer(0),
            entry: PurgeEntry(
                key: try self.text(1), target: target, at: try integer(3), principal: try principal(4),
                seq: try integer(5)),
            isDone: try bool(6), rewrites: try bool(7), manifests: Int(try integer(8)), tags: Int(try integer(9)),
            blobs: Int(try integer(10)), bytes: try integer(11))
    }
}
