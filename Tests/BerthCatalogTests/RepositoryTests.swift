import BerthModel
import Testing

@testable import BerthCatalog

@Suite("Repositories")
struct RepositoryTests {
    @Test("one that is made holds nothing, is in no client's list, and stays as it is when made again")
    func created() async throws {
        try await withCatalog { test in
            let (catalog, box) = (test.catalog, try test.name())
            let words = RepositoryChange(isProtected: true, description: try RepositoryDescription("tools"))
            #expect(try await catalog.createRepository(box, words))
            #expect(try await !catalog.createRepository(box, RepositoryChange(isProtected: false)))
            let fact = try #require(try await catalog.repositoryFact(box))
            #expect(fact.isProtected && fact.description.text == "tools" && fact.manifests == 0 && fact.tags == 0)
            #expect(fact.createdAt == test.clock.wall())
            #expect(try await catalog.repositories(after: nil, limit: 9).isEmpty)
            #expect(try await catalog.tags(in: box, after: nil, limit: 9) == [])
            #expect(try await catalog.totals().repositories == 1)
            #expect(try await catalog.changeRepository(box, words) == false)
            #expect(try await catalog.changeRepository(box, RepositoryChange(isProtected: false)) == true)
            #expect(try await catalog.repositoryFact(box)?.description.text == "tools")
            #expect(try await catalog.changeRepository(test.name("no/such"), words) == nil)
            #expect(try await catalog.repositoryFact(test.name("no/such")) == nil)
            #expect(try await catalog.descriptions(of: [box, test.name("no/such")]).map(\.value.text) == ["tools"])
        }
    }

    @Test("tags are counted however they come and go")
    func tagCount() async throws {
        try await withCatalog { test in
            func tags() async throws -> Int? { try await test.catalog.repositoryFact(test.name())?.tags }
            _ = try await test.push(1, tags: ["a", "b"])
            _ = try await test.push(2, tags: ["b", "c"])
            #expect(try await tags() == 3)
            _ = try await test.push(2, tags: ["c"])
            _ = try await test.catalog.deleteTag(test.tag("a"), in: test.name(), by: alice)
            _ = try await test.catalog.deleteTag(test.tag("a"), in: test.name(), by: alice)
            #expect(try await tags() == 2)
            _ = try await test.delete(2)
            #expect(try await tags() == 0)
            _ = try await test.undelete(2)
            #expect(try await tags() == 2)
        }
    }

