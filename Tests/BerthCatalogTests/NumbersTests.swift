import BerthModel
import GRDB
import Testing

@testable import BerthCatalog

/// Links and edges name content by a number; what a manifest names and nobody has brought has one too.
@Suite("Numbers of content")
struct NumbersTests {
    /// State and number of content, whatever it is to others.
    private func row(_ number: Int, _ test: TestCatalog) async throws -> [SQLValue]? {
        try await test.rows("SELECT state, id FROM blob WHERE digest = ?", [.digest(digest(number))]).first
    }

    @Test("what a sparse index names and nobody has brought is here for nobody")
    func named() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            try await test.pushBlob(1)
            let before = try await test.catalog.totals()
            #expect(try await test.push(20, entries: [5], tags: ["all"], sparse: true) == .stored(isNew: true))
            #expect(try await row(5, test)?.first == .integer(3))
            let after = try await test.catalog.totals()
            #expect(after.blobs == before.blobs + 1 && after.bytes == before.bytes + 10)
            let counted = try await test.catalog.database.read { transaction throws(CatalogError) in
                try Totals(counting: transaction)
            }
            #expect(after == counted)
            #expect(try await test.catalog.content(digest(5)) == nil)
            #expect(try await !test.hasBlob(5))
            let (first, last) = (digest(0), digest(99))
            let known = try await test.catalog.contents(from: first, through: last, after: nil, limit: 99)
            #expect(known.map(\.digest) == [digest(1), digest(20)])
            #expect(try await test.catalog.mountSources(of: digest(5)).isEmpty)
            #expect(
                try await test.catalog.mount(digest(5), from: test.name(), to: test.name("other/box"), by: alice) == nil
            )
            let claim = try await test.catalog.commitBlob(
                BlobCommit(
                    repository: test.name(), digest: digest(5), size: 10, content: .presentAndGood, upload: nil,
                    principal: alice))
            #expect(claim == .contentGone)
            #expect(try await test.push(21, references: [5]) == .missing([digest(5)]))
            #expect(try await test.catalog.damage().count == 0)
            let plan = try await test.catalog.plan()
            #expect(!plan.items.contains { $0.digest == digest(5) } && plan.leavingBlobs == 0)
            let story = try await test.catalog.explain(digest(5))
            #expect(story.content == nil && story.holders.map(\.manifest) == [digest(20)])
            // A file of it is one that no row names.
            try await test.catalog.noteStrays([(digest: digest(5), size: 10)])
            #expect(try await test.count("SELECT count(*) FROM stray_file") == 1)
        }
    }

    @Test("brought later it keeps its number, so that the edges which were there before hold it (G1)")
    func brought() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            _ = try await test.push(20, entries: [5, 6], tags: ["all"], sparse: true)
            let number = try await row(5, test)?.last
            #expect(try await test.pushBlob(5) == .committed(isNew: true))
            #expect(try await test.push(6) == .stored(isNew: true))
            #expect(try await row(5, test) == [.integer(0), number ?? .null])
            try await test.settle()
            test.clock.pass(lease + 1)
            #expect(try await test.round() == [])
            #expect(try await test.hasBlob(5))
            #expect(try await test.isThere(6))
            let deletion = try await test.catalog.deleteBlob(
                digest(5), in: test.name(), referencedAllowed: false, by: alice)
            #expect(deletion == .referenced(by: [digest(20)]))
        }
    }

    @Test("what is named alone is not damaged, and whoever brings it is read (B9)")
    func notDamaged() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            _ = try await test.push(20, entries: [5], tags: ["all"], sparse: true)
            #expect(try await !test.catalog.reportDamage(digest(5), at: .settled))
            #expect(try await test.pushBlob(5) == .committed(isNew: true))
            #expect(try await test.catalog.content(digest(5))?.isDamaged == false)
            #expect(try await test.push(21, references: [5]) == .stored(isNew: true))
        }
    }

    @Test("a row of what is named alone holds nothing, and links nothing")
    func alone() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            _ = try await test.push(20, entries: [5], tags: ["all"], sparse: true)
            for statement: StaticString in [
                "UPDATE blob SET damaged = 1 WHERE state = 3", "UPDATE blob SET size = 1 WHERE state = 3",
                "UPDATE blob SET state = 4",
            ] {
                await #expect(throws: CatalogError.self) { try await test.run(statement) }
            }
            await #expect(throws: CatalogError.self) {
                try await test.catalog.write { transaction, _ throws(CatalogError) in
                    try transaction.link(digest(5), .blob, in: 1, by: alice, leasedAt: 1)
                }
            }
        }
    }

    @Test("a name goes with the last edge that says it")
    func forgotten() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            _ = try await test.push(20, entries: [5], tags: ["a"], sparse: true)
            _ = try await test.push(21, entries: [5, 6], tags: ["b"], sparse: true)
            try await test.settle()
            _ = try await test.delete(20)
            test.clock.pass(windowLength + lease + 1)
            _ = try await test.round()
            #expect(try await row(5, test)?.first == .integer(3))
            _ = try await test.delete(21)
            test.clock.pass(windowLength + lease + 1)
            while try await !test.round().isEmpty {}
            #expect(try await test.count("SELECT count(*) FROM blob") == 0)
            #expect(try await test.catalog.totals().blobs == 0)
        }
    }

    @Test("content that was swept and that an index has come to name leaves its name, and can be brought again (G3)")
    func swept() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(5)
            try await test.settle()
            test.clock.pass(lease + 1)
            #expect(try await test.sweep() == [digest(5)])
            #expect(try await test.push(20, entries: [5], tags: ["all"], sparse: true) == .stored(isNew: true))
            try await test.settle()
            let freed = try await test.catalog.forget([digest(5)])
            #expect(freed.count == 1 && freed.bytes == 10)
            #expect(try await row(5, test)?.first == .integer(3))
            #expect(try await test.catalog.totals().blobs == 1)
            #expect(try await test.catalog.forget([digest(5)]).count == 0, "it is not here any more")
            #expect(try await test.catalog.stillSweeping([digest(5)]).isEmpty)
            #expect(try await test.pushBlob(5) == .committed(isNew: true))
            #expect(try await test.catalog.content(digest(5))?.state == .live)
            #expect(try await test.catalog.totals().blobs == 2)
        }
    }

    @Test("a stray file of what is named alone goes by way of a row that is sweeping, and the name stays (G3)")
    func stray() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            _ = try await test.push(20, entries: [5], tags: ["all"], sparse: true)
            try await test.settle()
            try await test.catalog.noteStrays([(digest: digest(5), size: 30)])
            test.clock.pass(windowLength)
            #expect(try await test.round() == [digest(5)])
            #expect(try await row(5, test)?.first == .integer(3))
            #expect(try await test.catalog.totals().blobs == 1)
        }
    }

    @Test("a purge of what is named alone takes the indexes that name it, and a file that may be there")
    func purged() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            _ = try await test.push(20, entries: [5], tags: ["all"], sparse: true)
            let id = try await test.catalog.beginPurge(.content(digest(5)), by: alice)
            try await test.catalog.detachPurged(id)
            #expect(try await test.points("all") == nil)
            let files = try await test.catalog.purgedFiles(id, after: nil, limit: 9)
            #expect(files.map(\.digest) == [digest(5), digest(20)])
            try await test.catalog.forgetPurged(files.map(\.digest), of: id)
            try await test.catalog.finishPurge(id)
            #expect(try await test.count("SELECT count(*) FROM blob") == 0)
        }
    }
}
