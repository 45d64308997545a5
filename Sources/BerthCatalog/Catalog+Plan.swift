package import BerthModel

/// What a round would take away now, and why.
package struct CollectionPlan: Hashable, Sendable {
    package enum Reason: String, Hashable, Sendable, CaseIterable {
        case unreferenced = "no manifest names it and its lease has run out"
        case deletedBlob = "deleted, and its window is over"
        case deletedManifest = "a deleted manifest whose window is over, or what only such manifests name"
        case deletedRepository = "in a deleted repository whose window is over"
        case leaving = "on its way out already, for nothing holds it"
    }
    /// Why content that nothing holds stays all the same.
    package enum Wait: String, Hashable, Sendable {
        case restore = "a restore has replaced a catalog that may need it"
        case firstLease = "clients may still rely on what they were told before the start"
    }
    package struct Item: Hashable, Sendable {
        package let digest: Digest
        /// Where its link goes; nil for what is on its way out and has none any more.
        package let repository: RepositoryName?
        package let reason: Reason
        package let bytes: Int64
    }
    package struct Part: Hashable, Sendable {
        package let repository: RepositoryName
        package let reason: Reason
        /// Links that go; content may be linked in other repositories too.
        package var links = 0
        package var bytes: Int64 = 0
    }
    /// By repository and reason, in order.
    package var parts: [Part] = []
    /// Content that nothing will hold any more, and that is freed.
    package var freedBlobs = 0
    package var freedBytes: Int64 = 0
    /// Content on its way out already.
    package var leavingBlobs = 0
    package var leavingBytes: Int64 = 0
    /// Content that nothing holds and that stays all the same.
    package var waitingBlobs = 0
    package var waitingBytes: Int64 = 0
    /// For how long it stays, in microseconds, and why; nil: nothing has to wait.
    package var waitsFor: Int64?
    package var waitsBecause: Wait?
    /// What goes, one by one: links first, then what has none. The first thousand.
    package var items: [Item] = []
    /// Files that no row names, and of them those whose time has come.
    package var strayFiles = 0
    package var strayBytes: Int64 = 0
    /// There is more than was looked at.
    package var isCut = false
}

/// All that is known of some content: why it is kept, or how far it has gone.
package struct ContentStory: Hashable, Sendable {
    package struct Link: Hashable, Sendable {
        package let repository: RepositoryName
        package let kind: ContentKind
        /// How long its lease still holds, in microseconds; nil where it has none.
        package let leaseLeft: Int64?
        /// It goes unless somebody asks for it.
        package let isFading: Bool
        /// A client was told of it within the lease.
        package let isPromised: Bool
        /// How long it can still be brought back, in microseconds; nil if it is not deleted.
        package let windowLeft: Int64?
    }
    package struct Holder: Hashable, Sendable {
        package let repository: RepositoryName
        package let manifest: Digest
        package let tags: [Tag]
        package let windowLeft: Int64?
    }
    /// Nil: the catalog does not know it (any more).
    package let content: BlobFact?
    package let links: [Link]
    /// Manifests that name it, or are it; the first hundred.
    package let holders: [Holder]
    package let isStray: Bool
    /// Nothing goes yet, whatever its state: the first lease after the start.
    package let isFirstLease: Bool
    /// How long nothing is swept after a restore, in microseconds; nil: it is.
    package let restoreLeft: Int64?
}

extension CollectionPlan {
    fileprivate static let mostItems = 1_000

    /// What would be swept stays; what is sweeping already goes.
    fileprivate mutating func wait(_ reason: Wait, for left: Int64) {
        (waitsFor, waitsBecause) = (left, reason)
        (waitingBlobs, waitingBytes) = (freedBlobs + leavingBlobs, freedBytes + leavingBytes)
        (freedBlobs, freedBytes, leavingBlobs, leavingBytes) = (0, 0, 0, 0)
    }
}

