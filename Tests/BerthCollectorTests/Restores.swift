import BerthCollector
import BerthTestSupport

@testable import BerthCatalog

/// A copy of the catalog, and what clients had been told when it was made.
struct CatalogCopy {
    let slot: Int
    let moment: Snapshot
    let memory: Memory
}

/// Snapshots of the catalog, and going back to them as a server does that stops and starts anew.
extension World {
    /// Made online, between two commits.
    func copyCatalog(to slot: Int = 0) throws -> CatalogCopy {
        let time = catalog.registryTime()
        try database.copy(to: slot)
        return CatalogCopy(
            slot: slot, moment: Snapshot(name: "\(slot)", size: 0, seq: 1, registryTime: time, madeAt: 0),
            memory: memory)
    }

    /// As old as it is it may bring all of it back (G5).
    func isWithinWindow(_ copy: CatalogCopy) -> Bool {
        catalog.registryTime() - copy.moment.registryTime < terms.window
    }

    /// Whoever was at work is gone for good. What was there is kept, and may come back in its turn.
    func goBack(to copy: CatalogCopy) async throws -> CatalogCopy? {
        stage?.retireAll()
        try await crash()
        let (kept, purgesAgain) = try await withoutStage { [self] in
            await settle()
            let kept = try copyCatalog(to: 1 - copy.slot)
            let purges = try await catalog.purges(limit: .max).map(\.entry)
            let done = try database.purges(in: copy)
            try database.goBack(to: copy, purges, registryTime: catalog.registryTime(), wall: clock.wall())
            return (kept, purges.contains { !done.contains($0.key) })
        }
        memory.goBack(to: copy.memory)
        forgetStates()
        try await start()
        try await withoutStage { [self] in
            await settle()
            try await RestoreCheck(catalog: catalog, store: store, logger: Self.log).run()
            if let lost = try await catalog.lastRestoration()?.lost, lost > 0 { lose("a restore has lost content") }
            try await checkAcknowledged()
        }
        return purgesAgain ? nil : kept
    }
}

extension MemoryDatabase {
    private static let slots = 0...1

    /// Where copies go. Outside of a transaction.
    func makeCopies() throws {
        try onQueue { connection throws(CatalogError) in
            for slot in Self.slots {
                try connection.run("ATTACH DATABASE ':memory:' AS copy\(slot)")
                for table in Self.tables {
                    try connection.run("CREATE TABLE copy\(slot).\(table) AS SELECT * FROM \(table)")
                }
            }
        }
    }

    func copy(to slot: Int) throws {
        for table in Self.tables {
            try run("DELETE FROM copy\(slot).\(table)")
            try run("INSERT INTO copy\(slot).\(table) SELECT * FROM main.\(table)")
        }
    }

    /// The keys of those that are done.
    func purges(in copy: CatalogCopy) throws -> Set<String> {
        let found =
            copy.slot == 0
            ? try rows("SELECT key FROM copy0.purge WHERE is_done = 1")
            : try rows("SELECT key FROM copy1.purge WHERE is_done = 1")
        return Set(try found.map { try $0.text(0) })
    }

    func goBack(to copy: CatalogCopy, _ purges: [PurgeEntry], registryTime: Int64, wall: Int64) throws {
        let present = try onQueue { connection throws(CatalogError) in
            try PresentCatalog(SQLiteTransaction(connection: connection), registryTime: registryTime)
        }
        for table in Self.tables.reversed() { try run("DELETE FROM main.\(table)") }
        for table in Self.tables { try run("INSERT INTO main.\(table) SELECT * FROM copy\(copy.slot).\(table)") }
        try onQueue { connection throws(CatalogError) in
            try CatalogSwap.succeed(
                present, with: copy.moment, in: connection, "", purges, by: "operator", wall: wall)
        }
    }
}
