import BerthModel
import Testing

@testable import BerthCatalog

/// What happens beside a restoration, and after one that came to no end.
@Suite("Restoring")
struct RestoringTests {
    /// 20 images over one blob and an index over them, deleted together.
    private func deleteTree(_ test: TestCatalog) async throws {
        try await test.pushBlob(1)
        for number in 10..<30 { _ = try await test.push(number, references: [1]) }
        _ = try await test.push(40, entries: Array(10..<30), tags: ["all"])
        try await test.settle()
        _ = try await test.delete(40)
    }

    private func small() -> CatalogSettings {
        var settings = collectSettings()
        settings.rowsPerClosure = 16
        return settings
    }

    /// Begins an undeletion, and ends it when something has come back and not all.
    private func undeletePart(_ test: TestCatalog) async throws {
        let undeletion = Task { try await test.undelete(40) }
        while try await test.count("SELECT count(*) FROM manifest WHERE deleted_at IS NULL") < 3 { await Task.yield() }
        undeletion.cancel()
        _ = try? await undeletion.value
    }

    @Test("a restoration that a crash has cut is finished at the next start, and nothing is purged meanwhile (G5, G7)")
    func cut() async throws {
        try await withCatalog(settings: small()) { test in
            test.clock.pass(lease)
            try await deleteTree(test)
            try await undeletePart(test)
            if try await test.count("SELECT count(*) FROM undeletion") > 0 {
                test.clock.pass(windowLength + lease)
                #expect(try await test.round() == [])
                #expect(try await test.count("SELECT count(*) FROM manifest") == 21)
            }
            let killed = try await openCatalog(
                in: try test.folder.copyAsIfKilled(), clock: test.clock, settings: small())
            for number in 10..<30 { #expect(try await killed.isThere(number)) }
            #expect(try await killed.isThere(40))
            #expect(try await killed.points("all") == digest(40))
            #expect(try await killed.count("SELECT count(*) FROM undeletion") == 0)
            try await killed.catalog.close()
        }
    }

    @Test("a repository that is deleted and made anew beside a restoration holds what was pushed to it, and no more")
    func otherRepository() async throws {
        try await withCatalog(settings: small()) { test in
            test.clock.pass(lease)
            try await deleteTree(test)
            let undeletion = Task { try await test.undelete(40) }
            while try await test.count("SELECT count(*) FROM manifest WHERE deleted_at IS NULL") < 3 {
                await Task.yield()
            }
            _ = try await test.catalog.deleteRepository(test.name(), by: alice)
            try await test.pushBlob(2)
            _ = try await test.push(50, references: [2], tags: ["new"])
            _ = try? await undeletion.value
            try await test.catalog.finishRestoring()
            let tags = try await test.catalog.tags(in: test.name(), after: nil, limit: 9)
            #expect(tags == [try test.tag("new")])
            let strangers = try await test.count(
                """
                SELECT count(*)
                FROM tag t
                JOIN manifest m ON m.id = t.manifest_id
                WHERE m.repository_id <> t.repository_id
                """)
            #expect(strangers == 0)
            #expect(try await test.count("SELECT count(*) FROM undeletion") == 0)
            try await test.settle()
            test.clock.pass(windowLength + lease + 1)
            _ = try await test.round()
            #expect(try await test.count("SELECT count(*) FROM repository") == 1, "the deleted one has gone")
            #expect(try await test.isThere(50))
        }
    }

    @Test("who deletes it again while it comes back is obeyed: nothing of it is left visible")
    func deletedAgain() async throws {
        try await withCatalog(settings: small()) { test in
            test.clock.pass(lease)
            try await deleteTree(test)
            for _ in 0..<5 {
                let undeletion = Task { try await test.undelete(40) }
                while try await !test.isThere(40) { await Task.yield() }
                test.clock.pass(1)
                _ = try await test.delete(40)
                _ = try await undeletion.value
                try await test.catalog.finishDetaching()
                #expect(try await test.count("SELECT count(*) FROM manifest WHERE deleted_at IS NULL") == 0)
            }
            // A tag that was not back yet when it was deleted again has been missed by then.
            let outcomes: [Undeletion] = try [[test.tag("all")], []].map {
                .restored(manifests: 21, tags: $0, skipped: [])
            }
            let last = try await test.undelete(40)
            #expect(outcomes.contains(last), "\(last)")
        }
    }

    @Test("a promise noted after a manifest went brings nothing back, nor does a restart (G5)")
    func latePromise() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushTree()
            try await test.settle()
            _ = try await test.delete(30)
            test.clock.pass(3 * lease)
            _ = test.catalog.promise(digest(10), in: try test.name())
            // With this commit the time is stored as well.
            try await test.pushBlob(2)
            #expect(try await test.push(60, entries: [10]) == .missing([digest(10)]))
            let again = try await openCatalog(
                in: try test.folder.copyAsIfKilled(), clock: test.clock, settings: collectSettings())
            again.clock.pass(1)
            #expect(try await again.push(60, entries: [10]) == .missing([digest(10)]))
            #expect(try await again.undelete(30) == .restored(manifests: 3, tags: [test.tag("top")], skipped: []))
            try await again.catalog.close()
        }
    }

    @Test("a push that brings an entry back shows no link that a person had deleted before it went")
    func oldLink() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushTree()
            try await test.settle()
            _ = try await test.catalog.deleteBlob(digest(1), in: test.name(), referencedAllowed: true, by: alice)
            test.clock.pass(1)
            _ = try await test.delete(30)
            #expect(try await test.push(60, entries: [10]) == .stored(isNew: true))
            #expect(try await test.isThere(10))
            #expect(try await !test.hasBlob(1))
        }
    }

    @Test("a tag whose deletion is out of the window does not come back with a manifest that is here")
    func oldTag() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            _ = try await test.push(10, references: [1], tags: ["old"])
            _ = try await test.delete(10)
            _ = try await test.push(10, references: [1])
            test.clock.pass(windowLength + 1)
            #expect(try await test.undelete(10) == .notDeleted)
            #expect(try await test.points("old") == nil)
        }
    }

    @Test("a child that is pushed while its index is being deleted stays (G2)")
    func pushedMeanwhile() async throws {
        var settings = collectSettings()
        settings.rowsPerClosure = 8
        try await withCatalog(settings: settings) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            _ = try await test.push(10, references: [1])
            _ = try await test.push(40, entries: [10], tags: (0..<60).map { "t\($0)" })
            test.clock.pass(1)
            let deletion = Task { try await test.delete(40) }
            while try await test.isThere(40) { await Task.yield() }
            test.clock.pass(1)
            #expect(try await test.push(10, references: [1]) == .stored(isNew: false))
            _ = try await deletion.value
            #expect(try await test.isThere(10))
        }
    }

    @Test("a deleted repository with content that does not settle holds up no other, and goes once it has settled")
    func stuckRepository() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            for number in 1...3 { try await test.pushBlob(number) }
            try await test.pushBlob(9, to: "other/box")
            try await test.settle()
            for number in 4...6 { try await test.pushBlob(number) }
            for name in ["library/box", "other/box"] {
                _ = try await test.catalog.deleteRepository(test.name(name), by: alice)
                test.clock.pass(1)
            }
            test.clock.pass(windowLength)
            for _ in 0..<2 {
                var parts = 0
                while try await test.catalog.purgeRepositories() {
                    parts += 1
                    test.clock.pass(1)
                    try #require(parts < 100, "a round has no end")
                }
            }
            #expect(try await test.count("SELECT count(*) FROM repository") == 1)
            #expect(try await test.count("SELECT count(*) FROM repository_blob") == 3)
            try await test.settle()
            test.clock.pass(1)
            while try await test.catalog.purgeRepositories() {}
            #expect(try await test.count("SELECT count(*) FROM repository") == 0)
        }
    }
}
