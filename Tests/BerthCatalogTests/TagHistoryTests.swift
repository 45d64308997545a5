import BerthModel
import Testing

@testable import BerthCatalog

private let second: Int64 = 1_000_000

extension TestCatalog {
    fileprivate func at(_ moment: Int64, _ text: String = "t") async throws -> TagMoment {
        try await catalog.manifest(tag(text), at: moment, in: name())
    }
    fileprivate func restore(_ target: TagTarget, _ text: String = "t") async throws -> TagRestoration {
        try await catalog.restore(tag(text), in: name(), to: target, by: .anonymous)
    }
}

extension TagMoment {
    fileprivate var digest: Digest? { if case .found(let fact) = self { fact.digest } else { nil } }
}

@Suite("The history of tags")
struct TagHistoryTests {
    @Test("a tag is what it was at each moment: before it was set, between moves, deleted, and in the future")
    func moments() async throws {
        try await withCatalog { test in
            let start = test.clock.wall()
            _ = try await test.push(1, tags: ["t"])
            test.clock.pass(10 * second)
            _ = try await test.push(2, tags: ["t"])
            test.clock.pass(10 * second)
            _ = try await test.catalog.deleteTag(test.tag("t"), in: test.name(), by: alice)
            test.clock.pass(10 * second)
            _ = try await test.push(1, tags: ["t"])
            #expect(try await test.at(start - 1) == .before(start))
            #expect(try await test.at(start).digest == digest(1))
            #expect(try await test.at(start + 10 * second - 1).digest == digest(1))
            #expect(try await test.at(start + 10 * second).digest == digest(2))
            #expect(try await test.at(start + 20 * second) == .deleted(start + 20 * second))
            #expect(try await test.at(start + 30 * second).digest == digest(1))
            #expect(try await test.at(start + 30 * second + 999_999).digest == digest(1), "this second has begun")
            #expect(try await test.at(start + 31 * second) == .future)
            #expect(try await test.at(start, "other") == .before(nil))
            let elsewhere = try await test.catalog.manifest(test.tag("t"), at: start, in: test.name("no/such"))
            #expect(elsewhere == .unknownRepository)
        }
    }

