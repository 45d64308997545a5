package import BerthModel

/// What a repository holds, in bytes.
package struct RepositoryUsage: Hashable, Sendable {
    package let name: RepositoryName
    /// It was deleted, and all of it waits for the end of its window.
    package let isDeleted: Bool
    package let manifests: Int
    /// Content that it holds, each once.
    package let bytes: Int64
    /// Of these, what no other repository holds.
    package let ownBytes: Int64
    /// Content that only deleted things in it still need: it goes from here when their window is over.
    package let deletedBytes: Int64
}

/// What all repositories hold, in bytes.
package struct CatalogUsage: Hashable, Sendable {
    /// In no order.
    package let repositories: [RepositoryUsage]
    /// Content of which there is a row, whatever holds it, and how many of them.
    package let contentBytes: Int64
    package let blobs: Int
    /// Content that a repository holds, each once.
    package let heldBytes: Int64
    /// What repositories hold together, content that several hold as many times.
    package var sharedBytes: Int64 { repositories.reduce(0) { $0 + $1.bytes } }
    /// What the disk does not have to keep a second time.
    package var savedBytes: Int64 { max(0, sharedBytes - heldBytes) }
    /// Content that nobody holds any more: it waits for a window, or is on its way out.
    package var leavingBytes: Int64 { max(0, contentBytes - heldBytes) }
    /// Content in the catalog itself, which has not been given its place yet.
    package let stagedBytes: Int64
}

// A repository holds content that one of its manifests names or is, and content that was sent or mounted and that no
// manifest has ever named, until its lease is over. The walks read page by page, each page a read of its own, so that
// they hold up neither the log nor other readers; what is written meanwhile may be counted or not.

extension Catalog {
    /// Links that one read of a walk looks at, and repositories.
    static let usagePage = 256

    /// Walks over all content in the order of its numbers. Keeps a few numbers for each repository, nothing for content.
    package func usage() async throws(CatalogError) -> CatalogUsage {
        var walk = UsageWalk()
        while !walk.isAtEnd {
            let last = walk.last
            try walk.add(
                try await database.read { transaction throws(CatalogError) in
                    try UsageWalk.page(transaction, after: last)
                })
        }
        let totals = try await totals()
        return CatalogUsage(
            repositories: try await named(walk.repositories), contentBytes: totals.bytes, blobs: totals.blobs,
            heldBytes: walk.heldBytes, stagedBytes: totals.stagedBytes)
    }

    /// What the repository holds, and what those of its name hold that were deleted, a hundred at most, the last one to go
    /// first. Empty: there is none.
    package func usage(of name: RepositoryName) async throws(CatalogError) -> [RepositoryUsage] {
        let ids = try await database.read { transaction throws(CatalogError) in
            let deleted = try transaction.rows(
                """
                SELECT id
                FROM repository
                WHERE name > ? AND name < ? AND deleted_at IS NOT NULL
                ORDER BY deleted_at DESC, id DESC
                LIMIT 100
                """, [.text(name.text + "#"), .text(name.text + "$")])
            var ids = try [transaction.repositoryID(name)].compactMap { $0 }
            for row in deleted { ids.append(try row.integer(0)) }
            return ids
        }
        var found: [RepositoryUsage] = []
        for id in ids {
            var walk = RepositoryWalk(id)
            while !walk.isAtEnd {
                let before = walk
                walk = try await database.read { transaction throws(CatalogError) in
                    var walk = before
                    try walk.readPage(transaction)
                    return walk
                }
            }
            found += try await database.read { [walk] transaction throws(CatalogError) in
                try transaction.rows(
                    "SELECT id, name, manifests, deleted_at FROM repository WHERE id = ?", [.integer(id)]
                ).map { row throws(CatalogError) in try RepositoryUsage(row, walk.sums) }
            }
        }
        return found
    }

    /// Gives the sums their names; repositories that hold nothing are there too.
    private func named(_ sums: [Int64: UsageSums]) async throws(CatalogError) -> [RepositoryUsage] {
        var found: [RepositoryUsage] = []
        var last: Int64 = 0
        while true {
            let page = try await database.read { [last] transaction throws(CatalogError) in
                try transaction.rows(
                    "SELECT id, name, manifests, deleted_at FROM repository WHERE id > ? ORDER BY id LIMIT ?",
                    [.integer(last), .integer(Int64(Self.usagePage))])
            }
            for row in page {
                last = try row.integer(0)
                found.append(try RepositoryUsage(row, sums[last] ?? UsageSums()))
            }
            guard page.count == Self.usagePage else { return found }
        }
    }
}

struct UsageSums: Hashable, Sendable {
    var bytes: Int64 = 0
    var own: Int64 = 0
    var deleted: Int64 = 0
}

extension RepositoryUsage {
    /// Of `id, name, manifests, deleted_at`.
    fileprivate init(_ row: SQLRow, _ sums: UsageSums) throws(CatalogError) {
        self.init(
            name: try row.repositoryEvenDeleted(1), isDeleted: !row.isNull(3), manifests: Int(try row.integer(2)),
            bytes: sums.bytes, ownBytes: sums.own, deletedBytes: sums.deleted)
    }
}

/// How far a walk over all links has come, content by content.
private struct UsageWalk: Sendable {
    /// A link has gone by as a blob, and perhaps comes as a manifest next.
    private struct Holder {
        let repository: Int64
        var isHeld: Bool
    }
    private struct Content {
        let blob: Int64
        let size: Int64
        var holders = 0
        /// The first repository that holds it.
        var first: Int64 = 0
    }
    private(set) var repositories: [Int64: UsageSums] = [:]
    private(set) var heldBytes: Int64 = 0
    private(set) var isAtEnd = false
    private var content: Content?
    private var holder: Holder?
    /// Content, repository and kind of the last link.
    private(set) var last: [SQLValue] = [.integer(0), .integer(0), .integer(0)]

