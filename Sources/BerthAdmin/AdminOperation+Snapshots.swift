import BerthAccess
import BerthCatalog
import BerthModel
import HTTPTypes

/// How a running server brings a snapshot back: it stops and starts anew.
package struct Restoring: Sendable {
    /// Leaves the order for the next start, durably.
    let leave: @Sendable (_ snapshot: String, _ restorer: String) throws -> Void
    /// Begins the stop.
    let restart: @Sendable () -> Void

    package init(
        leave: @escaping @Sendable (_ snapshot: String, _ restorer: String) throws -> Void,
        restart: @escaping @Sendable () -> Void
    ) {
        (self.leave, self.restart) = (leave, restart)
    }
}

extension AdminOperation {
    static let snapshots: [AdminOperation] = [
        AdminOperation(.get, "/snapshots", "listSnapshots", "Copies of the catalog, the newest first.") {
            call throws(AccessError) in
            .list(
                "snapshots", try await call.asked { c async throws(CatalogError) in try await c.snapshots() }
            ) { $0.write($1) }
        },
        AdminOperation(
            .post, "/snapshots", "createSnapshot", "Copy the catalog as it is now.", statuses: [201]
        ) { call throws(AccessError) in
            let snapshot = try await call.asked { c async throws(CatalogError) in try await c.makeSnapshot() }
            await call.note("snapshot.create", snapshot.name, "")
            return AdminAnswer(.created) { $0.write(snapshot) }
        },
        AdminOperation(
            .get, "/restorations", "listRestorations", "Snapshots that were brought back, the last one first."
        ) { call throws(AccessError) in
            .list(
                "restorations",
                try await call.asked { c async throws(CatalogError) in try await c.restorations(limit: 100) }
            ) { $0.write($1) }
        },
        AdminOperation(
            .post, "/restorations", "restore",
            "Bring a snapshot back: the server stops, and starts anew with it. What is now is kept as a snapshot.",
            fields: [AdminField("snapshot", .string, required: true, "Its name, or latest.")],
            statuses: [202, 400, 404, 409]
        ) { call throws(AccessError) in
            let name = call.body.string("snapshot") ?? ""
            guard let restoring = call.parts.restoring else {
                throw .conflict("the registry is stopped: berth restore does this")
            }
            let found = try await call.asked { c async throws(CatalogError) in try await c.snapshot(named: name) }
            guard let snapshot = found else { throw .unknown("snapshot \(name)") }
            do { try restoring.leave(snapshot.name, call.actor.name) } catch {
                throw .failed(.unavailable("\(error)"))
            }
            await call.note("restore", snapshot.name, "")
            restoring.restart()
            return AdminAnswer(.accepted) { $0.write(snapshot) }
        },
    ]
}

extension JSONWriter {
    mutating func write(_ snapshot: Snapshot) {
        beginObject()
        member("name", snapshot.name)
        member("kind", snapshot.kind.rawValue)
        member("made_at", Timestamp.text(milliseconds: snapshot.madeAt * 1_000))
        member("seq", number: snapshot.seq)
        member("bytes", number: snapshot.size)
        endObject()
    }

    mutating func write(_ restored: Restored) {
        beginObject()
        member("id", number: restored.id)
        member("snapshot", restored.snapshot)
        member("snapshot_seq", number: restored.snapshotSeq)
        member("replaced_seq", number: restored.replacedSeq)
        member("restored_at", Timestamp.text(milliseconds: restored.happenedAt / 1_000))
        member("restored_by", restored.restorer)
        member("is_checked", restored.isChecked)
        member("cleaned", number: restored.cleaned)
        member("lost", number: restored.lost)
        endObject()
    }
}
