import BerthModel

// Statements about manifests and tags, each used by several operations.

struct ManifestRow {
    let id: Int64
    let type: ManifestType
    let isRoot: Bool
    /// Of how many levels of indexes it is the top; 0 for an image.
    let depth: Int64
    /// Registry time; nil: it is here.
    let deletedAt: Int64?
    /// It has been deleted, and what has to go with it has not all gone yet.
    let isDetaching: Bool
    var isDeleted: Bool { deletedAt != nil }
    /// It went with another one that was deleted.
    let wentAlong: Bool
}

/// A deleted manifest as the collector meets it.
struct DeletedManifest {
    let id: Int64
    let repositoryID: Int64
    let repository: RepositoryName
    /// The manifest that a person has deleted; nil once its purge has begun.
    let deletedWith: Int64?
    /// Registry time.
    let deletedAt: Int64
    let isDetaching: Bool
    let depth: Int64

    /// Of `id, repository_id, name, deleted_with, deleted_at, detach_position, depth`.
    init(_ row: SQLRow) throws(CatalogError) {
        id = try row.integer(0)
        repositoryID = try row.integer(1)
        repository = try row.repositoryEvenDeleted(2)
        deletedWith = row.isNull(3) ? nil : try row.integer(3)
        deletedAt = try row.integer(4)
        isDetaching = !row.isNull(5)
        depth = try row.integer(6)
    }
}

/// Where a walk over deleted manifests goes on.
package struct ManifestCursor: Hashable, Sendable {
    let time: Int64
    let depth: Int64
    let id: Int64

    static let start = ManifestCursor(time: .min, depth: 0, id: 0)
    var values: [SQLValue] { [.integer(time), .integer(-depth), .integer(id)] }
}

/// Where a tag points; the manifest may have been deleted a moment ago.
struct TagRow {
    let manifest: Int64
    let digest: Digest
    let isDeleted: Bool
}

extension SQLTransaction {
    func manifestRow(_ digest: Digest, in repository: Int64) throws(CatalogError) -> ManifestRow? {
        try row(
            """
            SELECT id, type, is_root, depth, deleted_at, detach_position,
                CASE WHEN deleted_with <> id THEN 1 ELSE 0 END
            FROM manifest
            WHERE digest = ? AND repository_id = ?
            """,
            [.digest(digest), .integer(repository)]
        ).map { row throws(CatalogError) in
            ManifestRow(
                id: try row.integer(0), type: try row.manifestType(1), isRoot: try row.bool(2),
                depth: try row.integer(3), deletedAt: row.isNull(4) ? nil : try row.integer(4),
                isDetaching: !row.isNull(5),
                wentAlong: try row.bool(6))
        }
    }

    func tagRow(_ tag: Tag, in repository: Int64) throws(CatalogError) -> TagRow? {
        try row(
            """
            SELECT m.id, m.digest, m.deleted_at
            FROM tag t
            JOIN manifest m ON m.id = t.manifest_id
            WHERE t.repository_id = ? AND t.name = ?
            """,
            [.integer(repository), .text(tag.text)]
        ).map { row throws(CatalogError) in
            TagRow(manifest: try row.integer(0), digest: try row.digest(1), isDeleted: !row.isNull(2))
        }
    }

    /// What a tag points to, for people: nil if its manifest is gone.
    func target(of tag: Tag, in repository: Int64) throws(CatalogError) -> Digest? {
        guard let row = try tagRow(tag, in: repository), !row.isDeleted else { return nil }
        return row.digest
    }

    func deleteTag(_ tag: Tag, in repository: Int64) throws(CatalogError) {
        try execute(
            "DELETE FROM tag WHERE repository_id = ? AND name = ?", [.integer(repository), .text(tag.text)])
    }

    func point(_ tag: Tag, to manifest: Int64, in repository: Int64) throws(CatalogError) {
        try execute(
            """
            INSERT INTO tag (repository_id, name, manifest_id)
            VALUES (?, ?, ?)
            ON CONFLICT (repository_id, name) DO UPDATE SET manifest_id = excluded.manifest_id
            """,
            [.integer(repository), .text(tag.text), .integer(manifest)])
    }

    /// Remembers a move or deletion of a tag for good. `deletion` is the manifest whose deletion took the tag along. Its
    /// time is never before that of the change before it, so that a moment has one answer whatever the clock did.
    func remember(
        _ tag: Tag, in repository: Int64, from old: Digest?, to new: Digest?, by principal: Principal, at now: Int64,
        deletion: Int64? = nil
    ) throws(CatalogError) {
        try execute(
            """
            INSERT INTO tag_history (repository_id, tag, changed_at, changed_by, old_digest, new_digest, deleted_with)
            VALUES (
                ?, ?,
                COALESCE(
                    (
                        SELECT h.changed_at
                        FROM tag_history h
                        WHERE h.repository_id = ? AND h.tag = ? AND h.changed_at > ?
                        ORDER BY h.changed_at DESC
                        LIMIT 1
                    ), ?),
                ?, ?, ?, ?
            )
            """,
            [
                .integer(repository), .text(tag.text), .integer(repository), .text(tag.text), .integer(now),
                .integer(now), .text(principal.text),
                .optional(old?.text), .optional(new?.text), deletion.map(SQLValue.integer) ?? .null,
            ])
    }

    /// A deleted manifest, whole as it was, is here again; its link too.
    func show(manifest id: Int64, _ digest: Digest, in repository: Int64) throws(CatalogError) {
        try lock(blobs: [digest])
        try execute(
            "UPDATE manifest SET deleted_at = NULL, deleted_by = NULL, deleted_with = NULL WHERE id = ?",
            [.integer(id)])
        try execute(
            """
            UPDATE repository_blob
            SET deleted_at = NULL, deleted_by = NULL
            WHERE repository_id = ? AND blob_id = (SELECT id FROM blob WHERE digest = ?) AND kind = 1
            """,
            [.integer(repository), .digest(digest)])
        try countManifests(1, in: repository)
    }

    func countManifests(_ change: Int64, in repository: Int64) throws(CatalogError) {
        try execute(
            "UPDATE repository SET manifests = manifests + ? WHERE id = ?", [.integer(change), .integer(repository)])
    }
}
