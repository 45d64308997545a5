import BerthModel
import Dispatch
import Foundation
import GRDB

/// A copy of the catalog as it was.
package struct Snapshot: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        /// Made by the schedule or a command.
        case regular
        /// What a restore replaced.
        case beforeRestore = "before a restore"
        /// What an update's migration started from.
        case beforeMigration = "before a migration"
    }
    package let name: String
    /// In bytes.
    package let size: Int64
    /// The number of the last commit in it (C7).
    package let seq: Int64
    /// Registry time of that commit.
    package let registryTime: Int64
    /// When the file was made, in seconds since 1970.
    package let madeAt: Int64

    package var kind: Kind {
        if name.hasPrefix(SnapshotFolder.beforeRestore) { return .beforeRestore }
        return name.hasPrefix(SnapshotFolder.beforeMigration) ? .beforeMigration : .regular
    }
}

/// `snapshots/` of a root. Every call blocks.
struct SnapshotFolder: Sendable {
    static let beforeRestore = "before-restore-"
    static let beforeMigration = "before-schema-"
    private static let suffix = ".db"
    private static let temporary = ".tmp"

    let path: String

    func path(of name: String) -> String { "\(path)/\(name)" }

    /// The newest first. What cannot be read is no snapshot.
    func list() throws(CatalogError) -> [Snapshot] {
        var found: [Snapshot] = []
        for name in try names() where name.hasSuffix(Self.suffix) {
            guard let snapshot = try? look(at: name) else { continue }
            found.append(snapshot)
        }
        return found.sorted { ($0.seq, $0.madeAt, $0.name) > ($1.seq, $1.madeAt, $1.name) }
    }

    /// `latest` is the newest that no restore has put away.
    func find(_ name: String) throws(CatalogError) -> Snapshot? {
        let all = try list()
        if name == "latest" { return all.first { $0.kind != .beforeRestore } }
        return all.first { $0.name == name || $0.name == name + Self.suffix }
    }

    /// Files that a crash has left half made.
    func removeTemporaries() throws(CatalogError) {
        for name in try names() where name.contains(Self.temporary) { unlink(path(of: name)) }
    }

    /// A copy of the database behind `connection`, whole and synced, which appears under its name at once.
    func copy(_ connection: SQLiteConnection, to name: String) throws(CatalogError) {
        guard access(path(of: name), F_OK) != 0 else { return }
        try connection.copyDatabase(to: path(of: name + Self.temporary))
        try give(name + Self.temporary, name)
    }

    /// The same under a name that tells when it was made and which commit is its last, as in
    /// `2026-11-28T20-04-57Z-seq-123.db`.
    func make(_ prefix: String, of connection: SQLiteConnection, wall: Int64) throws(CatalogError) -> Snapshot {
        let temporary = "\(prefix)new\(Self.suffix)\(Self.temporary)"
        try connection.copyDatabase(to: path(of: temporary))
        let seq = try look(at: temporary).seq
        let time = Timestamp.text(milliseconds: wall / 1_000).prefix(19).replacing(":", with: "-")
        let name = "\(prefix)\(time)Z-seq-\(seq)\(Self.suffix)"
        try give(temporary, name)
        return try look(at: name)
    }

    private func give(_ temporary: String, _ name: String) throws(CatalogError) {
        guard rename(path(of: temporary), path(of: name)) == 0 else { throw .system("renaming \(temporary)") }
        try syncFolder(of: path(of: name))
    }

    /// Takes bytes of content out of every snapshot: `changes` says whether there was something to take. What was changed
    /// is written anew, so that no free page keeps them, and replaces the old one at once. Throws where one cannot be read:
    /// nobody knows what it holds.
    func rewrite(
        where isNeeded: (SQLiteConnection) throws(CatalogError) -> Bool,
        _ change: (SQLiteConnection) throws(CatalogError) -> Void
    ) throws(CatalogError) {
        try removeTemporaries()
        for name in try names() where name.hasSuffix(Self.suffix) {
            let snapshot: Snapshot
            do { snapshot = try look(at: name) } catch {
                throw .unavailable("\(path)/\(name) cannot be read and may hold what is purged; remove it: \(error)")
            }
            let old = try SQLiteFile.open(path(of: snapshot.name), isReadOnly: true)
            defer { try? old.close() }
            let temporary = snapshot.name + Self.temporary
            let isCopied = try old.inside { connection throws(CatalogError) in
                guard try isNeeded(connection) else { return false }
                try connection.copyDatabase(to: path(of: temporary))
                return true
            }
            guard isCopied else { continue }
            let new = try SQLiteFile.open(path(of: temporary), isReadOnly: false)
            do {
                try new.inside { connection throws(CatalogError) in
                    try change(connection)
                    try connection.run("VACUUM")
                }
                try SQLiteFile.close(new)
                try SQLiteFile.sync(path(of: temporary))
            } catch {
                SQLiteFile.remove(path(of: temporary))
                throw error
            }
            // It is as old as it was.
            let times = [
                timespec(tv_sec: Int(snapshot.madeAt), tv_nsec: 0), timespec(tv_sec: Int(snapshot.madeAt), tv_nsec: 0),
            ]
            utimensat(AT_FDCWD, path(of: temporary), times, 0)
            // Without its name its close would free all of it, and SQLite holds a lock of all its files meanwhile.
            try? old.close()
            try give(temporary, snapshot.name)
        }
    }

