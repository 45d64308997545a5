import BerthModel
import Testing

@testable import BerthCatalog

@Suite("Undeleting")
struct UndeleteTests {
    @Test("what went along comes back although its head was pushed again (G5)")
    func pushedAgain() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            _ = try await test.push(10, references: [1], tags: ["a"])
            for number in [11, 12] { _ = try await test.push(number, references: [1], subject: 10) }
            _ = try await test.delete(10)
            #expect(try await test.undelete(11) == .wentWith(digest(10)))
            _ = try await test.push(10, references: [1])
            #expect(try await test.undelete(11) == .restored(manifests: 1, tags: [], skipped: []))
            #expect(try await !test.isThere(12))
            #expect(try await test.undelete(10) == .restored(manifests: 1, tags: [test.tag("a")], skipped: []))
            #expect(try await test.isThere(12))
            #expect(try await test.undelete(10) == .notDeleted)
        }
    }

    @Test("a second deletion brings back its own tags, not those of the first")
    func oldTags() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            _ = try await test.push(10, references: [1], tags: ["old"])
            _ = try await test.delete(10)
            _ = try await test.push(10, references: [1], tags: ["new"])
            _ = try await test.delete(10)
            #expect(try await test.undelete(10) == .restored(manifests: 1, tags: [test.tag("new")], skipped: []))
            #expect(try await test.points("old") == nil)
        }
    }

    @Test("tags come back with their manifest though the registry stood still, or the wall clock jumped (G5)")
    func wallClock() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            _ = try await test.push(10, references: [1], tags: ["a"])
            _ = try await test.delete(10)
            test.clock.setWall(test.clock.wall() + 2 * windowLength)
            #expect(try await test.undelete(10) == .restored(manifests: 1, tags: [test.tag("a")], skipped: []))
        }
    }

    @Test("tags beyond a thousand come back, each of them or listed as skipped (C6)")
    func manyTags() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            for part in 0..<12 {
                _ = try await test.push(10, references: [1], tags: (0..<100).map { "t\(part * 100 + $0)" })
            }
            _ = try await test.delete(10)
            _ = try await test.push(11, references: [1], tags: ["t7"])
            guard case .restored(1, let tags, let skipped) = try await test.undelete(10) else {
                throw TestFailure("not restored")
            }
            #expect(tags.count == 1_199)
            #expect(skipped == [try test.tag("t7")])
            #expect(try await test.count("SELECT count(*) FROM tag") == 1_200)
            #expect(try await test.count("SELECT count(*) FROM tag_history WHERE deleted_with IS NOT NULL") == 0)
        }
    }

    @Test("an image whose undistributed layer was never here comes back, and opens no other repository's content")
    func undistributed() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            try await test.pushBlob(9, to: "secret/box")
            for (number, foreign) in [(10, 8), (11, 9)] {
                let manifest = Manifest(
                    type: .ociManifest, artifactType: nil, subject: nil, annotations: [:],
                    references: [ManifestReference(role: .config, digest: digest(1), size: 10)],
                    undistributed: [ManifestReference(role: .layer, digest: digest(foreign), size: 10)])
                _ = try await test.catalog.putManifest(
                    ManifestPush(
                        repository: test.name(), digest: digest(number), manifest: manifest, bytes: [1], tags: [],
                        principal: alice))
                _ = try await test.delete(number)
                #expect(try await test.undelete(number) == .restored(manifests: 1, tags: [], skipped: []))
                #expect(try await !test.hasBlob(foreign))
            }
            try await test.settle()
            _ = try await test.delete(10)
            test.clock.pass(windowLength - 1)
            _ = try await test.delete(11)
            test.clock.pass(1)
            try await test.purge()
            #expect(try await test.undelete(11) == .restored(manifests: 1, tags: [], skipped: []))
            #expect(try await !test.hasBlob(9))
        }
    }

    @Test("a link that was deleted from under a deleted manifest stays for it, however long ago that was")
    func olderLink() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushBlob(1)
            _ = try await test.push(10, references: [1])
            try await test.settle()
            _ = try await test.catalog.deleteBlob(digest(1), in: test.name(), referencedAllowed: true, by: alice)
            test.clock.pass(windowLength + lease)
            #expect(try await test.round() == [])
            _ = try await test.delete(10)
            test.clock.pass(windowLength - 1)
            #expect(try await test.round() == [])
            #expect(try await test.undelete(10) == .restored(manifests: 1, tags: [], skipped: []))
            #expect(try await test.hasBlob(1))
        }
    }

    @Test("a large tree comes back in bounded parts, none of which shows a manifest without what it lists (C6)")
    func bounded() async throws {
        var settings = collectSettings()
        settings.rowsPerClosure = 16
        try await withCatalog(settings: settings) { test in
            test.clock.pass(lease)
            for number in 1...5 { try await test.pushBlob(number) }
            for number in 10..<30 { _ = try await test.push(number, references: Array(1...5)) }
            _ = try await test.push(40, entries: Array(10..<30), tags: ["all"])
            _ = try await test.delete(40)
            for number in 1...5 { #expect(try await test.deleteBlob(number) == .deleted) }
            let before = test.catalog.statistics.closures
            #expect(
                try await test.undelete(40) == .restored(manifests: 21, tags: [test.tag("all")], skipped: []))
            #expect(test.catalog.statistics.closures - before > 10)
            for number in 10..<30 { #expect(try await test.isThere(number)) }
            for number in 1...5 { #expect(try await test.hasBlob(number)) }
        }
    }

    @Test("a repository goes as a whole, comes back as it was, and its name begins anew meanwhile (G5)")
    func repository() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            test.clock.pass(lease)
            try await test.pushTree()
            try await test.settle()
            _ = try await test.points("top")
            let box = try test.name()
            #expect(try await test.catalog.deleteRepository(box, by: alice) == .done(manifests: 3))
            #expect(try await test.catalog.deleteRepository(box, by: alice) == .unknownRepository)
            #expect(try await test.points("top") == nil)
            #expect(test.catalog.cachedManifest(try test.tag("top"), in: box) == nil)
            #expect(try await test.catalog.repositories(after: nil, limit: 10) == [])
            #expect(try await test.catalog.totals().repositories == 0)
            test.clock.pass(windowLength - 1)
            #expect(try await test.round() == [])
            #expect(try await test.catalog.undeleteRepository(box, by: alice) == .done(manifests: 3))
            #expect(try await test.points("top") == digest(30))
            #expect(try await test.hasBlob(1))
            _ = try await test.catalog.deleteRepository(box, by: alice)
            try await test.pushBlob(2)
            #expect(try await test.catalog.undeleteRepository(box, by: alice) == .nameTaken)
            try await test.settle()
            test.clock.pass(windowLength + lease)
            _ = try await test.round()
            #expect(
                try await test.catalog.undeleteRepository(test.name("other/box"), by: alice) == .unknownRepository)
            for _ in 0..<3 { _ = try await test.round() }
            #expect(try await test.count("SELECT count(*) FROM manifest") == 0)
            #expect(try await test.count("SELECT count(*) FROM blob") == 0)
            #expect(try await test.count("SELECT count(*) FROM repository WHERE deleted_at IS NOT NULL") == 0)
        }
    }

    @Test("a push in the middle of a repository's purge begins a new one, and brings nothing half purged to light")
    func pushInPurge() async throws {
        var settings = collectSettings()
        settings.rowsPerClosure = 4
        try await withCatalog(settings: settings) { test in
            test.clock.pass(lease)
            try await test.pushTree()
            try await test.settle()
            _ = try await test.catalog.deleteRepository(try test.name(), by: alice)
            test.clock.pass(windowLength + 1)
            for _ in 0..<2 { #expect(try await test.catalog.purgeRepositories()) }
            #expect(try await test.catalog.undeleteRepository(test.name(), by: alice) == .tooLate)
            try await test.pushBlob(1)
            for number in [30, 20, 10] { #expect(try await !test.isThere(number)) }
            #expect(try await test.catalog.repositories(after: nil, limit: 10) == [])
        }
    }
}
