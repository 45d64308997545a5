import BerthModel

/// A link as the collector meets it.
struct LinkRow {
    let repositoryID: Int64
    let repository: RepositoryName
    /// The number of the content.
    let blob: Int64
    let digest: Digest
    let kind: ContentKind
    let leasedAt: Int64?

    /// Of `repository_id, name, blob_id, digest, kind, leased_at`.
    init(_ row: SQLRow) throws(CatalogError) {
        repositoryID = try row.integer(0)
        repository = try row.repositoryEvenDeleted(1)
        blob = try row.integer(2)
        digest = try row.digest(3)
        guard let kind = ContentKind(rawValue: Int(try row.integer(4))) else { throw .damaged("no such kind of link") }
        self.kind = kind
        leasedAt = row.isNull(5) ? nil : try row.integer(5)
    }

    var key: [SQLValue] { [.integer(repositoryID), .integer(blob), .integer(Int64(kind.rawValue))] }
    func cursor(_ time: Int64) -> LinkCursor {
        LinkCursor(time: time, repositoryID: repositoryID, blob: blob, kind: Int64(kind.rawValue))
    }
}

/// Where a walk over links goes on.
package struct LinkCursor: Hashable, Sendable {
    let time: Int64
    let repositoryID: Int64
    let blob: Int64
    let kind: Int64

    static let start = start(at: .min)
    /// Before all links of that time: no repository has the number 0.
    static func start(at time: Int64) -> LinkCursor { LinkCursor(time: time, repositoryID: 0, blob: 0, kind: 0) }
    var values: [SQLValue] { [.integer(time), .integer(repositoryID), .integer(blob), .integer(kind)] }
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
    /// After a restore the replaced catalog may need what this one does not.
    func holdsAll(until end: Int64) -> Bool { guards.contains(.restored) && now < end }
    var leaseLimit: Int64 { guards.contains(.lease) ? now - terms.lease : now }
    var windowLimit: Int64 { guards.contains(.window) ? now - terms.window : now }

    /// The same for what is known by wall time alone.
    func windowLimit(ofWall now: Int64) -> Int64 {
        let (limit, overflows) = now.subtractingReportingOverflow(guards.contains(.window) ? terms.window : 0)
        return overflows ? .min : limit
    }

    // MARK: - What keeps a link

    /// A manifest of the repository, deleted or not, references the content or is it.
    func isNeeded(_ link: LinkRow) throws(CatalogError) -> Bool {
        guard guards.contains(.linkEdge) else { return false }
        if link.kind == .manifest, try hasManifest(link) { return true }
        return try transaction.exists(
            "SELECT 1 FROM manifest_reference WHERE blob_id = ? AND repository_id = ? LIMIT 1",
            [.integer(link.blob), .integer(link.repositoryID)])
    }

    /// The same of a link that people have deleted: what is deleted with it, or after it, brings it back.
    func isNeededDeleted(_ link: LinkRow) throws(CatalogError) -> Bool {
        if link.kind == .manifest, !guards.contains(.manifestLink) { return false }
        return try isNeeded(link)
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
        let began = try leaseBegin(link)
        guard began > 0 else { return nil }
        if now - began < terms.lease { return began }
        return try isDrawnOut(since: began, in: link.repository) ? began : nil
    }

    /// 0: nothing is known of any lease.
    private func leaseBegin(_ link: LinkRow) throws(CatalogError) -> Int64 {
        var began: Int64 = 0
        if guards.contains(.lease), let at = link.leasedAt { began = max(began, at) }
        if guards.contains(.promise), let at = leases.lastPromise(of: link.digest, in: link.repository) {
            began = max(began, at)
        }
        if guards.contains(.firstLease) { began = max(began, startedAt) }
        return began
    }

    /// Whether a lease that has run out holds on, for an upload in its repository is at work.
    func isDrawnOut(since began: Int64, in repository: RepositoryName) throws(CatalogError) -> Bool {
        guard guards.contains(.upload), now - began < longestLease else { return false }
        if let last = leases.lastUpload(in: repository), now - last < terms.lease { return true }
        return try transaction.exists(
            "SELECT 1 FROM upload WHERE repository = ? AND outcome = 0 LIMIT 1", [.text(repository.text)])
    }

    /// How long a lease can last at most.
    private var longestLease: Int64 {
        let (twice, isTooMuch) = terms.lease.multipliedReportingOverflow(by: 2)
        let (sum, overflows) = terms.longestUpload.addingReportingOverflow(twice)
        return isTooMuch || overflows ? .max : sum
    }

    /// Whether somebody may still rely on a manifest that went along with another one at `hiddenAt`: all that was
    /// promised of it was promised before, so that time stands for the lease's beginning (G2). A window shorter than the
    /// lease takes nothing from a push that is under way.
    func isStillPromised(hiddenAt: Int64, in repository: RepositoryName) throws(CatalogError) -> Bool {
        guard guards.contains(.goneAlong) else { return false }
        if now - hiddenAt < terms.lease { return true }
        // Which uploads were at work before the start is not known.
        if isFirstLease, now - hiddenAt < longestLease { return true }
        return try isDrawnOut(since: hiddenAt, in: repository)
    }

    /// The link of a manifest, hidden or not.
    func manifestLink(_ digest: Digest, in repository: Int64) throws(CatalogError) -> LinkRow? {
        try transaction.row(
            """
            SELECT l.repository_id, r.name, l.blob_id, b.digest, l.kind, l.leased_at
            FROM blob b
            JOIN repository_blob l ON l.blob_id = b.id
            JOIN repository r ON r.id = l.repository_id
            WHERE b.digest = ? AND l.repository_id = ? AND l.kind = 1
            """, [.digest(digest), .integer(repository)]
        ).map { row throws(CatalogError) in try LinkRow(row) }
    }

    /// Something is coming back there, in parts: until it has, nothing hidden goes.
    func isBeingRestored(in repository: Int64) throws(CatalogError) -> Bool {
        try transaction.exists("SELECT 1 FROM undeletion WHERE repository_id = ? LIMIT 1", [.integer(repository)])
    }

    // MARK: - What keeps content

    func isStaged(_ digest: Digest) throws(CatalogError) -> Bool {
        try transaction.exists("SELECT 1 FROM blob_staging WHERE digest = ?", [.digest(digest)])
    }

    func hasEdge(_ digest: Digest) throws(CatalogError) -> Bool {
        try transaction.exists(
            """
            SELECT 1
            FROM manifest_reference
            WHERE blob_id = (SELECT id FROM blob WHERE digest = ?)
            LIMIT 1
            """, [.digest(digest)])
    }

    /// A manifest that names the content, deleted or not, in whatever repository.
    func holder(of digest: Digest) throws(CatalogError) -> (id: Int64, repository: Int64, digest: Digest)? {
        try transaction.row(
            """
            SELECT m.id, m.repository_id, m.digest
            FROM manifest m
            WHERE m.id = (
                SELECT e.manifest_id
                FROM manifest_reference e
                JOIN blob b ON b.id = e.blob_id
                WHERE b.digest = ?
                LIMIT 1)
            """, [.digest(digest)]
        ).map { row throws(CatalogError) in (try row.integer(0), try row.integer(1), try row.digest(2)) }
    }

    func hasLink(_ digest: Digest) throws(CatalogError) -> Bool {
        try transaction.exists(
            "SELECT 1 FROM repository_blob WHERE blob_id = (SELECT id FROM blob WHERE digest = ?) LIMIT 1",
            [.digest(digest)])
    }

    /// The questions of dooming, asked once more (G4). What attaches doomed content makes it live in the same transaction
    /// but for what a manifest names and need not have: that is found here.
    func isHeldAfterAll(_ digest: Digest) throws(CatalogError) -> Bool {
        guard guards.contains(.secondLook) else { return false }
        if try hasLink(digest) { return true }
        if try hasEdge(digest) { return true }
        return try isStaged(digest)
    }

    // MARK: - Acting

    func set(_ mark: SQLValue, _ link: LinkRow, _ changes: inout Changes) throws(CatalogError) {
        try transaction.execute(
            "UPDATE repository_blob SET leased_at = ? WHERE repository_id = ? AND blob_id = ? AND kind = ?",
            [mark] + link.key)
        changes.links.append(.init(repository: link.repository, digest: link.digest))
    }

    /// Takes a link away, and dooms content that nothing holds any more (G4: sweeping it is another transaction).
    /// Content that has not settled keeps its link until it has, for the link is what it is found by. True: it went.
    func drop(_ link: LinkRow, _ changes: inout Changes) throws(CatalogError) -> Bool {
        try transaction.lock(blobs: [link.digest])
        if guards.contains(.staging), let content = try transaction.content(link.digest), content.staged != nil {
            // What is damaged never settles, and waits only for an upload of its bytes.
            guard content.isDamaged else { return false }
            try transaction.forgetStaging(of: link.digest, &changes)
        }
        try transaction.execute(
            "DELETE FROM repository_blob WHERE repository_id = ? AND blob_id = ? AND kind = ?", link.key)
        changes.links.append(.init(repository: link.repository, digest: link.digest))
        if guards.contains(.link), try hasLink(link.digest) { return true }
        if guards.contains(.edge), try hasEdge(link.digest) { return true }
        try transaction.execute("UPDATE blob SET state = 1 WHERE digest = ? AND state = 0", [.digest(link.digest)])
        changes.content.append(link.digest)
        return true
    }

    /// An edge to `digest` has gone: whatever it held in this repository is to be looked at. Content without a link
    /// anywhere gets a hidden one, so that it is found; nobody has deleted it, so that nothing shows it again. What is on
    /// its way out already needs none. What never was here is forgotten with the last edge that names it.
    func release(_ digest: Digest, in repository: Int64) throws(CatalogError) {
        try transaction.lock(blobs: [digest])
        try transaction.execute(
            """
            UPDATE repository_blob
            SET leased_at = 0
            WHERE repository_id = ? AND blob_id = (SELECT id FROM blob WHERE digest = ?) AND leased_at IS NULL
                AND deleted_at IS NULL
            """,
            [.integer(repository), .digest(digest)])
        try transaction.execute(
            """
            INSERT INTO repository_blob (repository_id, blob_id, kind, linked_by, deleted_at)
            SELECT ?, b.id, 0, 'berth', 0
            FROM blob b
            WHERE b.digest = ? AND b.state = 0
                AND NOT EXISTS (SELECT 1 FROM repository_blob l WHERE l.blob_id = b.id)
            """,
            [.integer(repository), .digest(digest)])
        try transaction.forgetName(digest)
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