    static func page(_ transaction: any SQLTransaction, after last: [SQLValue]) throws(CatalogError) -> [SQLRow] {
        try transaction.rows(
            """
            SELECT l.blob_id, l.repository_id, l.kind, b.size,
                CASE
                    WHEN r.deleted_at IS NOT NULL THEN 0
                    WHEN EXISTS (
                        SELECT 1
                        FROM manifest_reference e
                        JOIN manifest m ON m.id = e.manifest_id
                        WHERE e.blob_id = l.blob_id AND e.repository_id = l.repository_id AND m.deleted_at IS NULL
                    ) THEN 1
                    WHEN l.deleted_at IS NOT NULL THEN 0
                    WHEN l.kind = 1 THEN 1
                    WHEN EXISTS (
                        SELECT 1
                        FROM manifest_reference e
                        WHERE e.blob_id = l.blob_id AND e.repository_id = l.repository_id
                    ) THEN 0
                    ELSE 1
                END
            FROM repository_blob l
            JOIN repository r ON r.id = l.repository_id
            JOIN blob b ON b.id = l.blob_id
            WHERE (l.blob_id, l.repository_id, l.kind) > (?, ?, ?)
            ORDER BY l.blob_id, l.repository_id, l.kind
            LIMIT ?
            """, last + [.integer(Int64(Catalog.usagePage))])
    }

    mutating func add(_ rows: [SQLRow]) throws(CatalogError) {
        for row in rows {
            let (blob, repository) = (try row.integer(0), try row.integer(1))
            last = [.integer(blob), .integer(repository), .integer(try row.integer(2))]
            if content?.blob != blob {
                endContent()
                content = Content(blob: blob, size: try row.integer(3))
            }
            if holder?.repository != repository {
                endHolder()
                holder = Holder(repository: repository, isHeld: false)
            }
            if try row.bool(4) { holder?.isHeld = true }
        }
        guard rows.count < Catalog.usagePage else { return }
        endContent()
        isAtEnd = true
    }

    private mutating func endHolder() {
        guard let holder, let size = content?.size else { return }
        self.holder = nil
        guard holder.isHeld else {
            repositories[holder.repository, default: UsageSums()].deleted += size
            return
        }
        repositories[holder.repository, default: UsageSums()].bytes += size
        if content?.holders == 0 { content?.first = holder.repository }
        content?.holders += 1
    }

    private mutating func endContent() {
        endHolder()
        guard let content else { return }
        self.content = nil
        if content.holders > 0 { heldBytes += content.size }
        if content.holders == 1 { repositories[content.first]?.own += content.size }
    }
}

/// The same over the links of one repository.
private struct RepositoryWalk: Sendable {
    private let id: Int64
    private(set) var sums = UsageSums()
    private(set) var isAtEnd = false
    private var last: Int64 = 0

    init(_ id: Int64) { self.id = id }

    mutating func readPage(_ transaction: any SQLTransaction) throws(CatalogError) {
        let rows = try transaction.rows(
            """
            SELECT l.blob_id, max(b.size),
                max(CASE
                    WHEN r.deleted_at IS NOT NULL THEN 0
                    WHEN EXISTS (
                        SELECT 1
                        FROM manifest_reference e
                        JOIN manifest m ON m.id = e.manifest_id
                        WHERE e.blob_id = l.blob_id AND e.repository_id = l.repository_id AND m.deleted_at IS NULL
                    ) THEN 1
                    WHEN l.deleted_at IS NOT NULL THEN 0
                    WHEN l.kind = 1 THEN 1
                    WHEN EXISTS (
                        SELECT 1
                        FROM manifest_reference e
                        WHERE e.blob_id = l.blob_id AND e.repository_id = l.repository_id
                    ) THEN 0
                    ELSE 1
                END)
            FROM repository_blob l
            JOIN repository r ON r.id = l.repository_id
            JOIN blob b ON b.id = l.blob_id
            WHERE l.repository_id = ? AND l.blob_id > ?
            GROUP BY l.blob_id
            ORDER BY l.blob_id
            LIMIT ?
            """, [.integer(id), .integer(last), .integer(Int64(Catalog.usagePage))])
        for row in rows {
            last = try row.integer(0)
            let size = try row.integer(1)
            guard try row.bool(2) else {
                sums.deleted += size
                continue
            }
            sums.bytes += size
            if try !isHeldElsewhere(last, transaction) { sums.own += size }
        }
        isAtEnd = rows.count < Catalog.usagePage
    }

    private func isHeldElsewhere(_ blob: Int64, _ transaction: any SQLTransaction) throws(CatalogError) -> Bool {
        try transaction.exists(
            """
            SELECT 1
            FROM repository_blob l
            JOIN repository r ON r.id = l.repository_id
            WHERE l.blob_id = ? AND l.repository_id <> ? AND r.deleted_at IS NULL
                AND (
                    EXISTS (
                        SELECT 1
                        FROM manifest_reference e
                        JOIN manifest m ON m.id = e.manifest_id
                        WHERE e.blob_id = l.blob_id AND e.repository_id = l.repository_id AND m.deleted_at IS NULL
                    )
                    OR l.deleted_at IS NULL AND (
                        l.kind = 1
                        OR NOT EXISTS (
                            SELECT 1
                            FROM manifest_reference e
                            WHERE e.blob_id = l.blob_id AND e.repository_id = l.repository_id
                        )
                    )
                )
            LIMIT 1
            """, [.integer(blob), .integer(id)])
    }
}