extension Catalog {
    /// What a round would take away now. Reads page by page, at most a hundred thousand links.
    package func plan() async throws(CatalogError) -> CollectionPlan {
        var planning = Planning()
        var cursor: LinkCursor?
        while !planning.isFull {
            let after = cursor
            let page = try await database.read { [self] transaction throws(CatalogError) in
                try Planning.page(collecting(transaction), after: after)
            }
            planning.add(page.links)
            cursor = page.next
            guard cursor != nil else { break }
        }
        var plan = planning.plan
        plan.isCut = cursor != nil
        let room = Int64(CollectionPlan.mostItems - plan.items.count)
        let rest = try await database.read { transaction throws(CatalogError) in
            (
                try transaction.row(
                    "SELECT count(*), coalesce(sum(size), 0) FROM blob WHERE state = 1 AND state > 0", []),
                try transaction.row(
                    "SELECT count(*), coalesce(sum(size), 0) FROM blob WHERE state = 2 AND state > 0", []),
                try transaction.row("SELECT count(*), coalesce(sum(size), 0) FROM stray_file", []),
                try transaction.rows(
                    "SELECT digest, size FROM blob WHERE state > 0 AND state < 3 ORDER BY state, digest LIMIT ?",
                    [.integer(room)])
            )
        }
        if let row = rest.0 { (plan.leavingBlobs, plan.leavingBytes) = (Int(try row.integer(0)), try row.integer(1)) }
        if let wait { plan.wait(wait.reason, for: wait.left) }
        if let row = rest.1 {
            plan.leavingBlobs += Int(try row.integer(0))
            plan.leavingBytes += try row.integer(1)
        }
        if let row = rest.2 { (plan.strayFiles, plan.strayBytes) = (Int(try row.integer(0)), try row.integer(1)) }
        for row in rest.3 {
            plan.items.append(
                .init(digest: try row.digest(0), repository: nil, reason: .leaving, bytes: try row.integer(1)))
        }
        return plan
    }

    /// Why nothing is swept yet, and for how long, in microseconds; nil: it is. Of two reasons the one that lasts longer.
    private var wait: (reason: CollectionPlan.Wait, left: Int64)? {
        let restore = restoreLeft ?? 0
        let lease = isFirstLease() ? settings.terms.lease - (time.now() - startedAt) : 0
        guard max(restore, lease) > 0 else { return nil }
        return restore >= lease ? (.restore, restore) : (.firstLease, lease)
    }

    /// How long nothing is swept after a restore; nil: it is.
    private var restoreLeft: Int64? {
        let left = keepsContentUntil.subtractingReportingOverflow(time.now()).partialValue
        return left > 0 ? left : nil
    }

    /// Why some content is kept, or how far it has gone.
    package func explain(_ digest: Digest) async throws(CatalogError) -> ContentStory {
        try await database.read { [self] transaction throws(CatalogError) in
            try Explaining(collecting: collecting(transaction), digest: digest, restoreLeft: restoreLeft).story()
        }
    }
}

/// Walks over the links that may go, and judges each as the steps of a round would.
private struct Planning {
    struct Link: Sendable {
        let repository: RepositoryName
        let digest: Digest
        let size: Int64
        let reason: CollectionPlan.Reason
        /// Nothing that stays holds the content.
        let isLast: Bool
    }
    private static let mostLinks = 100_000
    private(set) var plan = CollectionPlan()
    private var freed: Set<Digest> = []
    private var places: [Place: Int] = [:]
    private var count = 0

    private struct Place: Hashable {
        let repository: RepositoryName
        let reason: CollectionPlan.Reason
    }

    var isFull: Bool { count >= Self.mostLinks }

    mutating func add(_ links: [Link]) {
        for link in links {
            count += 1
            let index = places[Place(repository: link.repository, reason: link.reason), default: plan.parts.count]
            if index == plan.parts.count {
                plan.parts.append(.init(repository: link.repository, reason: link.reason))
                places[Place(repository: link.repository, reason: link.reason)] = index
            }
            plan.parts[index].links += 1
            plan.parts[index].bytes += link.size
            if plan.items.count < CollectionPlan.mostItems {
                plan.items.append(
                    .init(digest: link.digest, repository: link.repository, reason: link.reason, bytes: link.size))
            }
            if link.isLast, freed.insert(link.digest).inserted {
                plan.freedBlobs += 1
                plan.freedBytes += link.size
            }
        }
    }

