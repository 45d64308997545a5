import BerthModel
import Testing

@testable import BerthCatalog

@Suite("Pushing manifests")
struct PushTests {
    @Test("what it references has to be here; all that is missing is named, in order (G1)")
    func missing() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            try await test.pushBlob(2, to: "other/box")
            #expect(try await test.push(9, references: [3, 1, 2, 3]) == .missing([digest(3), digest(2)]))
            #expect(try await test.push(9, references: [1], to: "no/such") == .missing([digest(1)]))
            #expect(try await !test.isThere(9))
            #expect(try await !test.catalog.hasRepository(test.name("no/such")))
            #expect(try await test.catalog.content(digest(9)) == nil, "a refusal stages nothing")
            #expect(try await test.count("SELECT count(*) FROM event") == 0)
        }
    }

    @Test("a reference that was deleted here, or is being swept, is missing; a doomed one is live again (G1)")
    func states() async throws {
        try await withCatalog { test in
            for number in 1...3 { try await test.pushBlob(number) }
            _ = try await test.catalog.deleteBlob(digest(1), in: test.name(), referencedAllowed: false, by: alice)
            try await test.run("UPDATE blob SET state = 2 WHERE digest = ?", [.digest(digest(2))])
            try await test.run("UPDATE blob SET state = 1 WHERE digest = ?", [.digest(digest(3))])
            #expect(try await test.push(9, references: [1, 2, 3]) == .missing([digest(1), digest(2)]))
            #expect(try await test.catalog.content(digest(3))?.state == .doomed)
            #expect(try await test.push(9, references: [3]) == .stored(isNew: true))
            #expect(try await test.catalog.content(digest(3))?.state == .live)
        }
    }

    @Test("sizes are those of the stored content, in every place where a digest stands")
    func sizes() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1, size: 11)
            try await test.pushBlob(2)
            let mismatch = SizeMismatch(digest: digest(1), said: 10, stored: 11)
            #expect(try await test.push(9, references: [2, 1]) == .sizeMismatch([mismatch]))
            #expect(try await test.push(9, references: [1, 1]) == .sizeMismatch([mismatch, mismatch]))
            #expect(try await test.push(9, references: [2], subject: 1) == .sizeMismatch([mismatch]))
            #expect(try await test.push(9, references: [2], subject: 77) == .stored(isNew: true))
        }
    }

    @Test("without references it needs nothing but itself, and makes the repository")
    func alone() async throws {
        try await withCatalog { test in
            #expect(try await test.push(9, tags: ["a", "b"], to: "new/box") == .stored(isNew: true))
            #expect(try await test.points("a", in: "new/box") == digest(9))
            #expect(try await test.points("b", in: "new/box") == digest(9))
            let repositories = try await test.catalog.repositories(after: nil, limit: 9)
            #expect(try repositories == [test.name("new/box")])
            let fact = try await test.catalog.blob(digest(9), in: test.name("new/box"))
            #expect(fact?.staged == .bytes)
        }
    }

    @Test("pushed again nothing changes but the lease")
    func again() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            _ = try await test.push(9, references: [1], tags: ["v1"])
            test.clock.pass(5)
            #expect(try await test.push(9, references: [1], tags: ["v1"]) == .stored(isNew: false))
            #expect(try await test.count("SELECT count(*) FROM tag_history") == 1)
            #expect(try await test.count("SELECT count(*) FROM manifest_reference") == 1)
            #expect(try await test.count("SELECT count(*) FROM event WHERE kind IN (0, 2)") == 2)
            #expect(try await test.count("SELECT max(leased_at) FROM repository_blob WHERE kind = 1") == 5)
        }
    }

    @Test("its own content: present, gone, swept, or staged anew")
    func content() async throws {
        try await withCatalog { test in
            #expect(try await test.push(9, contentIsPresent: true) == .contentGone)
            #expect(try await !test.catalog.hasRepository(test.name()))
            _ = try await test.push(9)
            let keys = try await test.catalog.staged(after: nil, limit: 9).map(\.key)
            try await test.catalog.markSettled(keys)
            #expect(try await test.push(9, contentIsPresent: true) == .stored(isNew: false))
            try await test.run("UPDATE blob SET state = 2")
            #expect(try await test.push(9, contentIsPresent: true) == .contentGone)
            #expect(try await test.push(9) == .stored(isNew: true))
        }
    }

    @Test("entries of an index may be manifests or blobs; sparse ones may be missing, their layers never")
    func indexes() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            _ = try await test.push(2, references: [1])
            #expect(try await test.push(9, entries: [1, 2]) == .stored(isNew: true))
            #expect(try await test.push(8, entries: [2, 5]) == .missing([digest(5)]))
            #expect(try await test.push(8, entries: [2, 5], sparse: true) == .stored(isNew: true))
            #expect(try await test.push(7, references: [5], sparse: true) == .missing([digest(5)]))
        }
    }

    @Test("the type is the last one pushed")
    func type() async throws {
        try await withCatalog { test in
            _ = try await test.push(9, type: .ociManifest, tags: ["a"])
            #expect(try await test.catalog.manifest(test.tag("a"), in: test.name())?.type == .ociManifest)
            _ = try await test.push(9, type: .dockerManifest)
            #expect(test.catalog.cachedManifest(try test.tag("a"), in: try test.name())?.type == .dockerManifest)
            #expect(try await test.catalog.manifest(test.tag("a"), in: test.name())?.type == .dockerManifest)
        }
    }

    @Test("indexes nest eight deep, from below and from above")
    func depth() async throws {
        try await withCatalog { test in
            _ = try await test.push(100)
            for level in 1...8 {
                #expect(try await test.push(100 + level, entries: [100 + level - 1]) == .stored(isNew: true))
            }
            #expect(try await test.push(109, entries: [108]) == .tooDeep)
            #expect(try await !test.isThere(109))

            // Sparse: the parents come first.
            for level in stride(from: 8, through: 2, by: -1) {
                #expect(
                    try await test.push(200 + level, entries: [200 + level - 1], sparse: true) == .stored(isNew: true))
            }
            #expect(try await test.push(201, entries: [100]) == .stored(isNew: true))
            let depths = try await test.count(
                "SELECT max(depth) FROM manifest WHERE digest = ?", [.digest(digest(208))])
            #expect(depths == 8)
            _ = try await test.push(309, entries: [308], sparse: true)
            for level in stride(from: 308, through: 302, by: -1) {
                _ = try await test.push(level, entries: [level - 1], sparse: true)
            }
            #expect(try await test.push(301, entries: [100]) == .tooDeep)
        }
    }

    @Test("ten thousand references, many of them the same")
    func many() async throws {
        try await withCatalog { test in
            for number in 0..<50 { try await test.pushBlob(number) }
            let references = (0..<10_000).map { $0 % 50 }
            #expect(try await test.push(99, references: references) == .stored(isNew: true))
            #expect(try await test.count("SELECT count(*) FROM manifest_reference") == 10_000)
            #expect(try await test.delete(99) == .deleted(tags: []))
        }
    }
}

