import BerthModel

/// A link as the collector meets it.
struct LinkRow {
    let repositoryID: Int64
    let repository: RepositoryName
    let digest: Digest
    let kind: ContentKind
    let leasedAt: Int64?

    /// Of `repository_id, name, digest, kind, leased_at`.
    init(_ row: SQLRow) throws(CatalogError) {
        repositoryID = try row.integer(0)
        repository = try row.repositoryEvenDeleted(1)
        digest = try row.digest(2)
        guard let kind = ContentKind(rawValue: Int(try row.integer(3))) else { throw .damaged("no such kind of link") }
        self.kind = kind
        leasedAt = row.isNull(4) ? nil : try row.integer(4)
    }

    var key: [SQLValue] { [.integer(repositoryID), .digest(digest), .integer(Int64(kind.rawValue))] }
    func cursor(_ time: Int64) -> LinkCursor {
        LinkCursor(time: time, repositoryID: repositoryID, digest: digest.text, kind: Int64(kind.rawValue))
    }
}

/// Where a walk over links goes on.
package struct LinkCursor: Hashable, Sendable {
    let time: Int64
    let repositoryID: Int64
    let digest: String
    let kind: Int64

    static let start = LinkCursor(time: .min, repositoryID: 0, digest: "", kind: 0)
    var values: [SQLValue] { [.integer(time), .integer(repositoryID), .text(digest), .integer(kind)] }
}

/// What a link's `leased_at` says besides the time at which its lease began.
enum LeaseMark {
    /// It has no lease, and what needed it may have gone: to be looked at.
    static let over: Int64 = 0
    /// It goes unless somebody asks for it: whoever reads it has to take it back first.
    static let fading: Int64 = -1
}

/// The collector's questions and statements, in one transaction. Every step that takes something away locks the blob's
/// row, looks, and acts, so that it is ordered among all that attach and detach (G1, G4).
struct Collecting {
    let transaction: any SQLTransaction
    /// Registry time.
    let now: Int64
    let startedAt: Int64
    let terms: CollectionTerms
    let leases: Leases
    let guards: CollectorGuards

    /// In memory nothing is known of what the process before this one promised (G4).
    var isFirstLease: Bool { guards.contains(.firstLease) && now - startedAt < terms.lease }
    var leaseLimit: Int64 { guards.contains(.lease) ? now - terms.lease : now }
    var windowLimit: Int64 { guards.contains(.window) ? now - terms.window : now }

    // MARK: - What keeps a link

    /// A manifest of the repository, deleted or not, references the content or is it.
    func isNeeded(_ link: LinkRow) throws(CatalogError) -> Bool {
        guard guards.contains(.linkEdge) else { return false }
        if link.kind == .manifest, try hasManifest(link) { return true }
        return try transaction.exists(
            "SELECT 1 FROM manifest_reference WHERE digest = ? AND repository_id = ? LIMIT 1",
            [.digest(link.digest), .integer(link.repositoryID)])
    }

    func hasManifest(_ link: LinkRow) throws(CatalogError) -> Bool {
        try transaction.exists(
            "SELECT 1 FROM manifest WHERE digest = ? AND repository_id = ?",
            [.digest(link.digest), .integer(link.repositoryID)])
    }

    /// When the lease began that still keeps the link; nil if none does. A lease begins with an upload, a mount or a
    /// manifest, which wrote it into the link; with a promise in memory; and for all that the process before this one
    /// promised with the start.
    ///
    /// A push that takes long keeps what it has found and sent before: leases do not run out while an upload in their
    /// repository is open, nor for one lease after its last write. How long is bounded by how old an upload may become.
    func keptSince(_ link: LinkRow) throws(CatalogError) -> Int64? {
        var began: Int64 = 0
        if guards.contains(.lease), let at = link.leasedAt { began = max(began, at) }
        if guards.contains(.promise), let at = leases.lastPromise(of: link.digest, in: link.repository) {
            began = max(began, at)
        }
        if guards.contains(.firstLease) { began = max(began, startedAt) }
        guard began > 0 else { return nil }
        if now - began < terms.lease { return began }
        guard guards.contains(.upload), now - began < terms.longestUpload + 2 * terms.lease else { return nil }
        if let last = leases.lastUpload(in: link.repository), now - last < terms.lease { return began }
        let isOpen = try transaction.exists(
            "SELECT 1 FROM upload WHERE repository = ? AND outcome = 0 LIMIT 1", [.text(link.repository.text)])
        return isOpen ? began : nil
    }

