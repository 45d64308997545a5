import BerthModel
import Testing

@testable import BerthCatalog

@Suite("What is remembered")
struct CacheTests {
    @Test("a value read before an invalidation is not kept after it (C4)")
    func generations() {
        let cache = CoherentCache<Int, String>(entries: 100)
        let token = cache.token(for: 1)
        cache.invalidate(1)
        cache.offer("old", for: 1, since: token)
        #expect(cache[1] == nil)
        cache.offer("new", for: 1, since: cache.token(for: 1))
        #expect(cache[1] == "new")
        cache.invalidateAll()
        #expect(cache[1] == nil)
    }

    @Test("it is bounded, and what is used stays longer")
    func bounded() {
        let cache = CoherentCache<Int, Int>(entries: 160, shards: 1)
        for number in 0..<10_000 {
            cache.offer(number, for: number, since: cache.token(for: number))
            #expect(cache[0] == 0)
        }
        let kept = (0..<10_000).filter { cache[$0] != nil }
        #expect(kept.count <= 160 && kept.count >= 80)
    }

    @Test("a table holds what a dictionary holds, whatever came and went, also where hashes are alike")
    func table() {
        var random = SeededGenerator(seed: 7)
        for spread in [1, 7, 1 << 20] as [UInt] {
            var table = ClockTable<Int, Int>(most: 200)
            var model: [Int: Int] = [:]
            func hash(_ key: Int) -> UInt { UInt(key) % spread }
            for step in 0..<20_000 {
                let key = Int(random.next() % 180)
                switch random.next() % 4 {
                case 0:
                    table.remove(key, hash: hash(key))
                    model[key] = nil
                case 1:
                    table.insert(step, for: key, hash: hash(key))
                    model[key] = step
                default: #expect(table.value(for: key, hash: hash(key)) == model[key])
                }
                #expect(table.count == model.count)
            }
        }
    }

    @Test("a full table forgets those that nobody asked for")
    func forgetting() {
        var table = ClockTable<Int, Int>(most: 100)
        let hot = 0..<50
        for key in hot { table.insert(key, for: key, hash: UInt(key) &* 0x9E37_79B9) }
        for key in 1_000..<3_000 {
            if key % 20 == 0 { for key in hot { _ = table.value(for: key, hash: UInt(key) &* 0x9E37_79B9) } }
            table.insert(key, for: key, hash: UInt(key) &* 0x9E37_79B9)
            #expect(table.count <= 100)
        }
        #expect(hot.allSatisfy { table.value(for: $0, hash: UInt($0) &* 0x9E37_79B9) == $0 })
    }

    @Test("pulls are answered from memory, until a write says otherwise")
    func pulls() async throws {
        try await withCatalog(settings: .cachesAlone) { test in
            try await test.pushBlob(1)
            _ = try await test.push(2, references: [1], tags: ["t"])
            let (name, tag) = (try test.name(), try test.tag("t"))
            #expect(test.catalog.cachedManifest(tag, in: name) == nil)
            _ = try await test.catalog.manifest(tag, in: name)
            #expect(test.catalog.cachedManifest(tag, in: name)?.digest == digest(2))
            #expect(test.catalog.cachedManifest(digest(2), in: name)?.digest == digest(2))
            #expect(test.catalog.cachedManifest(digest(2), in: try test.name("b/b")) == nil)

            _ = try await test.catalog.blob(digest(1), in: name)
            #expect(test.catalog.cachedBlob(digest(1), in: name) == nil, "it has not settled")
            let keys = try await test.catalog.staged(after: nil, limit: 9).map(\.key)
            try await test.catalog.markSettled(keys)
            _ = try await test.catalog.blob(digest(1), in: name)
            #expect(test.catalog.cachedBlob(digest(1), in: name)?.size == 10)
            #expect(test.catalog.cachedBlob(digest(1), in: try test.name("b/b")) == nil)

            _ = try await test.push(3, tags: ["t"])
            #expect(test.catalog.cachedManifest(tag, in: name) == nil)
            _ = try await test.catalog.manifest(tag, in: name)
            #expect(test.catalog.cachedManifest(tag, in: name)?.digest == digest(3))
            _ = try await test.catalog.deleteTag(tag, in: name, by: alice)
            #expect(test.catalog.cachedManifest(tag, in: name) == nil)
            _ = try await test.delete(2)
            #expect(test.catalog.cachedManifest(digest(2), in: name) == nil)
            _ = try await test.catalog.deleteBlob(digest(1), in: name, referencedAllowed: false, by: alice)
            #expect(test.catalog.cachedBlob(digest(1), in: name) == nil)
        }
    }

    @Test("a deleted blob is readable nowhere it was deleted, although it is elsewhere (CVE-2026-35172)")
    func membership() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            try await test.pushBlob(1, to: "b/b")
            let keys = try await test.catalog.staged(after: nil, limit: 9).map(\.key)
            try await test.catalog.markSettled(keys)
            for name in ["library/box", "b/b"] {
                _ = try await test.catalog.blob(digest(1), in: test.name(name))
                #expect(test.catalog.cachedBlob(digest(1), in: try test.name(name)) != nil)
            }
            _ = try await test.catalog.deleteBlob(digest(1), in: test.name(), referencedAllowed: false, by: alice)
            #expect(test.catalog.cachedBlob(digest(1), in: try test.name()) == nil)
            #expect(try await test.catalog.blob(digest(1), in: test.name()) == nil)
            #expect(test.catalog.cachedBlob(digest(1), in: try test.name("b/b")) != nil)
        }
    }

    @Test("whoever moves a tag sees the new one at once, while many read (C4)")
    func coherence() async throws {
        try await withCatalog { test in
            for number in 0..<8 { _ = try await test.push(number) }
            let name = try test.name()
            let isOver = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<4 {
                    let tag = try test.tag("t\(worker)")
                    for _ in 0..<3 {
                        group.addTask {
                            while !isOver.isSet {
                                _ = test.catalog.cachedManifest(tag, in: name)
                                _ = try await test.catalog.manifest(tag, in: name)
                            }
                        }
                    }
                }
                try await withThrowingTaskGroup(of: Void.self) { writers in
                    for worker in 0..<4 {
                        let tag = try test.tag("t\(worker)")
                        writers.addTask {
                            for round in 0..<150 {
                                let number = (round + worker) % 8
                                _ = try await test.push(number, tags: [tag.text])
                                let cached = test.catalog.cachedManifest(tag, in: name)
                                #expect(cached == nil || cached?.digest == digest(number))
                                let read = try await test.catalog.manifest(tag, in: name)
                                #expect(read?.digest == digest(number))
                                if round % 10 == 9 {
                                    _ = try await test.catalog.deleteTag(tag, in: name, by: alice)
                                    #expect(test.catalog.cachedManifest(tag, in: name) == nil)
                                }
                            }
                        }
                    }
                    try await writers.waitForAll()
                }
                isOver.set()
                try await group.waitForAll()
            }
        }
    }
}