    /// Links of which a lease has run out, a deletion is over, or whose manifests are all about to be purged.
    static func page(
        _ collecting: Collecting, after cursor: LinkCursor?
    ) throws(CatalogError) -> (links: [Link], next: LinkCursor?) {
        let limit = Catalog.linksPerClosure
        let rows = try collecting.transaction.rows(
            """
            SELECT l.repository_id, r.name, l.blob_id, b.digest, l.kind, l.leased_at, l.deleted_at, r.deleted_at, b.size
            FROM repository_blob l
            JOIN repository r ON r.id = l.repository_id
            JOIN blob b ON b.id = l.blob_id
            WHERE (l.repository_id, l.blob_id, l.kind) > (?, ?, ?)
            ORDER BY l.repository_id, l.blob_id, l.kind
            LIMIT ?
            """,
            Array((cursor ?? .start).values.dropFirst()) + [.integer(Int64(limit))])
        var links: [Link] = []
        var last: LinkCursor?
        for row in rows {
            let link = try LinkRow(row)
            last = link.cursor(0)
            let deletedAt = row.isNull(6) ? nil : try row.integer(6)
            let isGone = try collecting.isOver(row, 7)
            guard let reason = try collecting.reason(link, deletedAt: deletedAt, repositoryIsGone: isGone) else {
                continue
            }
            links.append(
                Link(
                    repository: link.repository, digest: link.digest, size: try row.integer(8), reason: reason,
                    isLast: try collecting.isOnlyHeldByGarbage(link.blob)))
        }
        return (links, rows.count == limit ? last : nil)
    }
}

extension Collecting {
    /// Why a round would take a link away; nil: it would not.
    fileprivate func reason(
        _ link: LinkRow, deletedAt: Int64?, repositoryIsGone: Bool
    ) throws(CatalogError) -> CollectionPlan.Reason? {
        if repositoryIsGone { return .deletedRepository }
        let stays = try isNeededByWhatStays(link)
        if let deletedAt {
            guard deletedAt <= windowLimit, link.kind == .blob || !stays else { return nil }
            return link.kind == .manifest ? .deletedManifest : .deletedBlob
        }
        guard !stays else { return nil }
        if try isNeeded(link) { return .deletedManifest }
        if let at = link.leasedAt, at > LeaseMark.over, at > leaseLimit { return nil }
        return try keptSince(link) == nil ? .unreferenced : nil
    }

    /// The column holds the time of a deletion whose window is over.
    fileprivate func isOver(_ row: SQLRow, _ index: Int) throws(CatalogError) -> Bool {
        guard !row.isNull(index) else { return false }
        return try row.integer(index) <= windowLimit
    }

    private func isNeededByWhatStays(_ link: LinkRow) throws(CatalogError) -> Bool {
        if link.kind == .manifest {
            let stays = try transaction.exists(
                """
                SELECT 1 FROM manifest
                WHERE digest = ? AND repository_id = ? AND (deleted_at IS NULL OR deleted_at > ?)
                """, [.digest(link.digest), .integer(link.repositoryID), .integer(windowLimit)])
            if stays { return true }
        }
        return try transaction.exists(
            """
            SELECT 1
            FROM manifest_reference e
            JOIN manifest m ON m.id = e.manifest_id
            WHERE e.blob_id = ? AND e.repository_id = ? AND (m.deleted_at IS NULL OR m.deleted_at > ?)
            LIMIT 1
            """, [.integer(link.blob), .integer(link.repositoryID), .integer(windowLimit)])
    }

