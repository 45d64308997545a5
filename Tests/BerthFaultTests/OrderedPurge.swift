import BerthModel
import BerthTestSupport
import Foundation
import GRDB
import Testing

/// What leaks: in the database of a root that was killed, staged, and in a snapshot.
private let secret = Array("the secret that a purge has to take away".utf8)
/// The same, in a finished upload whose row the purge has taken already.
private let sealedSecret = Array("the secret of an upload that had not settled".utf8)
private let sealedUpload = "019a0000-0000-7000-8000-000000000001"

/// Leaves a purge to be done at the next start, by the list beside the catalog.
func orderPurge(root: String) throws {
    let digest = try sha256(secret).text
    let queue = try DatabaseQueue(path: "\(root)/berth.db")
    try queue.writeWithoutTransaction { database in
        try database.execute(
            sql: "INSERT INTO blob (digest, size, state, damaged, created_at) VALUES (?, ?, 0, 0, 0)",
            arguments: [digest, secret.count])
        try database.execute(
            sql: "INSERT INTO blob_staging (digest, size, bytes) VALUES (?, ?, ?)",
            arguments: [digest, secret.count, Data(secret)])
        try database.execute(
            sql: """
                INSERT INTO repository_blob (repository_id, blob_id, kind, linked_by, leased_at)
                SELECT min(id), (SELECT id FROM blob WHERE digest = ?), 0, 'anonymous', 0 FROM repository
                """, arguments: [digest])
        let sealedDigest = try sha256(sealedSecret).text
        try database.execute(
            sql: "INSERT INTO blob (digest, size, state, damaged, created_at) VALUES (?, ?, 1, 1, 0)",
            arguments: [sealedDigest, sealedSecret.count])
        try database.execute(
            sql: """
                INSERT INTO purge (key, target, purged_at, purged_by, seq, is_done, rewrites)
                VALUES ('other', ?, 0, 'user:operator', 0, 0, 0)
                """, arguments: [sealedDigest])
        try database.execute(
            sql: "INSERT INTO purge_content (purge_id, digest, state, upload_id) SELECT id, ?, 1, ? FROM purge",
            arguments: [sealedDigest, sealedUpload])
        try database.execute(sql: "VACUUM INTO ?", arguments: ["\(root)/snapshots/now.db"])
    }
    try queue.close()
    guard
        FileManager.default.createFile(
            atPath: "\(root)/uploads/\(sealedUpload).sealed", contents: Data(sealedSecret),
            attributes: [.posixPermissions: 0o400])
    else { throw TestFailure("no upload") }
    let list = Data("2026-01-01T00:00:00.000Z key 1 \(digest) user:operator 0 .\n".utf8)
    guard FileManager.default.createFile(atPath: "\(root)/purged", contents: list) else {
        throw TestFailure("no list")
    }
}

/// The next start has finished it: its bytes are nowhere.
func expectPurged(root: String) throws {
    let all = try #require(FileManager.default.enumerator(atPath: root)).compactMap { $0 as? String }
    let holding = all.filter { name in
        let data = FileManager.default.contents(atPath: "\(root)/\(name)")
        return [secret, sealedSecret].contains { data?.range(of: Data($0)) != nil }
    }
    #expect(holding == [])
    #expect(all.contains("snapshots/now.db"))
}
