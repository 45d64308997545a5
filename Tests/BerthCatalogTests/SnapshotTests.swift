import BerthModel
import Foundation
import GRDB
import Synchronization
import Testing

@testable import BerthCatalog

@Suite("Snapshots")
struct SnapshotTests {
    private func swap(_ folder: TemporaryFolder) -> CatalogSwap {
        CatalogSwap(catalog: folder.database, snapshots: folder.snapshots)
    }

    @Test("one is made online, whole, under a name that tells when and what, for its owner alone")
    func made() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            let snapshot = try await test.catalog.makeSnapshot()
            #expect(snapshot.name == "2027-01-15T08-00-00Z-seq-\(snapshot.seq).db")
            #expect(snapshot.seq > 0 && snapshot.seq <= test.catalog.statistics.seq)
            #expect(!test.catalog.hasChanged(since: snapshot))
            let attributes = try FileManager.default.attributesOfItem(
                atPath: "\(test.folder.snapshots)/\(snapshot.name)")
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(try test.folder.names(in: test.folder.snapshots) == [snapshot.name])
            try await test.pushBlob(2)
            #expect(test.catalog.hasChanged(since: snapshot))
            #expect(try await test.catalog.snapshots() == [snapshot])
            #expect(try await test.catalog.snapshot(named: "latest") == snapshot)
            #expect(try await test.catalog.snapshot(named: String(snapshot.name.dropLast(3))) == snapshot)
            #expect(try await test.catalog.snapshot(named: "2020") == nil)
        }
    }

    @Test("those whose window is over go, and what a crash left half made; the newest one stays (G5)")
    func pruned() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            var names: [String] = []
            for number in 0..<4 {
                try await test.pushBlob(number)
                names.append(try await test.catalog.makeSnapshot().name)
                test.clock.pass(400_000)
            }
            let half = "\(test.folder.snapshots)/x.db.tmp"
            #expect(FileManager.default.createFile(atPath: half, contents: Data([1])))
            #expect(FileManager.default.createFile(atPath: "\(test.folder.snapshots)/no.db", contents: Data([1])))
            #expect(try await test.catalog.pruneSnapshots().map(\.name) == [names[2], names[1], names[0]])
            #expect(try test.folder.names(in: test.folder.snapshots) == [names[3], "no.db"])
            #expect(try await test.catalog.pruneSnapshots().isEmpty)
        }
        try await withCatalog(settings: collectSettings(window: 1_000_000)) { test in
            for number in 0..<3 {
                try await test.pushBlob(number)
                _ = try await test.catalog.makeSnapshot()
                test.clock.pass(400_000)
            }
            #expect(try await test.catalog.pruneSnapshots().count == 1, "only one is a window old")
        }
    }

    /// A catalog that has gone on since its snapshot, closed as a restore does it.
    private func decided(
        closed: Bool = false, purges: [PurgeEntry] = [], _ prepare: (TestCatalog) async throws -> Void = { _ in }
    ) async throws -> (folder: TemporaryFolder, present: PresentCatalog, snapshot: Snapshot) {
        let folder = try TemporaryFolder()
        let test = try await openCatalog(in: folder, settings: collectSettings())
        try await test.pushBlob(1)
        _ = try await test.push(10, references: [1], tags: ["a"])
        try await prepare(test)
        let snapshot = try await test.catalog.makeSnapshot()
        test.clock.pass(5_000_000)
        try await test.pushBlob(2)
        _ = try await test.push(11, references: [2], tags: ["a", "b"])
        var (present, kept) = try await test.catalog.keepBeforeRestore()
        #expect(kept.kind == .beforeRestore)
        #expect(try await test.catalog.snapshot(named: "latest") == snapshot)
        try await test.catalog.close()
        (present.seq, present.registryTime) = (test.catalog.statistics.seq, test.catalog.registryTime())
        present.isClosed = closed
        try swap(folder).decide(
            on: snapshot, registryID: "", replacing: present, purges: purges, by: "operator", wall: 7)
        return (folder, present, snapshot)
    }

    @Test("what comes back is as it was, while numbers and registry time go on (C7)")
    func restored() async throws {
        let (folder, present, snapshot) = try await decided()
        #expect(try swap(folder).finish())
        #expect(try !swap(folder).finish())
        let test = try await openCatalog(in: folder, settings: collectSettings())
        #expect(try await test.points("a") == digest(10))
        #expect(try await test.points("b") == nil)
        #expect(test.catalog.statistics.seq > present.seq)
        #expect(test.catalog.registryTime() >= present.registryTime)
        #expect(!test.catalog.start.wasStoppedCleanly && !test.catalog.start.isSameBoot)
        let restored = try #require(try await test.catalog.lastRestoration())
        #expect(restored.snapshot == snapshot.name && restored.replacedSeq == present.seq && !restored.isChecked)
        // Numbers of rows are never given out twice.
        _ = try await test.push(12, references: [1])
        #expect(try await test.count("SELECT id FROM manifest WHERE digest = ?", [.digest(digest(12))]) == 3)
        try await test.catalog.close()
        // And back again: what was there is not lost.
        let kept = try #require(try swap(folder).list().first { $0.kind == .beforeRestore })
        try swap(folder).decide(
            on: kept, registryID: "", replacing: present, purges: [], by: "operator", wall: 8)
        try swap(folder).finish()
        let back = try await openCatalog(in: folder, settings: collectSettings())
        #expect(try await back.points("b") == digest(11))
        try await back.catalog.close()
    }

    @Test("what was disabled or removed since stays so, also with a snapshot from before a migration")
    func disabledStays() async throws {
        let folder = try TemporaryFolder()
        let opening = SQLiteOpening(
            path: folder.database, snapshots: folder.snapshots, sync: .always, settings: CatalogSettings(),
            clock: ManualClock())
        let connection = try opening.openWriter()
        _ = try opening.prepare(
            connection, migrations: Array(Migration.all.prefix { $0.number < Migration.disabling.number }))
        try connection.inside { connection throws(CatalogError) in
            for statement in [
                "INSERT INTO access_user VALUES (1, 'ann', NULL, 1, 0, 0, 0, NULL)",
                "INSERT INTO access_user VALUES (2, 'bob', NULL, 1, 0, 0, 0, NULL)",
                "INSERT INTO access_group VALUES (1, 'team', 0)",
                "INSERT INTO access_grant VALUES (1, 1, 1, '**', 0, 0, 'operator')",
                "INSERT INTO access_secret VALUES (1, 'a', x'00', 1, NULL, '', NULL, 0, NULL, NULL)",
                "INSERT INTO access_key VALUES (1, 'a', 'pem', 0, 0, NULL)",
            ] as [StaticString] { _ = try connection.execute(statement) }
        }
        try connection.close()
        let test = try await openCatalog(in: folder, settings: collectSettings())
        try await test.catalog.database.write(
            .small,
            { t throws(CatalogError) in
                try t.execute("UPDATE access_group SET is_disabled = 1", [])
                try t.execute("UPDATE access_grant SET is_disabled = 1", [])
                try t.execute("UPDATE access_secret SET is_disabled = 1", [])
                try t.execute("UPDATE access_key SET is_disabled = 1", [])
                try t.execute("DELETE FROM access_user WHERE name = 'bob'", [])
            }, settled: { _ in })
        var (present, kept) = try await test.catalog.keepBeforeRestore()
        present.kept = kept
        try await test.catalog.close()
        let old = try #require(try swap(folder).list().first { $0.kind != .beforeRestore })
        try swap(folder).decide(on: old, registryID: "", replacing: present, purges: [], by: "operator", wall: 7)
        #expect(try swap(folder).finish())
        let back = try await openCatalog(in: folder, settings: collectSettings())
        #expect(try await back.count("SELECT count(*) FROM access_group WHERE is_disabled = 1", []) == 1)
        #expect(try await back.count("SELECT count(*) FROM access_grant WHERE is_disabled = 1", []) == 1)
        #expect(try await back.count("SELECT count(*) FROM access_secret WHERE is_disabled = 1", []) == 1)
        #expect(try await back.count("SELECT count(*) FROM access_key WHERE is_disabled = 1", []) == 1)
        #expect(try await back.count("SELECT count(*) FROM access_user", []) == 1)
        try await back.catalog.close()
    }

    @Test("a crash at any moment of the exchange ends in the old or the new catalog, and a start finishes it (G7)")
    func everyCrash() async throws {
        for step in 0..<5 {
            let (folder, _, _) = try await decided()
            let (path, ready) = (folder.database, folder.database + ".restored")
            let files = FileManager.default
            switch step {
            case 0: try files.moveItem(atPath: ready, toPath: ready + ".tmp")  // before it was decided
            case 1: break
            case 2: #expect(files.createFile(atPath: path + "-wal", contents: Data(repeating: 7, count: 9_000)))
            case 3: try files.removeItem(atPath: path)  // it was lost before
            default: try swap(folder).finish()
            }
            let isNew = try swap(folder).finish()
            #expect(isNew == (1...3).contains(step))
            let test = try await openCatalog(in: folder, settings: collectSettings())
            #expect(try await test.points("a") == (step == 0 ? digest(11) : digest(10)), "step \(step)")
            let names = try folder.names(in: folder.path).filter { $0.contains("restored") }
            #expect(names.isEmpty)
            try await test.catalog.close()
        }
    }

    @Test("a registry with accounts stays closed, and purges since the snapshot are carried over")
    func carriedOver() async throws {
        let entry = PurgeEntry(key: "k", target: .content(digest(1)), at: 3, principal: alice, seq: 5)
        let name = try RepositoryName("team/gone")
        let other = PurgeEntry(key: "l", target: .repository(name), at: 4, principal: alice, seq: 6)
        let (folder, present, _) = try await decided(closed: true, purges: [entry, entry, other]) { test in
            try await test.pushBlob(4, to: "team/gone")
        }
        try swap(folder).finish()
        let test = try await openCatalog(in: folder, settings: collectSettings())
        #expect(try await test.count("SELECT is_closed FROM access_state") == 1)
        #expect(try await test.count("SELECT version FROM access_state") > present.accessVersion)
        #expect(try await test.catalog.purges(limit: 9).map(\.entry.key) == ["l", "k"])
        #expect(try await !test.hasBlob(4, in: "team/gone"))
        for id in try await test.catalog.openPurges() { try await test.carryOut(id) }
        #expect(try await test.points("a") == nil)
        #expect(try await test.count("SELECT count(*) FROM repository") == 1)
        try await test.catalog.close()
    }

    @Test("a snapshot of another registry, a newer schema, or with damage is refused, and nothing changes")
    func refused() async throws {
        let (folder, present, snapshot) = try await decided()
        try swap(folder).finish()
        let path = "\(folder.snapshots)/\(snapshot.name)"
        let whole = try #require(FileManager.default.contents(atPath: path))
        func tries(_ change: String) throws {
            let file = try SQLiteFile.open(path, isReadOnly: false)
            try file.inside { connection throws(CatalogError) in try connection.run(change) }
            try file.close()
            #expect(throws: CatalogError.self) {
                try swap(folder).decide(
                    on: snapshot, registryID: "mine", replacing: present, purges: [], by: "x", wall: 7)
            }
            #expect(FileManager.default.createFile(atPath: path, contents: whole))
            #expect(try folder.names(in: folder.path).filter { $0.contains("restored") } == [])
        }
        try tries("UPDATE meta SET registry_id = 'theirs'")
        try tries("PRAGMA user_version = 1000")
        try tries("DELETE FROM meta")
    }

    @Test("content that has gone by itself since is forgotten, and what manifests name is damage")
    func absent() async throws {
        let (folder, _, _) = try await decided { test in
            try await test.pushBlob(3)  // named by nothing
            try await test.pushBlob(4)
            _ = try await test.push(14, references: [4], tags: ["gone"])
            _ = try await test.push(24, entries: [14])
            _ = try await test.delete(24)
            _ = try await test.delete(14)
            try await test.settle()
        }
        try swap(folder).finish()
        let test = try await openCatalog(in: folder, settings: collectSettings())
        let totals = try await test.catalog.totals()
        #expect(try await test.catalog.settleAbsence(of: digest(3)) == .cleaned)
        #expect(try await test.catalog.settleAbsence(of: digest(4)) == .cleaned)
        #expect(try await test.catalog.settleAbsence(of: digest(1)) == .damaged)
        #expect(try await test.catalog.settleAbsence(of: digest(99)) == .none)
        #expect(try await test.undelete(14) == .unknownManifest)
        #expect(try await test.catalog.totals().blobs == totals.blobs - 2)
        #expect(try await test.catalog.content(digest(1))?.isDamaged == true)
        try await test.catalog.finishRestoration(1, cleaned: 2, lost: 1)
        #expect(try await test.catalog.lastRestoration()?.isChecked == true)
        try await test.catalog.close()
    }

    @Test("for a window after a restore no content goes, so that the catalog that it replaced can come back whole (G5)")
    func keptForAWindow() async throws {
        let (folder, _, _) = try await decided { test in
            try await test.pushBlob(3)
            try await test.settle()
            test.clock.pass(lease + 1)
            _ = try await test.round()  // 3 fades and goes; its row is forgotten
            try await test.pushBlob(5)
            try await test.settle()
        }
        try swap(folder).finish()
        let test = try await openCatalog(in: folder, settings: collectSettings())
        try await test.settle()
        test.clock.pass(lease + 1)
        // The plan says so, before 5 is doomed and afterwards.
        for _ in 0..<2 {
            let plan = try await test.catalog.plan()
            #expect(plan.freedBlobs == 0 && plan.leavingBlobs == 0)
            #expect(plan.waitingBlobs == 1 && plan.waitingBytes == 10)
            #expect(plan.waitsFor == windowLength - lease - 1 && plan.waitsBecause == .restore)
            #expect(try await test.catalog.explain(digest(5)).restoreLeft == plan.waitsFor)
            #expect(try await test.round() == [], "5 is doomed, and stays")
        }
        #expect(try await test.catalog.content(digest(5))?.state == .doomed)
        test.clock.pass(windowLength)
        let plan = try await test.catalog.plan()
        #expect(plan.waitsFor == nil && plan.waitingBlobs == 0 && plan.leavingBlobs == 1)
        #expect(try await test.round() == [digest(5)])
        try await test.catalog.close()
    }

    @Test(
        "content that was on its way out at the snapshot stays a window, for what was replaced may need its file (G3, G5)"
    )
    func leavingAtSnapshot() async throws {
        let (folder, _, _) = try await decided { test in
            for number in 3...4 { try await test.pushBlob(number) }
            try await test.settle()
            test.clock.pass(lease + 1)
            #expect(try await test.sweep() == [digest(3), digest(4)])
            // It names what has gone already and need not be here.
            _ = try await test.push(20, entries: [4], tags: ["all"], sparse: true)
        }
        try swap(folder).finish()
        let test = try await openCatalog(in: folder, settings: collectSettings())
        try await test.settle()
        #expect(try await test.catalog.content(digest(4)) == nil)
        #expect(try await test.catalog.explain(digest(4)).holders.map(\.manifest) == [digest(20)])
        #expect(try await test.catalog.sweeping(after: nil, limit: 10) == [])
        #expect(try await test.catalog.content(digest(3)) == nil)
        try await test.catalog.noteStrays([(digest: digest(3), size: 10)])
        test.clock.pass(windowLength - 1)
        #expect(try await test.round() == [])
        test.clock.pass(1)
        #expect(try await test.round() == [digest(3)])
        try await test.catalog.close()
    }
}
