import BerthModel
import Foundation
import Synchronization
import Testing

@testable import BerthCatalog

extension TestCatalog {
    /// What a purge does, without files. What it gave up.
    @discardableResult
    func carryOut(_ id: Int64) async throws -> [Digest] {
        try await catalog.detachPurged(id)
        let gone = try await catalog.purgedFiles(id, after: nil, limit: 10_000).map(\.digest)
        try await catalog.forgetPurged(gone, of: id)
        try await catalog.purgeHistory(id)
        try await catalog.scrubPurged(id)
        try await catalog.finishPurge(id)
        return gone
    }

    @discardableResult
    func purge(_ target: PurgeTarget) async throws -> [Digest] {
        try await carryOut(try await catalog.beginPurge(target, by: alice))
    }

    /// Bytes of a file of the database or of a snapshot that hold `bytes`.
    func files(holding bytes: [UInt8]) throws -> [String] {
        let all = try #require(FileManager.default.enumerator(atPath: folder.path)).compactMap { $0 as? String }
        return all.filter { name in
            guard let data = FileManager.default.contents(atPath: "\(folder.path)/\(name)") else { return false }
            return data.range(of: Data(bytes)) != nil
        }
    }
}

@Suite("Purging")
struct PurgeTests {
    /// 1, the leak, is in an image, an index over it and one over that; in another repository, deleted; in a deleted
    /// repository; 2 is in all of them, too, and in an image of its own.
    private func populate(_ test: TestCatalog) async throws {
        for repository in ["library/box", "other/box", "gone/box"] {
            for number in [1, 2] { try await test.pushBlob(number, to: repository) }
            _ = try await test.push(10, references: [2, 1], tags: ["leak"], to: repository)
            _ = try await test.push(20, entries: [10], tags: ["all"], to: repository)
            _ = try await test.push(30, entries: [20], to: repository)
            _ = try await test.push(11, references: [2], tags: ["good"], to: repository)
            _ = try await test.push(12, references: [2], subject: 10, to: repository)
        }
        _ = try await test.delete(30, in: "other/box", allowed: true)
        _ = try await test.catalog.deleteRepository(test.name("gone/box"), by: alice)
    }

