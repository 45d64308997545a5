import BerthModel
import Foundation

/// The purges, outside of the catalog: an older catalog that comes back, by whatever way, does not know them. A file to which
/// a line is added for each purge, synced before the purge begins: time, key, number of the commit, target, who. Calls block.
package struct PurgeList: Sendable {
    private let path: String

    package init(path: String) { self.path = path }

    /// Lines that a crash has left half written count for nothing: their purge never began.
    package func entries() throws(CatalogError) -> [PurgeEntry] {
        guard access(path, F_OK) == 0 else { return [] }
        guard let data = FileManager.default.contents(atPath: path) else { throw .system("reading \(path)") }
        var lines = String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        lines.removeLast()  // behind the last end of a line
        var entries: [PurgeEntry] = []
        for line in lines where !line.isEmpty {
            guard let entry = PurgeEntry(line: line) else {
                // A half line that a later one was written behind.
                continue
            }
            entries.append(entry)
        }
        return entries
    }

    func add(_ new: [PurgeEntry]) throws(CatalogError) {
        guard !new.isEmpty else { return }
        let isNew = access(path, F_OK) != 0
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .system("opening \(path)") }
        defer { Glibc.close(file) }
        // A line that was left half written is ended.
        var last: UInt8 = 10
        let size = lseek(file, 0, SEEK_END)
        if size > 0 { _ = pread(file, &last, 1, size - 1) }
        let text = (last == 10 ? "" : "\n") + new.map { $0.line + "\n" }.joined()
        let bytes = Array(text.utf8)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else { throw .system("writing \(path)") }
        guard fsync(file) == 0 else { throw .system("syncing \(path)") }
        if isNew { try syncFolder(of: path) }
    }
}

extension PurgeEntry {
    /// A line without it was left half written.
    private static let end = "."

    fileprivate var line: String {
        "\(Timestamp.text(milliseconds: at / 1_000)) \(key) \(seq) \(target) \(principal) \(at) \(Self.end)"
    }

    fileprivate init?(line: Substring) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 7, words[6] == Self.end, let seq = Int64(words[2]), let target = PurgeTarget(words[3]),
            let principal = Principal(words[4]), let at = Int64(words[5])
        else { return nil }
        self.init(key: words[1], target: target, at: at, principal: principal, seq: seq)
    }
}
