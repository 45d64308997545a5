import BerthModel
import Foundation
import Testing

@testable import BerthCatalog

@Suite("When the disk fails")
struct DiskFaultTests {
    init() { DiskFaults.install() }

    private func log(_ test: TestCatalog) -> String { test.folder.database + "-wal" }

    @Test("each commit syncs the log, and an idle commit syncs it once (B5)")
    func syncs() async throws {
        var settings = CatalogSettings()
        // On a busy machine the idle writer's own commits would count as well.
        settings.timeStaleness = .seconds(3600)
        try await withCatalog(settings: settings) { test in
            try await test.pushBlob(0)
            DiskFaults.shared.watch(log(test))
            for number in 1...20 { try await test.pushBlob(number) }
            #expect(DiskFaults.shared.syncs(of: log(test)) >= 20, "are syncs seen at all?")
            #expect(DiskFaults.shared.syncs(of: log(test)) <= 21, "once more if the log starts over")
            let before = DiskFaults.shared.syncs(of: log(test))
            let commits = test.catalog.statistics.commits
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 100..<300 { group.addTask { try await test.pushBlob(number) } }
                try await group.waitForAll()
            }
            let shared = DiskFaults.shared.syncs(of: log(test)) - before
            #expect(shared <= test.catalog.statistics.commits - commits + 1)
            // A refusal changes nothing and waits for no disk.
            let quiet = DiskFaults.shared.syncs(of: log(test))
            #expect(try await test.push(9, references: [999]) == .missing([digest(999)]))
            #expect(DiskFaults.shared.syncs(of: log(test)) == quiet)
        }
    }

    @Test("a failed sync of a commit is never acknowledged and never tried again: writing stops, reading goes on (B6)")
    func failedSync() async throws {
        let test = try await openCatalog(in: try TemporaryFolder(), settings: .cachesAlone)
        try await test.pushBlob(1)
        _ = try await test.push(2, references: [1], tags: ["t"])
        _ = try await test.points("t")
        DiskFaults.shared.watch(log(test))
        DiskFaults.shared.fail(log(test), with: EIO, onlySyncs: true)
        await #expect(throws: CatalogError.self) { try await test.push(3, tags: ["t"]) }
        let syncs = DiskFaults.shared.syncs(of: log(test))
        DiskFaults.shared.heal(log(test))
        // The outcome is unknown, so nothing remembered may be answered with.
        #expect(test.catalog.cachedManifest(try test.tag("t"), in: try test.name()) == nil)
        for number in 10..<13 {
            let error = await #expect(throws: CatalogError.self) { try await test.pushBlob(number) }
            guard case .unavailable(let text) = error else { throw TestFailure("\(error as Any)") }
            #expect(text.contains("until a restart"))
        }
        await #expect(throws: CatalogError.self) { try await test.catalog.check() }
        #expect(try await test.points("t") == digest(2))
        await #expect(throws: CatalogError.self) { try await test.catalog.close() }
        #expect(DiskFaults.shared.syncs(of: log(test)) == syncs, "not even when closing")

        let second = try await openCatalog(in: try test.folder.copyAsIfKilled())
        let target = try await second.points("t")
        #expect(target == digest(2) || target == digest(3))
        try await second.pushBlob(10)
        try await second.catalog.close()
    }

    @Test(
        "whichever write of a commit fails, nothing false is acknowledged and a restart has all that was (C1, C2)",
        arguments: [EIO, ENOSPC, EDQUOT])
    func failedWrite(error: Int32) async throws {
        let test = try await openCatalog(in: try TemporaryFolder())
        try await test.pushBlob(1)
        DiskFaults.shared.fail(log(test), with: error)
        let thrown = await #expect(throws: CatalogError.self) { try await test.pushBlob(2) }
        DiskFaults.shared.heal(log(test))
        if error == EIO {
            guard case .unavailable = thrown else { throw TestFailure("\(thrown as Any)") }
        } else {
            #expect(thrown == .noSpace)
        }
        #expect(try await test.pushBlob(3) == .committed(isNew: true), "writable again, no restart needed")
        #expect(try await test.catalog.content(digest(2)) == nil)
        let second = try await openCatalog(in: try test.folder.copyAsIfKilled())
        #expect(try await second.catalog.content(digest(1)) != nil)
        #expect(try await second.catalog.content(digest(3)) != nil)
        #expect(try await second.rows("PRAGMA integrity_check") == [[.text("ok")]])
        try await second.catalog.close()
        try? await test.catalog.close()
    }

    @Test("a checkpoint that cannot be synced stops writing too, and the log keeps what it has")
    func failedCheckpoint() async throws {
        var settings = CatalogSettings()
        settings.checkpointBytes = 64 << 10
        let test = try await openCatalog(in: try TemporaryFolder(), settings: settings)
        try await test.pushBlob(0)
        DiskFaults.shared.fail(test.folder.database, with: EIO, onlySyncs: true)
        var acknowledged = [0]
        for number in 1..<100 where (try? await test.pushBlob(number)) != nil { acknowledged.append(number) }
        #expect(acknowledged.count < 99)
        #expect(try test.database.stopped?.contains("checkpoint") == true)
        try? await test.catalog.close()
        DiskFaults.shared.heal(test.folder.database)
        let second = try await openCatalog(in: try test.folder.copyAsIfKilled())
        for number in acknowledged { #expect(try await second.catalog.content(digest(number)) != nil) }
        try await second.catalog.close()
    }
}
