import BerthTestSupport
import Foundation
import GRDB

/// What a server leaves that is killed at this moment, as the next start will find it: the catalog's files are copied and
/// read from the copy. The server stands still meanwhile, or at least makes no checkpoint.
struct Remains: Sendable {
    let root: String
    private let queue: DatabaseQueue

    init(of root: String, in folder: String) throws {
        self.root = root
        let copy = "\(folder)/remains.db"
        for suffix in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: copy + suffix)
            guard suffix != "-shm", FileManager.default.fileExists(atPath: "\(root)/berth.db\(suffix)") else {
                continue
            }
            try FileManager.default.copyItem(atPath: "\(root)/berth.db\(suffix)", toPath: copy + suffix)
        }
        queue = try DatabaseQueue(path: copy)
    }

    /// Whether a query has a row.
    func has(_ sql: String, _ arguments: [String] = []) throws -> Bool {
        try queue.read { try Row.fetchOne($0, sql: sql, arguments: StatementArguments(arguments)) != nil }
    }

    /// The first column.
    func texts(_ sql: String) throws -> [String] {
        try queue.read { try String.fetchAll($0, sql: sql) }
    }

    func hasFile(_ digest: String) -> Bool { FileManager.default.fileExists(atPath: contentPath(digest, below: root)) }

    /// What has a file under `blobs/`.
    var files: Set<String> {
        let paths = FileManager.default.enumerator(atPath: "\(root)/blobs/sha256")?.allObjects as? [String] ?? []
        return Set(
            paths.compactMap { $0.split(separator: "/").last }.filter { $0.utf8.count == 64 }.map { "sha256:\($0)" })
    }

    /// Content that has to have a file.
    func settled() throws -> Set<String> {
        Set(
            try texts(
                """
                SELECT digest FROM blob b
                WHERE state < 2 AND NOT EXISTS (SELECT 1 FROM blob_staging s WHERE s.digest = b.digest)
                """))
    }

    /// Marks of content that may leak, anywhere below the root, with the files that they are in.
    func marks() throws -> [String: Set<String>] {
        let start = Data("leak:".utf8)
        let length = Leak.mark(0).utf8.count
        var found: [String: Set<String>] = [:]
        for name in FileManager.default.enumerator(atPath: root)?.allObjects as? [String] ?? [] {
            guard let data = FileManager.default.contents(atPath: "\(root)/\(name)") else { continue }
            var rest = data[...]
            while let range = rest.range(of: start), rest.endIndex - range.lowerBound >= length {
                let mark = String(decoding: rest[range.lowerBound..<range.lowerBound + length], as: UTF8.self)
                found[mark, default: []].insert(name)
                rest = rest[min(rest.endIndex, range.upperBound + 150)...]
            }
        }
        return found
    }
}
