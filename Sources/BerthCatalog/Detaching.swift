import BerthModel

/// How far the deletion of a manifest has come, as its row remembers it: first its tags go, then its children, then
/// its referrers.
enum DetachPlace: Equatable {
    case children(from: Int64)
    case referrers(after: Int64)
    /// The children stay.
    case referrersOnly(after: Int64)
    /// The referrers stay.
    case childrenOnly(from: Int64)
    /// Both stay.
    case alone

    /// More than the references that a manifest may have.
    private static let referrersBase: Int64 = 1 << 20
    /// More than any id will be.
    private static let childrenOnlyBase: Int64 = 1 << 60

    /// Where a deletion begins.
    init(keepsChildren: Bool, keepsReferrers: Bool) {
        self =
            switch (keepsChildren, keepsReferrers) {
            case (false, false): .children(from: 0)
            case (true, false): .referrersOnly(after: 0)
            case (false, true): .childrenOnly(from: 0)
            case (true, true): .alone
            }
    }

    init(stored: Int64) {
        if stored == .min {
            self = .alone
        } else if stored < 0 {
            self = .referrersOnly(after: -1 - stored)
        } else if stored >= Self.childrenOnlyBase {
            self = .childrenOnly(from: stored - Self.childrenOnlyBase)
        } else if stored >= Self.referrersBase {
            self = .referrers(after: stored - Self.referrersBase)
        } else {
            self = .children(from: stored)
        }
    }
    var stored: Int64 {
        switch self {
        case .children(let position): position
        case .referrers(let id): Self.referrersBase + id
        case .referrersOnly(let id): -1 - id
        case .childrenOnly(let position): Self.childrenOnlyBase + position
        case .alone: .min
        }
    }
    /// Where the deletion of something that goes along begins.
    var start: DetachPlace {
        switch self {
        case .children, .referrers: .children(from: 0)
        case .referrersOnly: .referrersOnly(after: 0)
        case .childrenOnly: .childrenOnly(from: 0)
        case .alone: .alone
        }
    }
}

/// A manifest that is being deleted.
struct Leaving {
    let id: Int64
    let repositoryID: Int64
    let repository: RepositoryName
    let digest: Digest
    /// The manifest that a person has deleted: this one, or the one that it goes with.
    let deletion: Int64
    let principal: Principal
    let place: DetachPlace
    /// Registry time at which it was hidden; what was pushed later does not go with it.
    let hiddenAt: Int64

    func going(_ id: Int64, _ digest: Digest, at time: Int64) -> Leaving {
        Leaving(
            id: id, repositoryID: repositoryID, repository: repository, digest: digest, deletion: deletion,
            principal: principal, place: place.start, hiddenAt: time)
    }
}

/// A bounded part of a deletion. Each step leaves a state from which the next one can go on, after a crash too (C6).
struct Detaching {
    let transaction: any SQLTransaction
    /// Microseconds since 1970.
    let now: Int64
    let registryTime: Int64
    private(set) var tags: [Tag] = []
    /// Rows that may still be touched.
    private var left: Int64

    /// Rows that hiding a manifest costs at most, indexes apart.
    static let rowsHidden = 8
    /// Rows that one tag, child or referrer costs at most, indexes apart.
    private static let rowsEach: Int64 = 8

    init(transaction: any SQLTransaction, now: Int64, registryTime: Int64, rows: Int) {
        self.transaction = transaction
        self.now = now
        self.registryTime = registryTime
        left = Int64(rows)
    }