@Suite("Tags and their history")
struct TagTests {
    @Test("a condition is evaluated in the transaction that writes", arguments: [0, 1, 2, 3, 4])
    func conditions(index: Int) async throws {
        try await withCatalog { test in
            let (condition, onAbsent, onFirst): (TagCondition, Bool, Bool) = [
                (.none, true, true), (.absent, true, false), (.exists, false, true),
                (.matches([digest(7), digest(1)]), false, true), (.matches([digest(7)]), false, false),
            ][index]
            let absent = try await test.push(1, tags: ["t"], condition: condition)
            #expect(absent == (onAbsent ? .stored(isNew: true) : .conditionFailed(current: nil)))
            #expect(try await test.catalog.hasRepository(test.name()) == onAbsent)
            if !onAbsent { _ = try await test.push(1, tags: ["t"]) }
            let present = try await test.push(2, tags: ["t"], condition: condition)
            #expect(present == (onFirst ? .stored(isNew: true) : .conditionFailed(current: digest(1))))
            #expect(try await test.points("t") == (onFirst ? digest(2) : digest(1)))

            let current = onFirst ? digest(2) : digest(1)
            let deletion = try await test.catalog.deleteTag(
                test.tag("t"), in: test.name(), condition: condition, by: alice)
            let holds = condition.holds(for: current)
            #expect(deletion == (holds ? .deleted(current) : .conditionFailed(current: current)))
        }
    }

