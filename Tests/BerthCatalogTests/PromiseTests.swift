import BerthModel
import Testing

@testable import BerthCatalog

/// What was promised and went with something else comes back with the push that names it, and whole.
@Suite("Promises of what went along")
struct PromiseTests {
    @Test("an entry comes back with its own children, referrers and links (G1, G2)")
    func whole() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushTree()
            _ = try await test.push(11, references: [1], subject: 10)
            try await test.settle()
            test.clock.pass(lease + 1)
            _ = try await test.round()
            _ = test.catalog.promise(digest(20), in: try test.name())
            _ = try await test.delete(30)
            for number in [30, 20, 10, 11] { #expect(try await !test.isThere(number)) }
            #expect(try await test.deleteBlob(1) == .deleted, "nothing that is seen needs it")
            #expect(try await test.push(31, entries: [20], tags: ["other"]) == .stored(isNew: true))
            for number in [31, 20, 10, 11] { #expect(try await test.isThere(number), "\(number)") }
            #expect(try await test.hasBlob(1))
            try await test.settle()
            test.clock.pass(windowLength + lease)
            #expect(try await test.round() == [digest(30)])
            #expect(try await test.isThere(10))
        }
    }

    @Test("what comes back with a push is taken from the deletion, and an undelete takes it from the next one")
    func twoDeletions() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushTree()
            _ = try await test.delete(30)
            #expect(try await test.push(31, entries: [20], tags: ["other"]) == .stored(isNew: true))
            test.clock.pass(5)
            _ = try await test.delete(31)
            #expect(try await test.undelete(30) == .restored(manifests: 3, tags: [test.tag("top")], skipped: []))
            for number in [30, 20, 10] { #expect(try await test.isThere(number), "\(number)") }
        }
    }

    @Test("an entry that was deleted is not here for its bytes' being here as a blob")
    func otherDoor() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushTree()
            try await test.pushBlob(20)
            _ = try await test.delete(30)
            #expect(try await test.push(31, entries: [20], tags: ["other"]) == .stored(isNew: true))
            #expect(try await test.isThere(20))
            #expect(try await test.isThere(10))
            _ = try await test.delete(31)
            test.clock.pass(2 * lease)
            #expect(try await test.push(32, entries: [20]) == .missing([digest(20)]))
        }
    }

    @Test("a manifest that was asked for as a blob comes back as well")
    func asBlob() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushTree()
            _ = try await test.delete(30)
            #expect(try await test.push(40, references: [10]) == .stored(isNew: true))
            #expect(try await test.isThere(10))
        }
    }

    @Test("the promise outlives a restart (G2)")
    func restart() async throws {
        let folder = try TemporaryFolder()
        let clock = ManualClock()
        let first = try await openCatalog(in: folder, clock: clock, settings: collectSettings())
        clock.pass(lease)
        try await first.pushTree()
        try await first.settle()
        clock.pass(lease + 1)
        _ = try await first.round()
        _ = first.catalog.promise(digest(20), in: try first.name())
        _ = try await first.delete(30)
        try await first.catalog.close()
        let second = try await openCatalog(in: folder, clock: clock, settings: collectSettings())
        #expect(try await second.push(31, entries: [20], tags: ["other"]) == .stored(isNew: true))
        #expect(try await second.isThere(10))
        try await second.catalog.close()
    }

    @Test("it outlives a memory that has no room for it")
    func overflow() async throws {
        var settings = collectSettings()
        settings.promises = 4
        try await withCatalog(settings: settings) { test in
            test.clock.pass(lease)
            try await test.pushTree()
            try await test.settle()
            test.clock.pass(lease + 1)
            _ = try await test.round()
            _ = test.catalog.promise(digest(20), in: try test.name())
            _ = try await test.delete(30)
            for number in 100..<110 {
                _ = test.catalog.promise(digest(number), in: try test.name())
                // Until what memory has no room for is durable.
                while test.catalog.leases.isOverflowing { await Task.yield() }
            }
            #expect(test.catalog.leases.lastPromise(of: digest(20), in: try test.name()) == nil)
            #expect(try await test.push(31, entries: [20], tags: ["other"]) == .stored(isNew: true))
        }
    }

    @Test("it outlives an upload that takes long")
    func longUpload() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushTree()
            try await test.settle()
            test.catalog.noteUpload(upload(1), repository: try test.name(), principal: alice)
            test.clock.pass(lease + 1)
            _ = try await test.round()
            _ = try await test.delete(30)
            #expect(try await test.push(31, entries: [20], tags: ["other"]) == .stored(isNew: true))
        }
    }

    @Test("a window shorter than the lease takes nothing that was promised (G2, G4)")
    func shortWindow() async throws {
        try await withCatalog(settings: collectSettings(window: 0)) { test in
            test.clock.pass(lease)
            try await test.pushTree()
            try await test.settle()
            test.clock.pass(lease + 1)
            _ = try await test.round()
            _ = test.catalog.promise(digest(20), in: try test.name())
            _ = try await test.delete(30)
            #expect(try await test.round() == [digest(30)], "what a person has deleted goes at once")
            #expect(try await test.push(31, entries: [20], tags: ["other"]) == .stored(isNew: true))
            #expect(try await test.isThere(10))
            try await test.settle()
            _ = try await test.delete(31)
            test.clock.pass(lease)
            #expect(try await Set(test.round()) == [digest(31), digest(20), digest(10), digest(1)])
        }
    }

    @Test("a lease that an upload draws out is not forgotten for a manifest's needing the link meanwhile")
    func drawnOut() async throws {
        try await withCatalog(settings: collectSettings(window: 0)) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            _ = try await test.push(10, references: [1])
            try await test.settle()
            test.catalog.noteUpload(upload(1), repository: try test.name(), principal: alice)
            test.clock.pass(lease + 1)
            _ = try await test.round()
            _ = try await test.delete(10)
            #expect(try await test.round() == [digest(10)])
            #expect(try await test.push(12, references: [1]) == .stored(isNew: true))
        }
    }

    @Test("nothing is doomed during the first lease after a start, deleted or not (G4)")
    func firstLease() async throws {
        let folder = try TemporaryFolder()
        let clock = ManualClock()
        let first = try await openCatalog(in: folder, clock: clock, settings: collectSettings(window: 0))
        try await first.pushBlob(1)
        try await first.settle()
        _ = try await first.deleteBlob(1)
        try await first.catalog.close()
        let second = try await openCatalog(in: folder, clock: clock, settings: collectSettings(window: 0))
        clock.pass(10)
        #expect(try await second.round() == [])
        #expect(try await second.count("SELECT count(*) FROM blob WHERE state = 0") == 1)
        clock.pass(lease)
        #expect(try await second.round() == [digest(1)])
        try await second.catalog.close()
    }
}
