import Dispatch
import Foundation
import GRDB

/// Where a catalog's files are.
struct CatalogPlace: Sendable {
    let database: String
    let snapshots: SnapshotFolder
    let sync: SyncMode
    /// Work on snapshots, one at a time: what is taken out of all of them is in none that is being made meanwhile.
    private let line = DispatchQueue(label: "berth-snapshots", qos: .utility)

    init(database: String, snapshots: SnapshotFolder, sync: SyncMode) {
        (self.database, self.snapshots, self.sync) = (database, snapshots, sync)
    }

    func inTurn<Value: Sendable>(
        _ body: @escaping @Sendable (SnapshotFolder) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        let result: Result<Value, CatalogError> = await withCheckedContinuation { continuation in
            line.async { continuation.resume(returning: Result { () throws(CatalogError) in try body(snapshots) }) }
        }
        return try result.get()
    }

    /// A connection of its own, so that a long read makes nobody wait.
    func openReader() throws(CatalogError) -> DatabaseQueue {
        try SQLiteOpening(
            path: database, snapshots: snapshots.path, sync: sync, settings: CatalogSettings(), clock: SystemClock()
        ).openReader()
    }
}

extension Catalog {
    /// Copies the catalog as it is now, online: pushes and pulls go on.
    package func makeSnapshot() async throws(CatalogError) -> Snapshot { try await makeSnapshot("") }

    func makeSnapshot(_ prefix: String) async throws(CatalogError) -> Snapshot {
        let place = try files()
        let wall = clock.wall()
        return try await place.inTurn { folder throws(CatalogError) in
            let reader = try place.openReader()
            defer { try? reader.close() }
            return try reader.inside { connection throws(CatalogError) in
                try folder.make(prefix, of: connection, wall: wall)
            }
        }
    }

    /// The newest first.
    package func snapshots() async throws(CatalogError) -> [Snapshot] {
        try await files().inTurn { folder throws(CatalogError) in try folder.list() }
    }

    /// Nil: there is none of that name, or none at all where `latest` is asked for.
    package func snapshot(named name: String) async throws(CatalogError) -> Snapshot? {
        try await files().inTurn { folder throws(CatalogError) in try folder.find(name) }
    }

    /// Whether something was committed since `snapshot` was made.
    package func hasChanged(since snapshot: Snapshot) -> Bool { statistics.changedSeq > snapshot.seq }

    /// Removes snapshots that are older than the window, and those that a crash has left half made. What went.
    @discardableResult
    package func pruneSnapshots() async throws(CatalogError) -> [Snapshot] {
        let (window, now) = (settings.terms.window, time.now())
        return try await files().inTurn { folder throws(CatalogError) in
            try folder.removeTemporaries()
            return try folder.prune(window: window, now: now)
        }
    }

    func files() throws(CatalogError) -> CatalogPlace {
        guard let place else { throw .unavailable("this catalog is in memory alone") }
        return place
    }
}