    @Test("of many who move a tag at once on a condition, one wins")
    func race() async throws {
        try await withCatalog { test in
            for number in 1...20 { _ = try await test.push(number) }
            let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 1...20 {
                    group.addTask {
                        try await test.push(number, tags: ["t"], condition: .absent) == .stored(isNew: false)
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(wins == 1)
            #expect(try await test.count("SELECT count(*) FROM tag_history") == 1)
        }
    }

    @Test("every move and deletion is written down with who and when")
    func history() async throws {
        try await withCatalog { test in
            let start = test.clock.wall()
            _ = try await test.push(1, tags: ["t"])
            test.clock.pass(10)
            _ = try await test.push(2, tags: ["t"])
            test.clock.pass(10)
            _ = try await test.push(2, tags: ["t"])
            _ = try await test.catalog.deleteTag(test.tag("t"), in: test.name(), by: .anonymous)
            test.clock.pass(10)
            _ = try await test.push(1, tags: ["t"])
            _ = try await test.delete(1)
            let history = try await test.catalog.history(of: test.tag("t"), in: test.name(), limit: 99)
            #expect(history.map(\.at) == [30, 30, 20, 10, 0].map { start + $0 })
            #expect(history.map(\.principal) == [alice, alice, .anonymous, alice, alice])
            #expect(history.map(\.old) == [digest(1), nil, digest(2), digest(1), nil])
            #expect(history.map(\.new) == [nil, digest(1), nil, digest(2), digest(1)])
        }
    }

    @Test("deleting a tag leaves its manifest")
    func delete() async throws {
        try await withCatalog { test in
            _ = try await test.push(1, tags: ["t", "u"])
            let (tag, name) = (try test.tag("t"), try test.name())
            #expect(
                try await test.catalog.deleteTag(tag, in: test.name("no/such"), by: alice) == .unknownRepository)
            #expect(try await test.catalog.deleteTag(tag, in: name, by: alice) == .deleted(digest(1)))
            #expect(try await test.catalog.deleteTag(tag, in: name, by: alice) == .unknownTag)
            #expect(
                try await test.catalog.deleteTag(tag, in: name, condition: .exists, by: alice)
                    == .conditionFailed(current: nil))
            #expect(try await test.points("u") == digest(1))
            #expect(try await test.isThere(1))
        }
    }

    @Test("events tell of every change, in the transaction of the change")
    func events() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            _ = try await test.push(2, references: [1], tags: ["t"])
            _ = try await test.catalog.mount(digest(1), from: test.name(), to: test.name("b/b"), by: alice)
            _ = try await test.catalog.deleteTag(test.tag("t"), in: test.name(), by: alice)
            _ = try await test.delete(2)
            _ = try await test.catalog.deleteBlob(digest(1), in: test.name(), referencedAllowed: false, by: alice)
            let events = try await test.catalog.events(after: 0, limit: 99)
            #expect(events.map(\.kind) == [.pushed, .tagged, .mounted, .deleted, .deleted, .deleted])
            #expect(events.map(\.tag?.text) == [nil, "t", nil, "t", nil, nil])
            #expect(events.map(\.digest) == [2, 2, 1, 2, 2, 1].map(digest))
            #expect(events.allSatisfy { $0.principal == alice })
            #expect(try await test.catalog.pruneEvents(keeping: 2) == 4)
            #expect(try await test.catalog.events(after: 0, limit: 99).count == 2)
        }
    }
}