    @Test("lists come in byte order, in pages, without what is deleted")
    func lists() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            for text in ["b", "a/c", "a", "a-b", "gone"] { _ = try await test.push(1, tags: ["1"], to: text) }
            try await test.pushBlob(5, to: "only/blobs")
            _ = try await test.catalog.deleteRepository(test.name("gone"), by: alice)
            func list(_ after: String?, _ limit: Int) async throws -> [String] {
                try await test.catalog.repositoryFacts(after: after, limit: limit).map(\.name.text)
            }
            #expect(try await list(nil, 99) == ["a", "a-b", "a/c", "b", "only/blobs"])
            #expect(try await list("a", 2) == ["a-b", "a/c"])
            #expect(try await list("zzz", 2) == [])
            #expect(try await list(nil, -1) == [])
        }
    }

    @Test("what is deleted is listed with when, by whom and until when, as long as it can come back (G5)")
    func deletedList() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            let box = try test.name()
            test.clock.pass(lease)
            var deletedAt: [Int64] = []
            for _ in 0..<3 {
                _ = try await test.push(1, tags: ["1"])
                test.clock.pass(10)
                deletedAt.append(test.clock.wall())
                _ = try await test.catalog.deleteRepository(box, by: alice)
            }
            _ = try await test.push(1, to: "library/box-2")
            _ = try await test.catalog.deleteRepository(test.name("library/box-2"), by: alice)
            var found: [DeletedRepository] = []
            while true {
                let page = try await test.catalog.deletedRepositories(after: found.last?.cursor, limit: 1)
                if page.isEmpty { break }
                found += page
            }
            #expect(found.map(\.name.text) == ["library/box", "library/box", "library/box", "library/box-2"])
            #expect(Set(found.prefix(3).compactMap(\.deletedAt)) == Set(deletedAt))
            #expect(found.allSatisfy { $0.deletedBy == alice && $0.manifests == 1 })
            let first = try #require(found.first { $0.deletedAt == deletedAt[0] })
            #expect(first.windowLeft == windowLength - 20 && first.until == deletedAt[0] + windowLength)
            test.clock.pass(windowLength - 20)
            let left = try await test.catalog.deletedRepositories(after: nil, limit: 9)
            #expect(left.count == 3 && !left.contains { $0.deletedAt == deletedAt[0] })
        }
    }

    @Test("of several of one name the last deleted comes back, or the one with the id that is given (G5)")
    func chosen() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            let (catalog, box) = (test.catalog, try test.name())
            for number in [1, 2, 3] {
                _ = try await test.push(number)
                test.clock.pass(10)
                _ = try await catalog.deleteRepository(box, by: alice)
            }
            _ = try await test.push(4, to: "b")
            _ = try await catalog.deleteRepository(test.name("b"), by: alice)
            let found = try await catalog.deletedRepositories(after: nil, limit: 9)
            let oldest = try #require(found.filter { $0.name == box }.map(\.id).min())
            let other = try #require(found.first { $0.name != box }).id
            #expect(try await catalog.undeleteRepository(box, id: other, by: alice) == .unknownRepository)
            #expect(try await catalog.undeleteRepository(box, id: oldest, by: alice) == .done(manifests: 1))
            #expect(try await test.isThere(1))
            #expect(try await catalog.undeleteRepository(box, id: oldest, by: alice) == .unknownRepository)
            #expect(try await catalog.undeleteRepository(box, as: test.name("c"), by: alice) == .done(manifests: 1))
            #expect(try await test.isThere(3, in: "c"))
        }
    }

    @Test("it comes back under another name where there is one of its name again, whole (G5)")
    func otherName() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            let (catalog, box, other) = (test.catalog, try test.name(), try test.name("old/box"))
            test.clock.pass(lease)
            try await test.pushBlob(1)
            _ = try await test.push(10, references: [1], tags: ["a"])
            _ = try await test.push(11, references: [1], subject: 10)
            #expect(try await catalog.deleteRepository(box, by: alice) == .done(manifests: 2))
            _ = try await test.push(20, tags: ["a"])
            #expect(try await catalog.undeleteRepository(box, by: alice) == .nameTaken)
            #expect(try await catalog.undeleteRepository(box, as: box, by: alice) == .nameTaken)
            #expect(try await catalog.undeleteRepository(box, as: other, by: alice) == .done(manifests: 2))
            #expect(try await catalog.undeleteRepository(box, as: other, by: alice) == .unknownRepository)
            #expect(try await test.points("a", in: "old/box") == digest(10))
            #expect(try await test.points("a") == digest(20))
            #expect(
                try await catalog.referrers(of: digest(10), in: other, artifactTypes: [], after: nil, limit: 9).count
                    == 1)
            try await test.settle()
            test.clock.pass(2 * windowLength)
            #expect(try await test.round().isEmpty)
            #expect(try await test.hasBlob(1, in: "old/box"))
            _ = try await test.push(12, references: [1], tags: ["b"], to: "old/box")
            #expect(try await catalog.repositoryFact(other)?.tags == 2)
        }
    }

    @Test("a deletion and a return are told, audited by name and not by digest")
    func events() async throws {
        try await withCatalog { test in
            _ = try await test.push(1)
            _ = try await test.catalog.deleteRepository(test.name(), by: alice)
            _ = try await test.catalog.undeleteRepository(test.name(), as: test.name("b"), by: alice)
            let events = try await test.catalog.events(after: 0, limit: 99)
            #expect(events.map(\.kind) == [.pushed, .repositoryDeleted, .repositoryRestored])
            #expect(events.map(\.repository.text) == ["library/box", "library/box", "b"])
            #expect(events.map(\.digest) == [digest(1), nil, nil])
        }
    }

    @Test("while it is protected nothing in it goes, nor it itself; pushes go on, and tags move")
    func protected() async throws {
        try await withCatalog { test in
            let (catalog, box) = (test.catalog, try test.name())
            try await test.pushBlob(1)
            try await test.pushBlob(2)
            _ = try await test.push(10, references: [1], tags: ["a"])
            #expect(try await catalog.changeRepository(box, RepositoryChange(isProtected: true)) == true)
            #expect(try await catalog.deleteTag(test.tag("a"), in: box, by: alice) == .protected)
            #expect(try await catalog.deleteTag(test.tag("none"), in: box, condition: .absent, by: alice) == .protected)
            #expect(try await test.delete(10) == .protected)
            #expect(try await test.delete(99) == .protected)
            #expect(try await test.deleteBlob(2) == .protected)
            #expect(try await test.deleteBlob(99) == .protected)
            #expect(try await catalog.deleteRepository(box, by: alice) == .protected)
            _ = try await test.push(11, references: [2], tags: ["a", "b"])
            #expect(try await test.points("a") == digest(11))
            #expect(try await test.delete(10, in: "no/such") == .unknownRepository)
            _ = try await catalog.changeRepository(box, RepositoryChange(isProtected: false))
            #expect(try await catalog.deleteTag(test.tag("b"), in: box, by: alice) == .deleted(digest(11)))
            #expect(try await test.delete(10) == .deleted(tags: []))
            #expect(try await catalog.deleteRepository(box, by: alice) == .done(manifests: 1))
        }
    }

    @Test("what was protected or described comes back so, and a new one of its name is neither")
    func settingsReturn() async throws {
        try await withCatalog { test in
            let (catalog, box) = (test.catalog, try test.name())
            _ = try await test.push(1)
            _ = try await catalog.changeRepository(
                box, RepositoryChange(description: try RepositoryDescription("tools")))
            _ = try await catalog.deleteRepository(box, by: alice)
            _ = try await test.push(1)
            #expect(try await catalog.repositoryFact(box)?.description.text == "")
            _ = try await catalog.undeleteRepository(box, as: test.name("b"), by: alice)
            #expect(try await catalog.repositoryFact(test.name("b"))?.description.text == "tools")
        }
    }

    @Test("a page of a list costs the same among ten repositories and among sixty thousand, deleted ones too (C6)")
    func cost() async throws {
        var settings = CatalogSettings()
        settings.readers = 1
        var costs: [[Int64]] = []
        for count in [10, 60_000] {
            try await withCatalog(settings: settings) { test in
                test.clock.pass(1)
                try await test.run(
                    """
                    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
                    INSERT INTO repository (name, manifests, created_at) SELECT printf('r-%08d', i), 1, 0 FROM n
                    """, [.integer(Int64(count))])
                try await test.run(
                    """
                    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
                    INSERT INTO repository (name, created_at, deleted_at, deleted_by, hidden_at)
                    SELECT printf('r-%08d#%d', 1 + i % 3, i), 0, 1, 'user:alice', 0 FROM n
                    """, [.integer(Int64(count))])
                let database = try test.database
                _ = try await test.catalog.hasRepository(test.name())
                var found: [Int64] = []
                for list in 0..<2 {
                    let before = database.readSteps
                    let page =
                        try await list == 0
                        ? test.catalog.repositoryFacts(after: "r-00000001", limit: 5).count
                        : test.catalog.deletedRepositories(after: "r-00000001", limit: 5).count
                    #expect(page == 5)
                    found.append(database.readSteps - before)
                }
                costs.append(found)
            }
        }
        #expect(costs[0] == costs[1], "steps of a page of repositories, and of deleted ones")
    }
}

