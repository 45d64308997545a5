import BerthModel
import Testing

@testable import BerthCatalog

@Suite("Deleting")
struct DeleteTests {
    @Test("a manifest goes with its tags; edges and bytes stay")
    func manifest() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            _ = try await test.push(2, references: [1], tags: ["b", "a"])
            #expect(try await test.delete(2, in: "no/such") == .unknownRepository)
            #expect(try await test.delete(3) == .unknownManifest)
            #expect(try await test.delete(2) == .deleted(tags: [test.tag("a"), test.tag("b")]))
            #expect(try await test.delete(2) == .unknownManifest)
            #expect(try await !test.isThere(2))
            #expect(try await test.points("a") == nil)
            #expect(try await test.catalog.tags(in: test.name(), after: nil, limit: 9) == [])
            #expect(try await test.catalog.blob(digest(2), in: test.name()) == nil)
            #expect(try await test.catalog.blob(digest(1), in: test.name()) != nil)
            #expect(try await test.count("SELECT count(*) FROM manifest_reference") == 1)
            #expect(try await test.catalog.content(digest(2)) != nil)
            #expect(try await test.catalog.hasRepository(test.name()))
            #expect(try await test.catalog.repositories(after: nil, limit: 9).isEmpty)
        }
    }

    @Test("pushed again, a deleted manifest is back, without its old tags")
    func back() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            _ = try await test.push(2, references: [1], tags: ["a"])
            _ = try await test.delete(2)
            #expect(try await test.push(2, references: [1], tags: ["c"]) == .stored(isNew: false))
            #expect(try await test.isThere(2))
            #expect(try await test.points("a") == nil)
            #expect(try await test.points("c") == digest(2))
            #expect(try await test.catalog.blob(digest(2), in: test.name()) != nil)
            #expect(try await test.catalog.repositories(after: nil, limit: 9).count == 1)
            #expect(try await test.count("SELECT count(*) FROM manifest_reference") == 1)
        }
    }

    @Test("what an index lists is refused, unless that is allowed")
    func referenced() async throws {
        try await withCatalog { test in
            _ = try await test.push(1)
            for index in 10..<25 { _ = try await test.push(index, entries: [1]) }
            guard case .referenced(let indexes) = try await test.delete(1) else { throw TestFailure("deleted") }
            #expect(indexes.count == 10)
            #expect(Set(indexes).isSubset(of: Set((10..<25).map(digest))))
            #expect(try await test.delete(1, allowed: true) == .deleted(tags: []))
            #expect(try await test.isThere(10))
            // An index of another repository counts for nothing here.
            _ = try await test.push(1, to: "b/b")
            _ = try await test.push(10, entries: [1], to: "b/b")
            _ = try await test.push(2)
            #expect(try await test.delete(2) == .deleted(tags: []))
        }
    }

    @Test("children go with the last index that held them, unless they ever had a name of their own")
    func children() async throws {
        try await withCatalog { test in
            for number in 1...4 { _ = try await test.push(number) }
            _ = try await test.push(5, isRoot: true)
            _ = try await test.push(2, tags: ["named"])
            _ = try await test.catalog.deleteTag(test.tag("named"), in: test.name(), by: alice)
            _ = try await test.push(10, entries: [1, 2, 3, 4, 5, 1], tags: ["ten"])
            _ = try await test.push(11, entries: [3])
            _ = try await test.push(12, entries: [10, 4])
            #expect(try await test.delete(10, allowed: true) == .deleted(tags: [test.tag("ten")]))
            let rest = try await (1...5).asyncFilter { try await test.isThere($0) }
            #expect(rest == [2, 3, 4, 5])
            _ = try await test.delete(12)
            #expect(try await (1...5).asyncFilter { try await test.isThere($0) } == [2, 3, 5])
            _ = try await test.delete(11)
            #expect(try await (1...5).asyncFilter { try await test.isThere($0) } == [2, 5])
        }
    }

    @Test("nested indexes go as a whole, and each line of the deletion says with what it went")
    func nested() async throws {
        try await withCatalog { test in
            _ = try await test.push(1)
            _ = try await test.push(2, entries: [1])
            _ = try await test.push(3, entries: [2, 1])
            _ = try await test.push(4, entries: [3])
            _ = try await test.delete(4)
            #expect(try await (1...4).asyncFilter { try await test.isThere($0) } == [])
            #expect(try await test.count("SELECT count(DISTINCT deleted_with) FROM manifest") == 1)
            #expect(try await test.count("SELECT count(*) FROM manifest WHERE detach_position IS NULL") == 4)
            #expect(try await test.count("SELECT manifests FROM repository") == 0)
        }
    }

    @Test("children stay where that is asked for")
    func keepChildren() async throws {
        try await withCatalog { test in
            _ = try await test.push(1)
            _ = try await test.push(2, entries: [1])
            _ = try await test.push(3, subject: 2)
            _ = try await test.delete(2, keepChildren: true)
            #expect(try await (1...3).asyncFilter { try await test.isThere($0) } == [1])
        }
    }

    @Test("referrers go with their subject, and theirs with them; never the reverse")
    func referrers() async throws {
        try await withCatalog { test in
            _ = try await test.push(1)
            _ = try await test.push(2, subject: 1)
            _ = try await test.push(3, subject: 2)
            _ = try await test.push(4, subject: 1, tags: ["named"])
            _ = try await test.push(5, subject: 1)
            _ = try await test.push(6, entries: [5], tags: ["holder"])
            _ = try await test.push(7, subject: 99)
            _ = try await test.delete(3)
            #expect(try await test.isThere(2))
            _ = try await test.push(3, subject: 2)
            _ = try await test.delete(1)
            // 4 has a name, 6 holds 5, and 7's subject was never there.
            #expect(try await (1...7).asyncFilter { try await test.isThere($0) } == [4, 5, 6, 7])
        }
    }

    @Test("a referrer of something that stays does not go with an index that lists it")
    func attachedChild() async throws {
        try await withCatalog { test in
            _ = try await test.push(1, tags: ["keep"])
            _ = try await test.push(2, subject: 1)
            _ = try await test.push(3, entries: [2])
            _ = try await test.delete(3)
            #expect(try await test.isThere(2))
        }
    }

    @Test("a manifest with thousands of tags, children and referrers goes in bounded closures (C6)")
    func big() async throws {
        try await withCatalog { test in
            try await fill(test, tags: 700, children: 500, referrers: 400)
            let before = test.catalog.statistics.closures
            guard case .deleted(let tags) = try await test.delete(1) else { throw TestFailure("refused") }
            #expect(tags.count == 700)
            #expect(test.catalog.statistics.closures - before > 10)
            #expect(try await test.count("SELECT count(*) FROM tag") == 0)
            #expect(try await test.count("SELECT count(*) FROM manifest WHERE deleted_at IS NULL") == 0)
            #expect(try await test.count("SELECT manifests FROM repository") == 0)
            #expect(try await test.count("SELECT count(*) FROM tag_history WHERE deleted_with IS NOT NULL") == 700)
        }
    }

    @Test("a deletion cut short is invisible at once and finished at the next start (C6, G7)")
    func resumed() async throws {
        let folder = try TemporaryFolder()
        let test = try await openCatalog(in: folder)
        try await fill(test, tags: 300, children: 200, referrers: 300)
        // The first closure of a deletion, and nothing of what follows it.
        try await test.run(
            """
            UPDATE manifest SET deleted_at = 1, deleted_by = 'user:alice', deleted_with = id, detach_position = 0
            WHERE digest = ?
            """, [.digest(digest(1))])
        try await test.run("UPDATE repository SET manifests = manifests - 1")
        #expect(try await test.points("t0") == nil)
        #expect(try await !test.isThere(1))
        #expect(try await test.push(9, tags: ["t0"], condition: .absent) == .stored(isNew: true))
        let second = try await openCatalog(in: try folder.copyAsIfKilled())
        #expect(try await second.catalog.tags(in: second.name(), after: nil, limit: 9) == [second.tag("t0")])
        #expect(try await second.count("SELECT count(*) FROM manifest WHERE deleted_at IS NULL") == 1)
        try await second.catalog.close()

        // And a push of the very manifest lets it finish first: no old tag comes back.
        // What was promised a moment ago would come back with it.
        test.clock.pass(CollectionTerms().lease + 1)
        #expect(try await test.push(1, entries: Array(1_000..<1_200)) != .stored(isNew: false))
        for child in 1_000..<1_200 { _ = try await test.push(child) }
        #expect(try await test.push(1, entries: Array(1_000..<1_200)) == .stored(isNew: false))
        #expect(try await test.catalog.tags(in: test.name(), after: nil, limit: 9) == [test.tag("t0")])
        #expect(try await test.points("t0") == digest(9))
        try await test.catalog.close()
    }

    private func fill(_ test: TestCatalog, tags: Int, children: Int, referrers: Int) async throws {
        let entries = Array(1_000..<(1_000 + children))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for child in entries { group.addTask { _ = try await test.push(child) } }
            try await group.waitForAll()
        }
        _ = try await test.push(1, entries: entries, tags: (0..<tags).map { "t\($0)" })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<referrers { group.addTask { _ = try await test.push(5_000 + number, subject: 1) } }
            try await group.waitForAll()
        }
    }

    @Test("a blob goes from one repository; what uses it is named")
    func blob() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            try await test.pushBlob(1, to: "b/b")
            let name = try test.name()
            func delete(_ number: Int, allowed: Bool = false) async throws -> BlobDeletion {
                try await test.catalog.deleteBlob(digest(number), in: name, referencedAllowed: allowed, by: alice)
            }
            #expect(
                try await test.catalog.deleteBlob(
                    digest(1), in: test.name("no/such"), referencedAllowed: false, by: alice) == .unknownRepository)
            #expect(try await delete(5) == .unknownBlob)
            _ = try await test.push(2, references: [1])
            #expect(try await delete(1) == .referenced(by: [digest(2)]))
            #expect(try await delete(2, allowed: true) == .referenced(by: [digest(2)]), "a manifest's own content")
            _ = try await test.delete(2)
            #expect(try await delete(1) == .deleted)
            #expect(try await delete(1) == .unknownBlob)
            #expect(try await test.catalog.blob(digest(1), in: name) == nil)
            #expect(try await test.catalog.blob(digest(1), in: test.name("b/b")) != nil)
            try await test.pushBlob(1)
            #expect(try await test.catalog.blob(digest(1), in: name) != nil)
            _ = try await test.push(2, references: [1])
            #expect(try await delete(1, allowed: true) == .deleted)
        }
    }
}

extension Sequence where Element: Sendable {
    func asyncFilter(_ isIncluded: (Element) async throws -> Bool) async rethrows -> [Element] {
        var result: [Element] = []
        for element in self where try await isIncluded(element) { result.append(element) }
        return result
    }
}