    private func expectPurged(_ test: TestCatalog) async throws {
        for number in [1, 10, 20, 30] {
            for repository in ["library/box", "other/box"] {
                #expect(try await !test.hasBlob(number, in: repository))
                #expect(try await !test.isThere(number, in: repository))
            }
            let values: [SQLValue] = [.digest(digest(number))]
            #expect(try await test.count("SELECT count(*) FROM blob WHERE digest = ?", values) == 0)
            #expect(try await test.count("SELECT count(*) FROM blob_staging WHERE digest = ?", values) == 0)
            #expect(
                try await test.count(
                    "SELECT count(*) FROM repository_blob l JOIN blob b ON b.id = l.blob_id WHERE b.digest = ?", values)
                    == 0)
            #expect(try await test.count("SELECT count(*) FROM manifest WHERE digest = ?", values) == 0)
            #expect(
                try await test.count(
                    "SELECT count(*) FROM manifest_reference e JOIN blob b ON b.id = e.blob_id WHERE b.digest = ?",
                    values) == 0)
            #expect(
                try await test.count(
                    "SELECT count(*) FROM tag_history WHERE old_digest = ? OR new_digest = ?", values + values) == 0)
        }
        for repository in ["library/box", "other/box"] {
            #expect(try await test.points("good", in: repository) == digest(11))
            #expect(try await test.points("leak", in: repository) == nil)
            #expect(try await test.hasBlob(2, in: repository))
            // What referred to it went along, and can be brought back.
            #expect(try await !test.isThere(12, in: repository))
            #expect(try await test.undelete(12, in: repository) == .restored(manifests: 1, tags: [], skipped: []))
            #expect(try await test.undelete(10, in: repository) == .unknownManifest)
        }
        guard case .done = try await test.catalog.undeleteRepository(test.name("gone/box"), by: alice) else {
            throw TestFailure("the deleted repository did not come back")
        }
        #expect(try await test.points("good", in: "gone/box") == digest(11))
        #expect(try await test.points("leak", in: "gone/box") == nil)
        let miscounted = try await test.count(
            """
            SELECT count(*)
            FROM repository r
            WHERE r.manifests <> (
                SELECT count(*) FROM manifest m WHERE m.repository_id = r.id AND m.deleted_at IS NULL)
            """)
        #expect(miscounted == 0)
        #expect(try await test.count("SELECT count(*) FROM purge WHERE is_done = 0") == 0)
        #expect(try await test.count("SELECT count(*) FROM purge_content") == 0)
        let changes = try await test.count("SELECT count(*) FROM tag_history WHERE tag = 'leak'")
        #expect(changes == 5, "that there was a change stays known")
    }

    @Test(
        "content goes out of every repository with all that names it, whatever leases, windows and the first lease say")
    func everywhere() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            try await populate(test)
            #expect(test.catalog.isFirstLease())
            let plan = try await test.catalog.planPurge(.content(digest(1)))
            #expect(plan.manifests == 9 && plan.tags == 6 && plan.blobs == 4 && plan.repositories.count == 3)
            let totals = try await test.catalog.totals()
            let gone = try await test.purge(.content(digest(1)))
            #expect(Set(gone) == Set([1, 10, 20, 30].map(digest)))
            let after = try await test.catalog.totals()
            #expect(after.blobs == totals.blobs - 4 && after.staged == totals.staged - 4)
            try await expectPurged(test)
            let known = try #require(try await test.catalog.purges(limit: 10).first)
            #expect(known.manifests == 9 && known.isDone && known.entry.principal == alice)
        }
    }

    @Test("a crash after any commit of a purge leaves what the next start finishes (G7)")
    func everyCrash() async throws {
        let folder = try TemporaryFolder()
        let states = Mutex<[TemporaryFolder]>([])
        let isArmed = Flag()
        var settings = collectSettings()
        settings.rowsPerClosure = 16
        settings.committed = { _ in
            guard isArmed.isSet, let copy = try? folder.copyAsIfKilled() else { return }
            states.withLock { $0.append(copy) }
        }
        let test = try await openCatalog(in: folder, settings: settings)
        try await populate(test)
        isArmed.set()
        try await test.purge(.content(digest(1)))
        try await test.catalog.close()
        let all = states.withLock { $0 }
        #expect(all.count > 20, "only \(all.count) commits")
        settings.committed = nil
        for state in all {
            let again = try await openCatalog(in: state, settings: settings)
            for id in try await again.catalog.openPurges() { try await again.carryOut(id) }
            try await expectPurged(again)
            try await again.catalog.close()
        }
    }

    @Test("a repository goes with its predecessors and what only they hold; what others hold stays")
    func repository() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            try await test.pushBlob(1)
            try await test.pushBlob(3)
            _ = try await test.push(10, references: [1, 3], tags: ["old"])
            _ = try await test.catalog.deleteRepository(test.name(), by: alice)
            for number in [1, 2] { try await test.pushBlob(number) }
            _ = try await test.push(11, references: [1, 2], tags: ["new"])
            try await test.pushBlob(1, to: "library/boxes")
            _ = try await test.push(12, references: [1], tags: ["kept"], to: "library/boxes")
            let plan = try await test.catalog.planPurge(.repository(try test.name()))
            #expect(plan.manifests == 2 && plan.tags == 2 && plan.blobs == 4)
            let gone = try await test.purge(.repository(try test.name()))
            #expect(Set(gone) == Set([2, 3, 10, 11].map(digest)))
            #expect(try await test.points("kept", in: "library/boxes") == digest(12))
            #expect(try await test.hasBlob(1, in: "library/boxes"))
            #expect(try await test.count("SELECT count(*) FROM repository") == 1)
            #expect(try await test.catalog.undeleteRepository(test.name(), by: alice) == .unknownRepository)
            #expect(try await test.catalog.totals().repositories == 1)
            // The name is free.
            try await test.pushBlob(5)
            #expect(try await test.hasBlob(5))
        }
    }

    @Test("what is pushed again while it is purged is new content, or its manifest is refused (G1)")
    func pushedAgain() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            try await populate(test)
            let id = try await test.catalog.beginPurge(.content(digest(1)), by: alice)
            try await test.catalog.detachPurged(id)
            #expect(try await test.push(13, references: [1], tags: ["late"]) == .missing([digest(1)]))
            try await test.pushBlob(1)
            #expect(try await test.push(13, references: [1], tags: ["late"]) == .stored(isNew: true))
            // Its file may not go any more.
            #expect(try await test.catalog.stillSweeping([digest(1)]).isEmpty)
            try await test.carryOut(id)
            #expect(try await test.hasBlob(1))
            #expect(try await test.points("late") == digest(13))
            #expect(try await test.catalog.stagedBytes(digest(1)) != nil)
        }
    }

    @Test(
        "tags of what is pushed again while it is purged come back with it (G5)",
        arguments: ["library/box", "other/box"], [true, false])
    func tagsPushedAgain(to repository: String, isContent: Bool) async throws {
        try await withCatalog(settings: collectSettings()) { test in
            try await test.pushBlob(1)
            _ = try await test.push(10, references: [1], tags: ["old"])
            let target = isContent ? PurgeTarget.content(digest(1)) : .repository(try test.name())
            let id = try await test.catalog.beginPurge(target, by: alice)
            try await test.catalog.detachPurged(id)
            try await test.pushBlob(1, to: repository)
            _ = try await test.push(10, references: [1], tags: ["late"], to: repository)
            _ = try await test.delete(10, in: repository)
            try await test.carryOut(id)
            #expect(
                try await test.undelete(10, in: repository)
                    == .restored(manifests: 1, tags: [Tag("late")], skipped: []))
            #expect(try await test.points("late", in: repository) == digest(10))
            #expect(try await test.points("old", in: repository) == nil)
        }
    }

    @Test("who comes to name it without bringing it keeps nothing of it, and goes with it")
    func namedMeanwhile() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            try await test.pushBlob(1)
            let id = try await test.catalog.beginPurge(.content(digest(1)), by: alice)
            try await test.catalog.detachPurged(id)
            // As it is between the closure that has seen that nothing names it and the one that sweeps.
            try await test.run("UPDATE purge_content SET state = 1", [])
            try await test.run("UPDATE blob SET state = 1", [])
            #expect(try await test.push(20, entries: [1], tags: ["late"], sparse: true) == .stored(isNew: true))
            #expect(try await test.carryOut(id).contains(digest(1)))
            #expect(try await test.points("late") == nil)
            #expect(try await test.count("SELECT count(*) FROM manifest_reference") == 0)
        }
    }

    @Test("nobody takes content for present whose staged bytes a purge has dropped (B9)")
    func droppedBytes() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            try await test.pushBlob(1)
            let id = try await test.catalog.beginPurge(.content(digest(1)), by: alice)
            try await test.catalog.detachPurged(id)
            try await test.run("UPDATE purge_content SET state = 1", [])
            try await test.run("UPDATE blob SET state = 1", [])
            let claim = try await test.catalog.commitBlob(
                BlobCommit(
                    repository: test.name(), digest: digest(1), size: 10, content: .presentAndGood, upload: nil,
                    principal: alice))
            #expect(claim == .contentGone)
            try await test.pushBlob(1)
            try await test.carryOut(id)
            #expect(try await test.hasBlob(1), "with bytes it is new content")
        }
    }

    @Test("the same command takes what was pushed again before the purge was finished")
    func again() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            for target in [PurgeTarget.content(digest(1)), .repository(try test.name())] {
                try await test.pushBlob(1)
                let id = try await test.catalog.beginPurge(target, by: alice)
                try await test.catalog.detachPurged(id)
                try await test.pushBlob(1)
                _ = try await test.push(10, references: [1], tags: ["again"])
                #expect(try await test.catalog.beginPurge(target, by: alice) == id)
                #expect(try await test.carryOut(id).contains(digest(1)))
                #expect(try await !test.hasBlob(1))
                #expect(try await test.points("again") == nil)
                #expect(try await test.catalog.openPurges() == [])
            }
            #expect(try await test.catalog.totals().repositories == 0)
            #expect(try await test.catalog.totals().blobs == 0)
        }
    }

    @Test(
        "bytes that were in rows are in no file of the database afterwards, and in no snapshot",
        arguments: [0, Int64(256 << 20)])
    func bytes(inMemoryUpTo size: Int64) async throws {
        var settings = collectSettings()
        settings.checkedBytes = size
        try await withCatalog(settings: settings) { test in
            let secret = Array("a secret that must not stay anywhere".utf8)
            for number in 100..<160 { try await test.pushBlob(number, size: 3_000) }
            let leak = digest(1)
            _ = try await test.catalog.commitBlob(
                BlobCommit(
                    repository: test.name(), digest: leak, size: Int64(secret.count), content: .bytes(secret),
                    upload: nil, principal: alice))
            try await test.pushBlob(2)
            _ = try await test.push(
                10, references: [2], annotations: ["note": String(decoding: secret, as: UTF8.self)], tags: ["a"])
            let snapshot = try await test.catalog.makeSnapshot()
            try await test.settle()
            #expect(try !test.files(holding: secret).isEmpty)
            #expect(try test.files(holding: secret).contains { $0.hasSuffix(snapshot.name) })
            try await test.purge(.content(leak))
            #expect(try await test.points("a") == digest(10))
            // What cannot be looked into is not said to be clean.
            let strange = "\(test.folder.snapshots)/strange.db"
            #expect(FileManager.default.createFile(atPath: strange, contents: Data(repeating: 1, count: 100)))
            await #expect(throws: CatalogError.self) { try await test.purge(.content(digest(10))) }
            #expect(try await test.catalog.openPurges().count == 1)
            try FileManager.default.removeItem(atPath: strange)
            try await test.purge(.content(digest(10)))
            #expect(try test.files(holding: secret) == [])
            let same = try #require(try await test.catalog.snapshots().first)
            #expect(same.name == snapshot.name && same.seq == snapshot.seq && same.madeAt == snapshot.madeAt)
            // The catalog works on.
            try await test.pushBlob(3)
            #expect(try await test.hasBlob(3))
        }
    }

    @Test("an older catalog that comes back is purged again by the list beside it")
    func list() async throws {
        let folder = try TemporaryFolder()
        var settings = collectSettings()
        settings.purgeList = PurgeList(path: folder.path + "/purged")
        let test = try await openCatalog(in: folder, settings: settings)
        try await populate(test)
        let older = try folder.copyAsIfKilled()
        try await test.purge(.content(digest(1)))
        try await test.catalog.adoptPurges()
        #expect(try await test.catalog.openPurges().isEmpty)
        try await test.catalog.close()
        let again = try await openCatalog(in: older, settings: settings)
        #expect(try await again.isThere(10))
        try await again.catalog.adoptPurges()
        for id in try await again.catalog.openPurges() { try await again.carryOut(id) }
        try await expectPurged(again)
        try await again.catalog.close()
    }

    @Test("the list survives lines that were left half written, and gets those that it lost")
    func halfLines() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/purged"
        let list = PurgeList(path: path)
        let first = PurgeEntry(key: "a", target: .content(digest(1)), at: 5_000, principal: alice, seq: 7)
        let second = PurgeEntry(
            key: "b", target: .repository(try RepositoryName("team/x")), at: 6_000, principal: .anonymous, seq: 9)
        #expect(try list.entries() == [])
        try list.add([first])
        let whole = try #require(FileManager.default.contents(atPath: path))
        for length in 0..<whole.count - 1 {
            #expect(FileManager.default.createFile(atPath: path, contents: whole.prefix(length)))
            #expect(try list.entries() == [])
            try list.add([second])
            #expect(try list.entries() == [second], "after \(length) bytes")
        }
        var settings = CatalogSettings()
        settings.purgeList = list
        let test = try await openCatalog(in: folder, settings: settings)
        try await test.catalog.adoptPurges()
        try await test.purge(.content(digest(2)))
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        try await test.catalog.adoptPurges()
        #expect(try list.entries().count == 2)
        try await test.catalog.close()
    }

    @Test("what much names goes in many small closures (C6)")
    func bounded() async throws {
        var settings = collectSettings()
        settings.rowsPerClosure = 100
        try await withCatalog(settings: settings) { test in
            for number in 1...400 { try await test.pushBlob(number) }
            for part in 0..<4 {
                _ = try await test.push(
                    1_000, references: Array(1...400), tags: (0..<100).map { "t\(part * 100 + $0)" })
            }
            for number in 1_001...1_100 { _ = try await test.push(number, references: [1], tags: ["n\(number)"]) }
            let before = try test.database.statistics.commits
            try await test.purge(.content(digest(1)))
            #expect(try test.database.statistics.commits - before > 150)
            #expect(try await test.count("SELECT count(*) FROM manifest") == 0)
            #expect(try await test.count("SELECT count(*) FROM tag") == 0)
            #expect(try await test.count("SELECT count(*) FROM manifest_reference") == 0)
        }
    }
}