    /// Marks a manifest as deleted; from here on nobody sees it, nor its tags.
    func hide(_ manifest: Leaving, _ changes: inout Changes) throws(CatalogError) {
        try transaction.lock(blobs: [manifest.digest])
        try transaction.execute(
            """
            UPDATE manifest
            SET deleted_at = ?, deleted_by = ?, deleted_with = ?, detach_position = ?
            WHERE id = ?
            """,
            [
                .integer(registryTime), .text(manifest.principal.text), .integer(manifest.deletion),
                .integer(manifest.place.stored), .integer(manifest.id),
            ])
        try transaction.hideLink(
            of: manifest.digest, .manifest, in: manifest.repositoryID, by: manifest.principal, at: registryTime)
        try transaction.countManifests(-1, in: manifest.repositoryID)
        try transaction.tell(
            .deleted, manifest.repository, manifest.digest, tag: nil, by: manifest.principal, at: now)
        changes.manifests.append(.init(repository: manifest.repository, digest: manifest.digest))
        changes.links.append(.init(repository: manifest.repository, digest: manifest.digest))
    }

    /// True: everything that goes with this deletion has gone.
    mutating func run(_ deletion: Int64, _ changes: inout Changes) throws(CatalogError) -> Bool {
        while left > 0 {
            guard let manifest = try next(of: deletion) else { return true }
            guard try removeTags(of: manifest, &changes) else { return false }
            switch manifest.place {
            case .children(let position):
                guard try removeChildren(of: manifest, from: position, &changes),
                    try removeReferrers(of: manifest, .referrers(after: 0), &changes)
                else { return false }
            case .childrenOnly(let position):
                guard try removeChildren(of: manifest, from: position, &changes) else { return false }
            case .referrers, .referrersOnly:
                guard try removeReferrers(of: manifest, manifest.place, &changes) else { return false }
            case .alone: break
            }
            try store(nil, manifest)
        }
        return false
    }

    private func next(of deletion: Int64) throws(CatalogError) -> Leaving? {
        try transaction.row(
            """
            SELECT m.id, m.repository_id, r.name, m.digest, m.deleted_by, m.detach_position, m.deleted_at
            FROM manifest m
            JOIN repository r ON r.id = m.repository_id
            WHERE m.detach_position IS NOT NULL AND m.deleted_with = ?
            ORDER BY m.deleted_with, m.id
            LIMIT 1
            """,
            [.integer(deletion)]
        ).map { row throws(CatalogError) in
            Leaving(
                id: try row.integer(0), repositoryID: try row.integer(1), repository: try row.repositoryEvenDeleted(2),
                digest: try row.digest(3), deletion: deletion, principal: try row.principal(4),
                place: DetachPlace(stored: try row.integer(5)), hiddenAt: try row.integer(6))
        }
    }

    /// Each of these gives false when the closure has touched enough.
    private mutating func removeTags(of manifest: Leaving, _ changes: inout Changes) throws(CatalogError) -> Bool {
        let limit = max(1, left / Self.rowsEach)
        let rows = try transaction.rows(
            "SELECT name FROM tag WHERE manifest_id = ? ORDER BY name LIMIT ?",
            [.integer(manifest.id), .integer(limit)])
        for row in rows {
            let tag = try row.tag(0)
            try transaction.deleteTag(tag, in: manifest.repositoryID)
            try transaction.remember(
                tag, in: manifest.repositoryID, from: manifest.digest, to: nil, by: manifest.principal, at: now,
                deletion: manifest.deletion)
            try transaction.tell(
                .deleted, manifest.repository, manifest.digest, tag: tag, by: manifest.principal, at: now)
            changes.tags.append(.init(repository: manifest.repository, tag: tag))
            tags.append(tag)
        }
        left -= Int64(rows.count) * Self.rowsEach
        return rows.count < limit
    }