    /// Removes those whose commit is at least `window` old and that therefore may not restore whole any more (G5); the
    /// newest one stays. What went.
    func prune(window: Int64, now: Int64) throws(CatalogError) -> [Snapshot] {
        let (bound, overflows) = now.subtractingReportingOverflow(window)
        guard !overflows else { return [] }
        let old = try list().dropFirst().filter { $0.registryTime <= bound }
        for snapshot in old {
            guard unlink(path(of: snapshot.name)) == 0 || errno == ENOENT else {
                throw .system("removing \(snapshot.name)")
            }
        }
        if !old.isEmpty { try syncFolder(of: path(of: "")) }
        return old
    }

    private func names() throws(CatalogError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch { throw .unavailable("\(path) cannot be listed: \(error)") }
    }

    private func look(at name: String) throws(CatalogError) -> Snapshot {
        var status = stat()
        guard stat(path(of: name), &status) == 0 else { throw .system("looking at \(name)") }
        let connection = try SQLiteFile.open(path(of: name), isReadOnly: true)
        defer { try? connection.close() }
        return try connection.inside { connection throws(CatalogError) in
            guard let row = try connection.rows("SELECT seq, registry_time FROM meta WHERE id = 1").first else {
                throw .damaged("\(name) is no catalog of Berth")
            }
            return Snapshot(
                name: name, size: Int64(status.st_size), seq: try row.integer(0), registryTime: try row.integer(1),
                madeAt: Int64(status.st_mtim.tv_sec))
        }
    }
}

/// A database that nobody else has open: a snapshot, or what is to become the catalog. Without a write-ahead log.
enum SQLiteFile {
    static func open(_ path: String, isReadOnly: Bool) throws(CatalogError) -> DatabaseQueue {
        var configuration = Configuration()
        configuration.readonly = isReadOnly
        configuration.allowsUnsafeTransactions = true
        configuration.label = "berth-snapshot"
        guard access(path, isReadOnly ? R_OK : R_OK | W_OK) == 0 else { throw .system("opening \(path)") }
        do { return try DatabaseQueue(path: path, configuration: configuration) } catch {
            throw .damaged("\(path): \(error)")
        }
    }

    static func close(_ connection: DatabaseQueue) throws(CatalogError) {
        do { try connection.close() } catch { throw .unavailable("closing: \(error)") }
    }

    /// Makes the bytes of a file survive a power cut.
    static func sync(_ path: String) throws(CatalogError) {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .system("opening \(path)") }
        defer { Glibc.close(file) }
        guard fsync(file) == 0 else { throw .system("syncing \(path)") }
    }

    /// Removes a database with what SQLite may have put beside it.
    static func remove(_ path: String) {
        for suffix in ["", "-journal", "-wal", "-shm"] { unlink(path + suffix) }
    }
}

extension SQLiteConnection {
    /// Writes the whole database, as of now and without free pages, into a new file that its owner alone reads; synced.
    /// On failure nothing is left.
    func copyDatabase(to path: String) throws(CatalogError) {
        SQLiteFile.remove(path)
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .system("making \(path)") }
        Glibc.close(file)
        do {
            try execute("VACUUM INTO ?", [.text(path)])
            try SQLiteFile.sync(path)
        } catch {
            SQLiteFile.remove(path)
            throw error
        }
    }
}

extension CatalogError {
    /// What the system said last.
    static func system(_ what: String) -> CatalogError {
        errno == ENOSPC || errno == EDQUOT ? .noSpace : .unavailable("\(what): \(String(cString: strerror(errno)))")
    }
}
