import BerthModel
import Testing

@testable import BerthCatalog

@Suite("Collecting")
struct CollectTests {
    @Test("what no manifest names goes when its lease is over, and not before (G2, G6)")
    func unreferenced() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            for number in 1...3 { try await test.pushBlob(number) }
            _ = try await test.push(10, references: [1, 2], tags: ["latest"])
            try await test.settle()
            #expect(try await test.round() == [])
            test.clock.pass(lease + 1)
            _ = test.catalog.promise(digest(3), in: try test.name())
            #expect(try await test.round() == [], "promised a moment ago")
            test.clock.pass(lease + 1)
            #expect(try await test.round() == [digest(3)])
            #expect(try await test.catalog.blob(digest(3), in: test.name()) == nil)
            #expect(try await test.isThere(10))
            #expect(try await test.catalog.totals().blobs == 3)
        }
    }

    @Test("nothing goes during the first lease after a start (G4)")
    func firstLease() async throws {
        let folder = try TemporaryFolder()
        let clock = ManualClock()
        let first = try await openCatalog(in: folder, clock: clock, settings: collectSettings())
        try await first.pushBlob(1)
        try await first.settle()
        clock.pass(lease + 1)
        try await first.catalog.close()
        let second = try await openCatalog(in: folder, clock: clock, settings: collectSettings())
        #expect(try await second.round() == [])
        clock.pass(lease + 1)
        #expect(try await second.round() == [digest(1)])
        try await second.catalog.close()
    }

    @Test("a jump of the wall clock, back or forth, neither ends a lease or a window nor draws it out")
    func wallClock() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            _ = try await test.push(10, tags: ["latest"])
            try await test.settle()
            _ = try await test.delete(10)
            let year: Int64 = 365 * 24 * 3_600 * 1_000_000
            let now = test.clock.wall()
            test.clock.pass(lease - 1)
            test.clock.setWall(now + 10 * year)
            #expect(try await test.round() == [])
            test.clock.setWall(now - 10 * year)
            test.clock.pass(2)
            #expect(try await test.round() == [digest(1)])
            test.clock.pass(windowLength - lease - 2)
            test.clock.setWall(now + 10 * year)
            #expect(try await test.round() == [])
            test.clock.setWall(now - 10 * year)
            test.clock.pass(lease + 2)
            #expect(try await test.round() == [digest(10)])
        }
    }

    @Test("an open upload keeps what its push has brought before, for as long as an upload may take")
    func drawnOut() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            try await test.settle()
            test.catalog.noteUpload(upload(1), repository: try test.name(), principal: alice)
            test.clock.pass(lease + 10)
            #expect(try await test.round() == [])
            test.clock.pass(2 * lease + 50)
            #expect(try await test.round() == [digest(1)])
        }
    }

    @Test("a link that has faded comes back to whoever asks for it, in whatever step")
    func fading() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            try await test.settle()
            _ = try await test.catalog.blob(digest(1), in: test.name())
            test.clock.pass(lease + 1)
            _ = try await test.catalog.fade(after: nil)
            #expect(test.catalog.cachedBlob(digest(1), in: try test.name()) == nil)
            #expect(try await test.catalog.blob(digest(1), in: test.name())?.state == .doomed)
            #expect(test.catalog.cachedBlob(digest(1), in: try test.name()) == nil, "not to be promised from memory")
            #expect(try await test.catalog.revive(digest(1), in: test.name()))
            _ = try await test.catalog.unlink(after: nil)
            #expect(try await test.catalog.blob(digest(1), in: test.name())?.state == .live)
        }
    }

    @Test("deleted things stay for the window, come back whole, and go after it (G5, G6)")
    func window() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            _ = try await test.push(10, references: [1])
            _ = try await test.push(20, entries: [10], tags: ["all"])
            _ = try await test.push(30, references: [1], subject: 20)
            try await test.settle()
            _ = try await test.delete(20)
            #expect(try await !test.isThere(10))
            _ = try await test.catalog.deleteBlob(
                digest(1), in: test.name(), referencedAllowed: false, by: alice)
            test.clock.pass(windowLength - 1)
            #expect(try await test.round() == [])
            #expect(
                try await test.catalog.undelete(digest(10), in: test.name(), by: alice) == .wentWith(digest(20)))
            #expect(
                try await test.catalog.undelete(digest(20), in: test.name(), by: alice)
                    == .restored(manifests: 3, tags: [test.tag("all")], skipped: []))
            #expect(try await test.points("all") == digest(20))
            #expect(try await test.isThere(30))
            #expect(try await test.catalog.blob(digest(1), in: test.name()) != nil)
            #expect(try await test.catalog.undelete(digest(20), in: test.name(), by: alice) == .notDeleted)
            _ = try await test.delete(20)
            _ = try await test.push(11, references: [1], tags: ["all"])
            try await test.settle()
            #expect(
                try await test.catalog.undelete(digest(20), in: test.name(), by: alice)
                    == .restored(manifests: 3, tags: [], skipped: [test.tag("all")]))
            _ = try await test.delete(20)
            test.clock.pass(windowLength + lease + 1)
            #expect(try await test.catalog.undelete(digest(20), in: test.name(), by: alice) == .tooLate)
            #expect(try await Set(test.round()) == [digest(10), digest(20), digest(30)])
            #expect(try await test.catalog.undelete(digest(20), in: test.name(), by: alice) == .unknownManifest)
        }
    }

    @Test("a manifest whose purge has begun does not come back without its edges, whoever begins an upload then (G1)")
    func begun() async throws {
        for guards in [CollectorGuards.all, .all.subtracting(.begun)] {
            var settings = collectSettings(window: 0)
            (settings.guards, settings.rowsPerClosure) = (guards, 16)
            try await withCatalog(settings: settings) { test in
                test.clock.pass(lease)
                for number in 1...9 { try await test.pushBlob(number) }
                _ = try await test.push(10, references: Array(1...9))
                _ = try await test.push(20, entries: [10])
                try await test.settle()
                _ = try await test.delete(20)
                test.clock.pass(lease + 50)
                // The index goes, and some edges of the image.
                _ = try await test.catalog.purgeManifests(after: nil)
                let left = try await test.count("SELECT count(*) FROM manifest_reference")
                #expect((1..<9).contains(left))
                test.catalog.leases.noteUpload(in: try test.name())
                let outcome = try await test.push(60, entries: [10])
                if guards == .all {
                    #expect(outcome == .missing([digest(10)]))
                } else {
                    #expect(outcome == .stored(isNew: true), "this test would not notice a manifest in parts")
                }
            }
        }
    }

    @Test("what an index lists stays as long as the index does, whatever keeps that (G5)")
    func parentsFirst() async throws {
        for guards in [CollectorGuards.all, .all.subtracting(.parentsFirst)] {
            var settings = collectSettings()
            settings.guards = guards
            try await withCatalog(settings: settings) { test in
                test.clock.pass(lease)
                try await test.pushBlob(1)
                _ = try await test.push(10, references: [1])
                _ = try await test.push(20, entries: [10], tags: ["all"])
                try await test.settle()
                _ = try await test.delete(20)
                try await test.run("UPDATE manifest SET detach_position = 0 WHERE digest = ?", [.digest(digest(20))])
                test.clock.pass(windowLength + lease + 1)
                try await test.purge()
                #expect(try await test.count("SELECT count(*) FROM manifest") == (guards == .all ? 2 : 1))
            }
        }
    }

    @Test("a manifest of thousands of references is purged in bounded parts, and may be pushed again in the middle")
    func large() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            for number in 1...600 { try await test.pushBlob(number, size: 10) }
            _ = try await test.push(1_000, references: Array(1...600))
            try await test.settle()
            _ = try await test.delete(1_000)
            test.clock.pass(windowLength + 1)
            #expect(try await test.catalog.purgeManifests(after: nil) != nil)
            let left = try await test.count("SELECT count(*) FROM manifest_reference")
            #expect(0 < left && left < 600)
            #expect(try await test.push(1_000, references: Array(1...600)) == .stored(isNew: true))
            #expect(try await test.count("SELECT count(*) FROM manifest_reference") == 600)
            try await test.settle()
            _ = try await test.delete(1_000)
            test.clock.pass(windowLength + lease + 1)
            try await test.purge()
            #expect(try await test.count("SELECT count(*) FROM manifest") == 0)
            var gone = 0
            for _ in 0..<8 { gone += try await test.round().count }
            #expect(gone == 601)
        }
    }

    @Test("an entry that went with another index, and was promised, comes back with the push that names it (G2)")
    func promisedEntry() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            _ = try await test.push(10, references: [1])
            _ = try await test.push(20, entries: [10], tags: ["all"])
            _ = try await test.delete(20)
            #expect(try await !test.isThere(10))
            #expect(try await test.push(21, entries: [10], tags: ["other"]) == .stored(isNew: true))
            #expect(try await test.isThere(10))
            _ = try await test.delete(21)
            test.clock.pass(lease + 1)
            #expect(try await test.push(22, entries: [10], tags: ["late"]) == .missing([digest(10)]))
        }
    }

    @Test("staged content that is damaged does not stay for ever (G6)")
    func damagedStaging() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            _ = try await test.catalog.commitBlob(
                BlobCommit(
                    repository: test.name(), digest: digest(1), size: 10, content: .sealed(upload(1)),
                    upload: upload(1),
                    principal: alice))
            test.clock.pass(lease + 1)
            #expect(try await test.round() == [], "it has not settled yet")
            #expect(try await test.catalog.reportDamage(digest(1), at: .sealed(upload(1))))
            #expect(try await test.round() == [digest(1)])
            let totals = try await test.catalog.totals()
            #expect(totals.blobs == 0 && totals.bytes == 0 && totals.staged == 0)
        }
    }

    @Test("content without a link is not doomed while a manifest lists it (G1)")
    func edgeWithoutLink() async throws {
        for guards in [CollectorGuards.all, .all.subtracting(.edge)] {
            var settings = collectSettings()
            settings.guards = guards
            try await withCatalog(settings: settings) { test in
                test.clock.pass(lease)
                try await test.pushBlob(1)
                try await test.settle()
                _ = try await test.push(10, references: [1], tags: ["a"])
                try await test.run(
                    "UPDATE manifest_reference SET repository_id = 2 WHERE blob_id = (SELECT id FROM blob WHERE digest = ?)",
                    [.digest(digest(1))])
                try await test.run(
                    "UPDATE repository_blob SET leased_at = 0 WHERE blob_id = (SELECT id FROM blob WHERE digest = ?)",
                    [.digest(digest(1))])
                test.clock.pass(lease + 1)
                _ = try await test.catalog.fade(after: nil)
                _ = try await test.catalog.unlink(after: nil)
                #expect(try await test.count("SELECT count(*) FROM blob WHERE state = 1") == (guards == .all ? 0 : 1))
            }
        }
    }

    @Test("doomed content that was attached without being made live lives on (G4)")
    func secondLook() async throws {
        for guards in [CollectorGuards.all, .all.subtracting(.secondLook)] {
            var settings = collectSettings()
            settings.guards = guards
            try await withCatalog(settings: settings) { test in
                test.clock.pass(lease)
                try await test.pushBlob(1)
                try await test.settle()
                test.clock.pass(lease + 1)
                _ = try await test.catalog.fade(after: nil)
                _ = try await test.catalog.unlink(after: nil)
                try await test.run(
                    """
                    INSERT INTO repository_blob (repository_id, blob_id, kind, linked_by)
                    SELECT 1, id, 0, 'user:x' FROM blob WHERE digest = ?
                    """, [.digest(digest(1))])
                while try await test.catalog.sweep() {}
                #expect(try await test.catalog.sweeping(after: nil, limit: 1).isEmpty == (guards == .all))
            }
        }
    }

    @Test("content that is sweeping gets no link again when what came to name it goes (G3)")
    func releaseOfSweeping() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            try await test.settle()
            test.clock.pass(lease + 1)
            _ = try await test.catalog.fade(after: nil)
            _ = try await test.catalog.unlink(after: nil)
            while try await test.catalog.sweep() {}
            #expect(try await test.push(20, entries: [1], tags: ["all"], sparse: true) == .stored(isNew: true))
            _ = try await test.delete(20)
            test.clock.pass(windowLength + lease + 1)
            try await test.purge()
            #expect(
                try await test.count(
                    "SELECT count(*) FROM repository_blob l JOIN blob b ON b.id = l.blob_id WHERE b.digest = ?",
                    [.digest(digest(1))]) == 0)
            #expect(try await test.catalog.forget([digest(1)]).count == 1)
        }
    }

    @Test("files that no row names go after a window, by way of a row that is sweeping (G3)")
    func strays() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            try await test.settle()
            try await test.catalog.noteStrays([(digest(1), 10), (digest(2), 20)])
            test.clock.pass(windowLength - 1)
            #expect(try await !test.round().contains(digest(2)))
            test.clock.pass(1)
            #expect(try await test.round().contains(digest(2)))
            #expect(try await test.count("SELECT count(*) FROM stray_file") == 0)
        }
    }

    @Test("the plan and the story of some content say what a round will do, and why")
    func plan() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            try await test.pushBlob(2, size: 30)
            try await test.pushBlob(3)
            _ = try await test.push(10, references: [1], tags: ["latest"])
            _ = try await test.push(11, references: [3])
            try await test.settle()
            _ = try await test.delete(11)
            test.clock.pass(windowLength + lease)
            let plan = try await test.catalog.plan()
            #expect(plan.freedBlobs == 3)
            #expect(plan.freedBytes == 30 + 10 + 10)
            #expect(Set(plan.parts.map(\.reason)) == [.unreferenced, .deletedManifest])
            let kept = try await test.catalog.explain(digest(1))
            #expect(kept.holders.map(\.manifest) == [digest(10)])
            #expect(try await Set(test.round()) == [digest(2), digest(3), digest(11)])
            #expect(try await test.catalog.explain(digest(2)).content == nil)
        }
    }

    @Test("what a round may not free during the first lease is told as waiting for its end, thing by thing (G4)")
    func planOfFirstLease() async throws {
        let folder = try TemporaryFolder()
        let clock = ManualClock()
        let first = try await openCatalog(in: folder, clock: clock, settings: collectSettings())
        clock.pass(lease)
        for number in 1...3 { try await first.pushBlob(number, size: number * 10) }
        _ = try await first.push(11, references: [1])
        try await first.settle()
        _ = try await first.delete(11)
        _ = try await first.deleteBlob(2)
        clock.pass(lease + 1)
        try await first.leave(sweeping: true)
        try await first.pushBlob(4, size: 40)
        try await first.settle()
        clock.pass(windowLength)
        try await first.leave(sweeping: false)
        try await first.catalog.close()

        let second = try await openCatalog(in: folder, clock: clock, settings: collectSettings())
        clock.pass(10)
        let plan = try await second.catalog.plan()
        #expect(plan.waitsFor == lease - 10 && plan.waitsBecause == .firstLease)
        #expect(plan.waitingBlobs == 4 && plan.freedBlobs == 0 && plan.leavingBlobs == 1)
        let manifest = try #require(plan.items.first { $0.digest == digest(11) })
        #expect(plan.waitingBytes == 10 + 20 + 40 + manifest.bytes && plan.leavingBytes == 30)
        let box = try second.name()
        #expect(
            Set(plan.items) == [
                .init(digest: digest(1), repository: box, reason: .deletedManifest, bytes: 10),
                .init(digest: digest(2), repository: box, reason: .deletedBlob, bytes: 20),
                .init(digest: digest(3), repository: nil, reason: .leaving, bytes: 30),
                .init(digest: digest(4), repository: nil, reason: .leaving, bytes: 40),
                .init(digest: digest(11), repository: box, reason: .deletedManifest, bytes: manifest.bytes),
            ])
        #expect(plan.items.count == 5)
        #expect(try await second.round() == [digest(3)])
        clock.pass(lease)
        let later = try await second.catalog.plan()
        #expect(later.waitsFor == nil && later.waitsBecause == nil && later.waitingBlobs == 0)
        #expect(try await Set(second.round()) == [digest(1), digest(2), digest(4), digest(11)])
        try await second.catalog.close()
    }

    @Test("content whose file is missing is counted and named until its bytes come again, or it goes (B9)")
    func damage() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            for number in 1...4 { try await test.pushBlob(number) }
            try await test.settle()
            #expect(try await test.catalog.damage() == Damage(count: 0, digests: []))
            let numbers = [3, 1, 2]
            for number in numbers { #expect(try await test.catalog.reportDamage(digest(number), at: .settled)) }
            let all = numbers.map { digest($0) }.sorted { $0.text < $1.text }
            #expect(try await test.catalog.damage() == Damage(count: 3, digests: all))
            #expect(try await test.catalog.damage(listing: 2) == Damage(count: 3, digests: Array(all.prefix(2))))
            try await test.pushBlob(1)
            #expect(try await test.catalog.damage().digests == all.filter { $0 != digest(1) })
            try await test.settle()
            test.clock.pass(lease + 1)
            #expect(try await test.round().count == 4)
            #expect(try await test.catalog.damage().count == 0)
        }
    }
}

extension TestCatalog {
    /// Lets what has no lease any more be doomed, and begin to go; its files stay.
    fileprivate func leave(sweeping: Bool) async throws {
        _ = try await catalog.fade(after: nil)
        _ = try await catalog.unlink(after: nil)
        while sweeping, try await catalog.sweep() {}
    }
}