    private mutating func removeChildren(
        of manifest: Leaving, from position: Int64, _ changes: inout Changes
    ) throws(CatalogError) -> Bool {
        let limit = max(1, left / Self.rowsEach)
        let rows = try transaction.rows(
            """
            SELECT e.position, e.role, m.id, m.digest, m.is_root, m.subject
            FROM manifest_reference e
            JOIN blob b ON b.id = e.blob_id
            LEFT JOIN manifest m
                ON m.digest = b.digest AND m.repository_id = e.repository_id AND m.deleted_at IS NULL
            WHERE e.manifest_id = ? AND e.position >= ?
            ORDER BY e.position
            LIMIT ?
            """,
            [.integer(manifest.id), .integer(position), .integer(limit)])
        for row in rows where try row.integer(1) == Int64(ManifestReference.Role.entry.rawValue) && !row.isNull(2) {
            let child = manifest.going(try row.integer(2), try row.digest(3), at: registryTime)
            guard try !row.bool(4), try isUnheld(child), try !isPushed(child, after: manifest) else { continue }
            if let subject = try row.optionalDigest(5),
                let row = try transaction.manifestRow(subject, in: manifest.repositoryID), !row.isDeleted
            {
                continue
            }
            // Two entries may name one child.
            guard try isVisible(child) else { continue }
            try hide(child, &changes)
        }
        left -= Int64(rows.count) * Self.rowsEach
        guard rows.count == limit, let last = rows.last else { return true }
        let next = try last.integer(0) + 1
        if case .childrenOnly = manifest.place {
            try store(.childrenOnly(from: next), manifest)
        } else {
            try store(.children(from: next), manifest)
        }
        return false
    }

    /// A referrer goes with its subject unless it had a name of its own, or an index that stays lists it.
    private mutating func removeReferrers(
        of manifest: Leaving, _ place: DetachPlace, _ changes: inout Changes
    ) throws(CatalogError) -> Bool {
        let limit = max(1, left / Self.rowsEach)
        let after: Int64 =
            switch place {
            case .referrers(let id), .referrersOnly(let id): id
            case .children, .childrenOnly, .alone: 0
            }
        let rows = try transaction.rows(
            """
            SELECT id, digest, is_root
            FROM manifest
            WHERE repository_id = ? AND subject = ? AND deleted_at IS NULL AND id > ?
            ORDER BY id
            LIMIT ?
            """,
            [.integer(manifest.repositoryID), .digest(manifest.digest), .integer(after), .integer(limit)])
        for row in rows {
            let referrer = manifest.going(try row.integer(0), try row.digest(1), at: registryTime)
            guard try !row.bool(2), try isUnheld(referrer), try !isPushed(referrer, after: manifest)
            else { continue }
            try hide(referrer, &changes)
        }
        left -= Int64(rows.count) * Self.rowsEach
        guard rows.count == limit, let last = rows.last else { return true }
        let id = try last.integer(0)
        if case .referrersOnly = place {
            try store(.referrersOnly(after: id), manifest)
        } else {
            try store(.referrers(after: id), manifest)
        }
        return false
    }

    /// No manifest that stays references it.
    private func isUnheld(_ manifest: Leaving) throws(CatalogError) -> Bool {
        try transaction.holders(of: manifest.digest, in: manifest.repositoryID, limit: 1).isEmpty
    }

    /// Somebody was told that it is here while the deletion was half done.
    private func isPushed(_ manifest: Leaving, after deleted: Leaving) throws(CatalogError) -> Bool {
        try transaction.exists(
            """
            SELECT 1
            FROM repository_blob
            WHERE repository_id = ? AND blob_id = (SELECT id FROM blob WHERE digest = ?) AND kind = 1
                AND leased_at > ?
            """,
            [.integer(manifest.repositoryID), .digest(manifest.digest), .integer(deleted.hiddenAt)])
    }

    private func isVisible(_ manifest: Leaving) throws(CatalogError) -> Bool {
        try transaction.exists("SELECT 1 FROM manifest WHERE id = ? AND deleted_at IS NULL", [.integer(manifest.id)])
    }

    private func store(_ place: DetachPlace?, _ manifest: Leaving) throws(CatalogError) {
        try transaction.execute(
            "UPDATE manifest SET detach_position = ? WHERE id = ?",
            [place.map { .integer($0.stored) } ?? .null, .integer(manifest.id)])
    }
}