@Suite("Referrers of what is deleted")
struct KeptReferrerTests {
    /// 1 <- index 2, 3 refers to 2, 4 refers to 1, 5 refers to 3.
    private func push(_ test: TestCatalog) async throws {
        test.clock.pass(lease)
        _ = try await test.push(1)
        _ = try await test.push(2, entries: [1], tags: ["top"])
        _ = try await test.push(3, subject: 2)
        _ = try await test.push(4, subject: 1)
        _ = try await test.push(5, subject: 3)
    }

    @Test(
        "each setting takes what it names, and all that went comes back",
        arguments: [
            (false, false, []), (true, false, [1, 4]), (false, true, [3, 4, 5]), (true, true, [1, 3, 4, 5]),
        ])
    func settings(keepsChildren: Bool, keepsReferrers: Bool, stays: [Int]) async throws {
        for rows in [1_000, 8] {
            var settings = collectSettings()
            settings.rowsPerClosure = rows
            try await withCatalog(settings: settings) { test in
                try await push(test)
                _ = try await test.delete(2, keepChildren: keepsChildren, keepReferrers: keepsReferrers)
                #expect(try await (1...5).asyncFilter { try await test.isThere($0) } == stays)
                #expect(try await test.count("SELECT count(*) FROM manifest WHERE detach_position IS NOT NULL") == 0)
                let listed = try await test.catalog.referrers(
                    of: digest(2), in: test.name(), artifactTypes: [], after: nil, limit: 9)
                #expect(listed.map(\.digest) == (keepsReferrers ? [digest(3)] : []))
                guard case .restored(let count, let tags, _) = try await test.undelete(2) else {
                    throw TestFailure("not restored")
                }
                #expect(count == 5 - stays.count && tags.map(\.text) == ["top"])
                #expect(try await (1...5).asyncFilter { try await test.isThere($0) } == [1, 2, 3, 4, 5])
            }
        }
    }

    @Test("a referrer that stays outlives its subject's purge")
    func outlives() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            try await push(test)
            try await test.settle()
            _ = try await test.delete(2, keepReferrers: true)
            test.clock.pass(3 * windowLength)
            for _ in 0..<2 { _ = try await test.round() }
            #expect(try await test.count("SELECT count(*) FROM manifest WHERE subject IS NULL") == 0)
            #expect(try await (1...5).asyncFilter { try await test.isThere($0) } == [3, 4, 5])
            _ = try await test.push(2, tags: ["top"])
            #expect(
                try await test.catalog.referrers(
                    of: digest(2), in: test.name(), artifactTypes: [], after: nil, limit: 9
                ).count == 1)
        }
    }

    @Test("a place of a deletion is stored and read back as it was")
    func places() {
        let places: [DetachPlace] = [
            .children(from: 0), .children(from: 9_999), .childrenOnly(from: 0), .childrenOnly(from: 9_999),
            .referrers(after: 0), .referrers(after: 1 << 40), .referrersOnly(after: 0), .referrersOnly(after: 1 << 40),
            .alone,
        ]
        #expect(places.map { DetachPlace(stored: $0.stored) } == places)
        #expect(Set(places.map(\.stored)).count == places.count)
    }
}
