import BerthTestSupport
import Foundation
import Testing

/// A moment at which a server is killed, by its name. It stands still before an operation on its files, and what it has
/// left until then says whether it is this moment.
struct KillPoint: Sendable {
    /// What somebody asks for at that moment.
    enum Work: Sendable {
        case pushLarge, mount, moveTag, deleteTag, deleteManifest, undelete, deleteRepository, undeleteRepository, purge
    }
    /// What that is about.
    struct Target: Sendable {
        var repository: String
        /// Of the manifest, or of the blob.
        var digest: String
        let tag = "moved"
    }
    struct Scene: Sendable {
        /// Where the operation would be, below the root.
        let path: String
        let remains: Remains
        let target: Target
        /// Content that was seen at the step before.
        var seen: [String] = []
    }
    /// The operation, and content that is in the state in question; nil: this is not the moment.
    struct Step: Sendable {
        let plan: FaultPlan
        let look: @Sendable (Scene) throws -> [String]?
    }

    let name: String
    var work: Work?
    /// Nobody else asks for anything meanwhile.
    var isAlone = false
    let steps: [Step]

    private static func plan(
        _ operation: FaultPlan.Operation, _ files: FaultPlan.Files, _ pattern: String
    ) -> FaultPlan {
        FaultPlan(mode: .hold, operations: [operation], files: files, times: Int(Int32.max), pattern: pattern)
    }

    private static func step(
        _ plan: FaultPlan, _ isIt: @escaping @Sendable (Scene) throws -> Bool
    ) -> Step {
        Step(plan: plan) { try isIt($0) ? [] : nil }
    }

    private static let write = plan(.write, .catalog, "-wal$")
    /// All of a commit is written.
    private static let sync = plan(.sync, .catalog, "-wal$")
    private static let checkpoint = plan(.write, .catalog, "/berth.db$")
    private static let unlink = plan(.unlink, .store, "/blobs/")
    private static let folder = plan(.sync, .store, "/blobs/sha256/")

    /// A commit that was asked for, before its first byte is written and when its last one is, and no sync has followed.
    private static func commit(
        of what: String, _ work: Work, _ hasHappened: @escaping @Sendable (Scene) throws -> Bool
    ) -> [KillPoint] {
        [
            KillPoint(
                name: "before the commit of \(what) that was asked for", work: work, isAlone: true,
                steps: [step(write) { try !hasHappened($0) }]),
            KillPoint(
                name: "after the commit of \(what) was written, before it was synced", work: work,
                steps: [step(sync, hasHappened)]),
        ]
    }

    private static let collecting: [KillPoint] = [
        KillPoint(
            name: "after a manifest's row went with its window, before its content lost its links",
            steps: [step(sync) { try $0.remains.has("SELECT 1 FROM repository_blob WHERE leased_at = 0") }]),
        KillPoint(
            name: "after a link faded, before it went",
            steps: [step(sync) { try $0.remains.has("SELECT 1 FROM repository_blob WHERE leased_at = -1") }]),
        KillPoint(
            name: "after content was doomed, before it was sweeping",
            steps: [step(sync) { try $0.remains.has("SELECT 1 FROM blob WHERE state = 1") }]),
        KillPoint(
            name: "after content was sweeping, before its file was unlinked",
            steps: [
                step(unlink) { scene in
                    let digest = "sha256:" + scene.path.suffix(64)
                    // A purge or the collector may have been faster, and its row gone with it.
                    guard scene.remains.hasFile(digest) else { return false }
                    // A push that has brought its bytes anew meanwhile waits with giving the file its name.
                    let isToGo = try scene.remains.has(
                        """
                        SELECT 1
                        FROM blob b
                        LEFT JOIN blob_staging s ON s.digest = b.digest
                        WHERE b.digest = ? AND (b.state = 2 OR s.id IS NOT NULL)
                        """, [digest])
                    #expect(isToGo, "\(digest) is to be unlinked, and is not sweeping (G3)")
                    return true
                }
            ]),
        KillPoint(
            name: "after a blob's file was unlinked, before its folder was synced",
            steps: [Step(plan: folder, look: unlinked)]),
        KillPoint(
            name: "after the folder of an unlinked file was synced, before the row went",
            steps: [
                Step(plan: folder, look: unlinked),
                step(write) { scene in
                    let rows = try scene.remains.texts("SELECT digest FROM blob WHERE state = 2")
                    return scene.seen.contains { rows.contains($0) && !scene.remains.hasFile($0) }
                },
            ]),
        KillPoint(
            name: "after rows of unlinked files went, before that was synced",
            steps: [
                Step(plan: folder, look: unlinked),
                step(sync) { scene in
                    try scene.seen.contains { try !scene.remains.has("SELECT 1 FROM blob WHERE digest = ?", [$0]) }
                },
            ]),
    ]