    // MARK: - What keeps content

    func isStaged(_ digest: Digest) throws(CatalogError) -> Bool {
        try transaction.exists("SELECT 1 FROM blob_staging WHERE digest = ?", [.digest(digest)])
    }

    func hasEdge(_ digest: Digest) throws(CatalogError) -> Bool {
        try transaction.exists("SELECT 1 FROM manifest_reference WHERE digest = ? LIMIT 1", [.digest(digest)])
    }

    func hasLink(_ digest: Digest) throws(CatalogError) -> Bool {
        try transaction.exists("SELECT 1 FROM repository_blob WHERE digest = ? LIMIT 1", [.digest(digest)])
    }

    /// The questions of dooming, asked once more. Whatever attaches doomed content makes it live in the same
    /// transaction, so this finds nothing unless that rule was broken somewhere.
    func isHeldAfterAll(_ digest: Digest) throws(CatalogError) -> Bool {
        if try hasLink(digest) { return true }
        if try hasEdge(digest) { return true }
        return try isStaged(digest)
    }

    // MARK: - Acting

    func set(_ mark: SQLValue, _ link: LinkRow, _ changes: inout Changes) throws(CatalogError) {
        try transaction.execute(
            "UPDATE repository_blob SET leased_at = ? WHERE repository_id = ? AND digest = ? AND kind = ?",
            [mark] + link.key)
        changes.links.append(.init(repository: link.repository, digest: link.digest))
    }

    /// Takes a link away, and dooms content that nothing holds any more (G4: sweeping it is another transaction).
    /// Content that has not settled keeps its link until it has, for the link is what it is found by. True: it went.
    func drop(_ link: LinkRow, _ changes: inout Changes) throws(CatalogError) -> Bool {
        try transaction.lock(blobs: [link.digest])
        if guards.contains(.staging), try isStaged(link.digest) { return false }
        try transaction.execute(
            "DELETE FROM repository_blob WHERE repository_id = ? AND digest = ? AND kind = ?", link.key)
        changes.links.append(.init(repository: link.repository, digest: link.digest))
        if guards.contains(.link), try hasLink(link.digest) { return true }
        if guards.contains(.edge), try hasEdge(link.digest) { return true }
        try transaction.execute("UPDATE blob SET state = 1 WHERE digest = ? AND state = 0", [.digest(link.digest)])
        changes.content.append(link.digest)
        return true
    }

    /// An edge to `digest` has gone: whatever it held in this repository is to be looked at. Content without a link here
    /// gets a hidden one, so that it is found.
    func release(_ digest: Digest, in repository: Int64) throws(CatalogError) {
        try transaction.lock(blobs: [digest])
        try transaction.execute(
            """
            UPDATE repository_blob
            SET leased_at = 0
            WHERE repository_id = ? AND digest = ? AND leased_at IS NULL AND deleted_at IS NULL
            """,
            [.integer(repository), .digest(digest)])
        try transaction.execute(
            """
            INSERT INTO repository_blob (repository_id, digest, kind, linked_by, deleted_at)
            SELECT ?, b.digest, 0, 'berth', 0
            FROM blob b
            WHERE b.digest = ?
                AND NOT EXISTS (SELECT 1 FROM repository_blob l WHERE l.repository_id = ? AND l.digest = b.digest)
            """,
            [.integer(repository), .digest(digest), .integer(repository)])
    }
}

extension SQLRow {
    /// The name of a repository, also of one that has been deleted: then a number follows its name.
    func repositoryEvenDeleted(_ index: Int) throws(CatalogError) -> RepositoryName {
        let text = try text(index)
        let name = text.prefix { $0 != "#" }
        do { return try RepositoryName(String(name)) } catch { throw .damaged("'\(text)' is no repository name") }
    }
}
