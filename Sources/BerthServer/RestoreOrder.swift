import BerthBlobs
import Glibc

/// What is to be restored, and who says so. A running server leaves it in the root, as `restore-pending`, for its next start.
package struct RestoreOrder: Sendable, Equatable {
    private static let fileName = "restore-pending"
    private static let mostBytes = 4_096

    /// A snapshot's name, or `latest`.
    package let snapshot: String
    package let restorer: String

    package init(snapshot: String, restorer: String) { (self.snapshot, self.restorer) = (snapshot, restorer) }

    /// Nil: nothing is to be restored.
    static func pending(in root: String) -> RestoreOrder? {
        let file = open(path(root), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: mostBytes)
        let count = read(file, &bytes, bytes.count)
        let lines = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
        guard lines.count == 2 else { return nil }
        return RestoreOrder(snapshot: String(lines[0]), restorer: String(lines[1]))
    }

    /// Whole or not at all, and durable when it returns.
    func leave(in root: String) throws {
        try SealKeyFile.write(Array("\(snapshot)\n\(restorer)\n".utf8), to: Self.path(root), in: root)
    }

    /// It has been carried out, or cannot be.
    static func remove(from root: String) { unlink(path(root)) }

    private static func path(_ root: String) -> String { root + "/" + fileName }
}