    private static let settling: [KillPoint] = [
        KillPoint(
            name: "after settling gave a file its name, before its folder was synced",
            steps: [Step(plan: folder, look: named)]),
        KillPoint(
            name: "after settling synced the folder, before the staged row went",
            steps: [
                Step(plan: folder, look: named),
                step(write) { scene in
                    let rows = try scene.remains.texts("SELECT digest FROM blob_staging")
                    return scene.seen.contains(where: rows.contains)
                },
            ]),
        KillPoint(
            name: "after an upload was sealed, before its commit", work: .pushLarge,
            steps: [
                step(write) { scene in
                    let names = try FileManager.default.contentsOfDirectory(atPath: "\(scene.remains.root)/uploads")
                    let staged = try scene.remains.texts("SELECT upload_id FROM blob_staging WHERE bytes IS NULL")
                    return try names.contains { $0.hasSuffix(".sealed") && !staged.contains(String($0.dropLast(7))) }
                        && !scene.remains.has("SELECT 1 FROM blob WHERE digest = ?", [scene.target.digest])
                }
            ]),
    ]

    private static let purging: [KillPoint] = [
        KillPoint(
            name: "after a purge was on its list, before any row went", work: .purge,
            steps: [
                step(write) { scene in
                    let list = try? String(contentsOfFile: "\(scene.remains.root)/purged", encoding: .utf8)
                    return try list?.contains(scene.target.digest) ?? false
                        && !scene.remains.has("SELECT 1 FROM purge WHERE target = ?", [scene.target.digest])
                }
            ]),
        KillPoint(
            name: "after a purge took the rows away, before it unlinked the file", work: .purge,
            steps: [
                step(unlink) { scene in
                    try scene.path.hasSuffix(scene.target.digest.suffix(64)) && isOpen(scene)
                        && scene.remains.hasFile(scene.target.digest)
                }
            ]),
        KillPoint(
            name: "after a purge unlinked the file, before the database was written anew", work: .purge,
            steps: [
                step(sync) { scene in
                    try isOpen(scene) && !scene.remains.hasFile(scene.target.digest)
                        && !scene.remains.has("SELECT 1 FROM blob WHERE digest = ?", [scene.target.digest])
                }
            ]),
        KillPoint(
            name: "while a checkpoint writes the database", work: .purge, steps: [step(checkpoint) { _ in true }]),
        KillPoint(
            name: "after a purge wrote the database anew, before it was done", work: .purge,
            steps: [step(checkpoint, isOpen), step(write, isOpen)]),
    ]

    private static let commits: [KillPoint] =
        commit(of: "a mount", .mount) { scene in
            try scene.remains.has(
                """
                SELECT 1
                FROM repository_blob l
                JOIN repository r ON r.id = l.repository_id
                JOIN blob b ON b.id = l.blob_id
                WHERE b.digest = ? AND r.name = ?
                """, [scene.target.digest, scene.target.repository])
        }
        + commit(of: "a moved tag and its history", .moveTag) { scene in
            try scene.remains.has(
                """
                SELECT 1 FROM tag t
                JOIN repository r ON r.id = t.repository_id
                JOIN manifest m ON m.id = t.manifest_id
                WHERE t.name = ? AND r.name = ? AND m.digest = ?
                """, [scene.target.tag, scene.target.repository, scene.target.digest])
        }
        + commit(of: "a tag's deletion and its history", .deleteTag) { scene in
            try !scene.remains.has(
                """
                SELECT 1 FROM tag t JOIN repository r ON r.id = t.repository_id WHERE t.name = ? AND r.name = ?
                """, [scene.target.tag, scene.target.repository])
        }
        + commit(of: "a deletion", .deleteManifest) { try !isHere($0) }
        + commit(of: "an undelete", .undelete, isHere)
        + commit(of: "a repository's deletion", .deleteRepository) { try !isHere($0) }
        + commit(of: "a repository's undelete", .undeleteRepository, isHere)

    static let all = collecting + settling + purging + commits

    // MARK: - What to look for

    /// Sweeping content of the folder that has no file any more.
    private static let unlinked: @Sendable (Scene) throws -> [String]? = { scene in
        let gone = try scene.remains.texts("SELECT digest FROM blob WHERE state = 2")
            .filter { contentPath($0, below: "").contains(scene.path) && !scene.remains.hasFile($0) }
        return gone.isEmpty ? nil : gone
    }

    /// Staged content of the folder that has a file.
    private static let named: @Sendable (Scene) throws -> [String]? = { scene in
        let settled = try scene.remains.texts("SELECT digest FROM blob_staging")
            .filter { contentPath($0, below: "").contains(scene.path) && scene.remains.hasFile($0) }
        return settled.isEmpty ? nil : settled
    }

    private static let isOpen: @Sendable (Scene) throws -> Bool = { scene in
        try scene.remains.has("SELECT 1 FROM purge WHERE target = ? AND is_done = 0", [scene.target.digest])
    }

    private static let isHere: @Sendable (Scene) throws -> Bool = { scene in
        try scene.remains.has(
            """
            SELECT 1 FROM manifest m JOIN repository r ON r.id = m.repository_id
            WHERE r.name = ? AND m.digest = ? AND m.deleted_at IS NULL
            """, [scene.target.repository, scene.target.digest])
    }
}