    @Test("what was since deleted is not shown, and is again when it is pushed or brought back")
    func gone() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            let start = test.clock.wall()
            try await test.pushBlob(5)
            _ = try await test.push(1, references: [5], tags: ["t"])
            test.clock.pass(lease)
            _ = try await test.push(2, references: [5], tags: ["t"])
            _ = try await test.delete(1)
            #expect(try await test.at(start) == .gone(digest(1)))
            #expect(try await test.restore(.moment(start)) == .nothingThen(.gone(digest(1))))
            #expect(try await test.restore(.digest(digest(1))) == .nothingThen(.gone(digest(1))))
            _ = try await test.undelete(1)
            #expect(try await test.at(start).digest == digest(1))
        }
    }

    @Test("what was purged is never answered, nor what the tag pointed to before it in its place")
    func purged() async throws {
        try await withCatalog(settings: collectSettings()) { test in
            _ = try await test.push(1, tags: ["t"])
            test.clock.pass(10 * second)
            let start = test.clock.wall()
            _ = try await test.push(2, tags: ["t"])
            test.clock.pass(10 * second)
            _ = try await test.push(3, tags: ["t"])
            #expect(try await test.at(start).digest == digest(2))
            _ = try await test.purge(.content(digest(2)))
            #expect(try await test.at(start).digest == nil)
            #expect(try await test.at(start - second).digest == digest(1))
            #expect(try await test.at(test.clock.wall()).digest == digest(3))
        }
    }

    @Test("nothing is seen across a deletion of the repository")
    func otherRepository() async throws {
        try await withCatalog { test in
            let start = test.clock.wall()
            _ = try await test.push(1, tags: ["t"])
            test.clock.pass(10 * second)
            _ = try await test.catalog.deleteRepository(test.name(), by: alice)
            #expect(try await test.at(start) == .unknownRepository)
            _ = try await test.push(2, tags: ["t"])
            #expect(try await test.at(start) == .before(start + 10 * second))
            #expect(try await test.catalog.history(of: test.tag("t"), in: test.name(), limit: 9).count == 1)
        }
    }

    @Test("a wall clock that is set back leaves one answer for each moment")
    func clockSetBack() async throws {
        try await withCatalog { test in
            let start = test.clock.wall()
            _ = try await test.push(1, tags: ["t"])
            test.clock.setWall(start - 3_600 * second)
            _ = try await test.push(2, tags: ["t"])
            let times = try await test.catalog.history(of: test.tag("t"), in: test.name(), limit: 9).map(\.at)
            #expect(times == [start, start])
            test.clock.setWall(start + second)
            #expect(try await test.at(start).digest == digest(2))
            #expect(try await test.at(start - 1) == .before(start))
        }
    }

    @Test("a deleted tag comes back as it was, another is moved to what it was, and both are lines of history")
    func restore() async throws {
        try await withCatalog { test in
            let start = test.clock.wall()
            _ = try await test.push(1, tags: ["t", "u"])
            test.clock.pass(second)
            _ = try await test.push(2, tags: ["t"])
            #expect(try await test.restore(.last) == .unchanged(digest(2)))
            #expect(try await test.restore(.moment(start)) == .restored(digest(1)))
            #expect(try await test.restore(.moment(start)) == .unchanged(digest(1)))
            #expect(try await test.points("t") == digest(1))
            #expect(try await test.restore(.digest(digest(2))) == .restored(digest(2)))
            #expect(try await test.restore(.digest(digest(7))) == .neverWas)
            #expect(try await test.restore(.last, "never") == .neverWas)
            #expect(try await test.restore(.moment(start - 1)) == .nothingThen(.before(start)))
            _ = try await test.catalog.deleteTag(test.tag("t"), in: test.name(), by: alice)
            #expect(try await test.points("t") == nil)
            #expect(try await test.restore(.last) == .restored(digest(2)))
            #expect(try await test.restore(.last) == .unchanged(digest(2)))
            let last = try await test.catalog.history(of: test.tag("t"), in: test.name(), limit: 1)[0]
            #expect(last.old == nil && last.new == digest(2) && last.principal == .anonymous)
            let events = try await test.catalog.events(after: 0, limit: 99)
            #expect(events.last?.kind == .tagged && events.last?.digest == digest(2))
        }
    }

    @Test("history and lists come in pages, and a page costs what it holds (C6)")
    func pages() async throws {
        try await withCatalog { test in
            for number in 1...5 {
                _ = try await test.push(number, tags: ["t", "t\(number)"])
                test.clock.pass(second)
            }
            for number in [2, 4] {
                _ = try await test.catalog.deleteTag(test.tag("t\(number)"), in: test.name(), by: alice)
            }
            var seen: [Digest?] = []
            var last: Int64?
            while true {
                let page = try await test.catalog.history(of: test.tag("t"), in: test.name(), before: last, limit: 2)
                guard let end = page.last else { break }
                seen += page.map(\.new)
                last = end.id
            }
            #expect(seen == (1...5).reversed().map { digest($0) })
            func names(_ deleted: Bool, after: String? = nil, limit: Int = 9) async throws -> [String]? {
                try await test.catalog.tagDetails(in: test.name(), deleted: deleted, after: after, limit: limit)?
                    .map(\.tag.text)
            }
            #expect(try await names(false) == ["t", "t1", "t3", "t5"])
            #expect(try await names(false, after: "t", limit: 2) == ["t1", "t3"])
            #expect(try await names(true) == ["t2", "t4"])
            #expect(try await names(true, after: "t2") == ["t4"])
            let deleted = try await test.catalog.tagDetails(in: test.name(), deleted: true, after: nil, limit: 1)
            #expect(deleted?.first?.change?.old == digest(2))
            #expect(try await test.catalog.tagDetails(in: test.name("x"), deleted: false, after: nil, limit: 1) == nil)
        }
    }
}