    /// Every link of the content would go; edges go with the manifests that have them.
    fileprivate func isOnlyHeldByGarbage(_ blob: Int64) throws(CatalogError) -> Bool {
        let rows = try transaction.rows(
            """
            SELECT l.repository_id, r.name, l.blob_id, b.digest, l.kind, l.leased_at, l.deleted_at, r.deleted_at
            FROM repository_blob l
            JOIN repository r ON r.id = l.repository_id
            JOIN blob b ON b.id = l.blob_id
            WHERE l.blob_id = ?
            LIMIT ?
            """, [.integer(blob), .integer(Int64(Catalog.linksPerClosure))])
        guard rows.count < Catalog.linksPerClosure else { return false }
        for row in rows {
            let isGone = try isOver(row, 7)
            let deletedAt = row.isNull(6) ? nil : try row.integer(6)
            if try reason(LinkRow(row), deletedAt: deletedAt, repositoryIsGone: isGone) == nil { return false }
        }
        return true
    }
}

private struct Explaining {
    let collecting: Collecting
    let digest: Digest
    let restoreLeft: Int64?

    func story() throws(CatalogError) -> ContentStory {
        let transaction = collecting.transaction
        let limit = SQLValue.integer(100)
        let links = try transaction.rows(
            """
            SELECT l.repository_id, r.name, l.blob_id, b.digest, l.kind, l.leased_at, l.deleted_at
            FROM blob b
            JOIN repository_blob l ON l.blob_id = b.id
            JOIN repository r ON r.id = l.repository_id
            WHERE b.digest = ?
            ORDER BY l.repository_id, l.kind
            LIMIT ?
            """, [.digest(digest), limit])
        let holders = try transaction.rows(
            """
            SELECT r.name, m.digest, m.id, m.deleted_at
            FROM manifest m
            JOIN repository r ON r.id = m.repository_id
            WHERE m.id IN (
                    SELECT manifest_id
                    FROM manifest_reference
                    WHERE blob_id = (SELECT id FROM blob WHERE digest = ?)
                    LIMIT ?)
                OR m.id IN (SELECT id FROM manifest WHERE digest = ? LIMIT ?)
            ORDER BY r.name, m.id
            LIMIT ?
            """, [.digest(digest), limit, .digest(digest), limit, limit])
        return ContentStory(
            content: try transaction.content(digest),
            links: try links.map { row throws(CatalogError) in try link(row) },
            holders: try holders.map { row throws(CatalogError) in try holder(row) },
            isStray: try transaction.exists("SELECT 1 FROM stray_file WHERE digest = ?", [.digest(digest)]),
            isFirstLease: collecting.isFirstLease, restoreLeft: restoreLeft)
    }

    private func link(_ row: SQLRow) throws(CatalogError) -> ContentStory.Link {
        let link = try LinkRow(row)
        let since = try collecting.keptSince(link)
        let promise = collecting.leases.lastPromise(of: digest, in: link.repository)
        return ContentStory.Link(
            repository: link.repository, kind: link.kind,
            leaseLeft: since.map { max(0, $0 + collecting.terms.lease - collecting.now) },
            isFading: link.leasedAt.map { $0 < 0 } ?? false,
            isPromised: promise.map { collecting.now - $0 < collecting.terms.lease } ?? false,
            windowLeft: row.isNull(6) ? nil : windowLeft(try row.integer(6)))
    }

    private func holder(_ row: SQLRow) throws(CatalogError) -> ContentStory.Holder {
        let tags = try collecting.transaction.rows(
            "SELECT name FROM tag WHERE manifest_id = ? ORDER BY name LIMIT 10", [.integer(try row.integer(2))])
        return ContentStory.Holder(
            repository: try row.repositoryEvenDeleted(0), manifest: try row.digest(1),
            tags: try tags.map { row throws(CatalogError) in try row.tag(0) },
            windowLeft: row.isNull(3) ? nil : windowLeft(try row.integer(3)))
    }

    private func windowLeft(_ deletedAt: Int64) -> Int64 {
        max(0, deletedAt + collecting.terms.window - collecting.now)
    }
}
