import BerthModel
import Testing

@testable import BerthCatalog

@Suite("Tags that stay")
struct TagRuleTests {
    private func rule(
        _ name: String, _ tags: [String], except: [String] = [], repositories: String = "**"
    ) throws -> TagRule {
        try TagRule(
            name: try #require(RuleName(name)), repositories: try RepositoryPattern(repositories),
            tags: try tags.map { try TagPattern($0) }, exceptions: try except.map { try TagPattern($0) })
    }

    private func kept(_ tag: String, _ name: String = "releases") throws -> TagRefusal {
        .immutable(try Tag(tag), rule: try #require(RuleName(name)))
    }

    @Test("a kept tag is set once: it neither moves nor goes, and its manifest stays with it")
    func kept() async throws {
        try await withCatalog { test in
            #expect(try await test.catalog.add(rule("releases", ["v*"]), by: alice) == .added)
            _ = try await test.push(1, tags: ["v1", "latest"])
            #expect(try await test.push(1, tags: ["v1"]) == .stored(isNew: false), "the same digest again is fine")
            #expect(try await test.push(2, tags: ["v1"]) == .refused(try kept("v1")))
            #expect(try await test.push(2, tags: ["latest", "v1"]) == .refused(try kept("v1")))
            #expect(try await test.points("latest") == digest(1), "all or nothing")
            #expect(try await test.push(2, tags: ["latest", "v2"]) == .stored(isNew: true))
            let (name, tag) = (try test.name(), try test.tag("v1"))
            #expect(try await test.catalog.deleteTag(tag, in: name, by: alice) == .refused(try kept("v1")))
            #expect(try await test.delete(1) == .refused(try kept("v1")))
            let restored = try await test.catalog.restore(tag, in: name, to: .digest(digest(1)), by: alice)
            #expect(restored == .unchanged(digest(1)))
            #expect(try await test.points("v1") == digest(1))
            let history = try await test.catalog.history(of: tag, in: name, limit: 9)
            #expect(history.count == 1)
            #expect(try await test.catalog.removeTagRule(try #require(RuleName("releases"))))
            #expect(try await test.push(2, tags: ["v1"]) == .stored(isNew: false))
        }
    }

    @Test("a repository stays as long as a rule keeps one of its tags")
    func repository() async throws {
        try await withCatalog { test in
            let name = try test.name()
            _ = try await test.catalog.add(rule("releases", ["v*"]), by: alice)
            _ = try await test.push(1, tags: ["latest"])
            _ = try await test.push(2, tags: ["v1"])
            #expect(try await test.catalog.deleteRepository(name, by: alice) == .kept(try kept("v1")))
            #expect(try await test.points("latest") == digest(1))
            _ = try await test.push(1, tags: ["v2"], to: "other/app")
            _ = try await test.catalog.add(rule("releases", ["v*"], repositories: "other/**"), by: alice)
            #expect(try await test.catalog.deleteRepository(name, by: alice) == .done(manifests: 2))
        }
    }

    @Test("a rule holds in the repositories that it names, and not for its exceptions")
    func scope() async throws {
        try await withCatalog { test in
            _ = try await test.catalog.add(
                rule("team", ["*"], except: ["latest"], repositories: "team/**"), by: alice)
            for (repository, tag, isKept) in [
                ("team/app", "1", true), ("team/app", "latest", false), ("team/a/b", "x", true),
                ("other/app", "1", false),
            ] {
                _ = try await test.push(1, tags: [tag], to: repository)
                let moved = try await test.push(2, tags: [tag], to: repository)
                #expect((moved == .refused(try kept(tag, "team"))) == isKept, "\(repository):\(tag) \(moved)")
            }
        }
    }

    @Test("a condition that fails is told before a rule, and a tag whose manifest goes is free (C1)")
    func order() async throws {
        try await withCatalog { test in
            _ = try await test.push(1, tags: ["v1"])
            _ = try await test.catalog.add(rule("releases", ["v*"]), by: alice)
            #expect(try await test.push(2, tags: ["v1"], condition: .absent) == .conditionFailed(current: digest(1)))
            let failed = try await test.catalog.deleteTag(
                test.tag("v1"), in: test.name(), condition: .matches([digest(2)]), by: alice)
            #expect(failed == .conditionFailed(current: digest(1)))
        }
    }

    @Test("a rule of the same name is replaced, the same one changes nothing, and there are bounds")
    func replacing() async throws {
        try await withCatalog { test in
            #expect(try await test.catalog.add(rule("a", ["v*"]), by: alice) == .added)
            #expect(try await test.catalog.add(rule("a", ["v*"]), by: alice) == .unchanged)
            #expect(try await test.catalog.add(rule("a", ["w*", "v*"], except: ["w1"]), by: alice) == .replaced)
            #expect(try await test.catalog.tagRules() == [rule("a", ["w*", "v*"], except: ["w1"])])
            for number in 1..<TagRules.most { _ = try await test.catalog.add(rule("r\(number)", ["x"]), by: alice) }
            #expect(try await test.catalog.add(rule("more", ["x"]), by: alice) == .tooMany)
            #expect(try await test.catalog.add(rule("a", ["v*"]), by: alice) == .replaced)
            #expect(try await !test.catalog.removeTagRule(try #require(RuleName("more"))))
        }
    }

    @Test("a tag at a moment is neither made nor deleted; one of that form that is here already is an ordinary tag")
    func virtual() async throws {
        try await withCatalog { test in
            let (form, impossible) = ("t--at-20260501T1200Z", "t--at-20261301T1200Z")
            _ = try await test.push(1, tags: ["t"])
            for (text, isMoment) in [(form, true), (impossible, false)] {
                let refusal = TagRefusal.virtual(try test.tag(text), isMoment: isMoment)
                #expect(try await test.push(2, tags: ["t", text]) == .refused(refusal))
                #expect(try await test.push(2, tags: [text], to: "new/one") == .refused(refusal))
                let deletion = try await test.catalog.deleteTag(test.tag(text), in: test.name(), by: alice)
                #expect(deletion == .refused(refusal))
            }
            #expect(try await test.points("t") == digest(1))
            #expect(try await !test.catalog.hasRepository(test.name("new/one")))
            // As an older version could have left it.
            _ = try await test.catalog.database.write(
                .small,
                { transaction throws(CatalogError) in
                    let row = try transaction.row("SELECT id, repository_id FROM manifest", [])
                    guard let row else { throw .damaged("nothing pushed") }
                    try transaction.execute(
                        "INSERT INTO tag (repository_id, name, manifest_id) VALUES (?, ?, ?)",
                        [.integer(try row.integer(1)), .text(form), .integer(try row.integer(0))])
                }, settled: { _ in })
            #expect(try await test.points(form) == digest(1))
            #expect(try await test.push(2, tags: [form]) == .stored(isNew: true))
            let deleted = try await test.catalog.deleteTag(test.tag(form), in: test.name(), by: alice)
            #expect(deleted == .deleted(digest(2)))
        }
    }
}
