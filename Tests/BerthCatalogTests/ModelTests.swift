import BerthModel
import Testing

@testable import BerthCatalog

/// Two repositories as a few dictionaries, which everybody can check by reading.
private struct Model {
    struct Manifest {
        var references: [Int]
        var entries: [Int]
        var subject: Int?
        var isRoot = false
        var isDeleted = false
    }
    struct Repository {
        var blobs: Set<Int> = []
        var manifests: [Int: Manifest] = [:]
        var tags: [String: Int] = [:]

        func has(_ number: Int) -> Bool { blobs.contains(number) || isThere(number) }
        func isThere(_ number: Int) -> Bool { manifests[number].map { !$0.isDeleted } ?? false }
        func holders(of number: Int) -> [Int] {
            manifests.filter { !$0.value.isDeleted && ($0.value.references + $0.value.entries).contains(number) }
                .keys.sorted()
        }

        mutating func delete(_ number: Int) {
            var leaving = [number]
            manifests[number]?.isDeleted = true
            while let next = leaving.popLast() {
                tags = tags.filter { $0.value != next }
                guard let manifest = manifests[next] else { continue }
                let attached = manifests.filter { $0.value.subject == next }.keys
                for candidate in Set(manifest.entries).union(attached).sorted() {
                    guard let other = manifests[candidate], !other.isDeleted, !other.isRoot else { continue }
                    guard holders(of: candidate).isEmpty else { continue }
                    if let subject = other.subject, isThere(subject) { continue }
                    manifests[candidate]?.isDeleted = true
                    leaving.append(candidate)
                }
            }
        }
    }
    var repositories: [String: Repository] = [:]
}

@Suite("The catalog against a model of it")
struct ModelTests {
    private static let names = ["a/one", "b/two"]
    private static let tags = ["t0", "t1", "t2", "t3"]

    @Test("random pushes, moves, mounts and deletions give what the model gives", arguments: 0..<12)
    func random(seed: Int) async throws {
        try await withCatalog { test in
            var random = SeededGenerator(seed: UInt64(seed))
            var model = Model()
            for step in 0..<250 {
                let comment = Comment("seed \(seed), step \(step)")
                try await self.step(test, &model, &random, comment)
                if step % 25 == 24 { try await compare(test, model, comment) }
            }
        }
    }

    // Blobs are 0..<10, images 10..<20, indexes 20..<30, referrers 30..<40: a number always means the same document.
    private func manifest(_ number: Int) -> Model.Manifest {
        var fixed = SeededGenerator(seed: UInt64(number))
        func some(_ range: Range<Int>, _ random: inout SeededGenerator) -> [Int] {
            (0..<Int.random(in: 1...3, using: &random)).map { _ in Int.random(in: range, using: &random) }
        }
        switch number {
        case 10..<20: return Model.Manifest(references: some(0..<10, &fixed), entries: [])
        case 20..<30: return Model.Manifest(references: [], entries: some(10..<max(11, number), &fixed))
        default:
            return Model.Manifest(
                references: some(0..<10, &fixed), entries: [], subject: Int.random(in: 10..<number, using: &fixed))
        }
    }

    private func step(
        _ test: TestCatalog, _ model: inout Model, _ random: inout SeededGenerator, _ comment: Comment
    ) async throws {
        let name = Self.names[Int.random(in: 0..<2, using: &random)]
        let known = model.repositories[name]
        var repository = known ?? Model.Repository()
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<5:
            let number = Int.random(in: 0..<10, using: &random)
            _ = try await test.pushBlob(number, to: name)
            repository.blobs.insert(number)
            model.repositories[name] = repository
        case 5..<13:
            let number = Int.random(in: 10..<40, using: &random)
            var new = manifest(number)
            let count = Int.random(in: 0..<3, using: &random)
            let tags = Self.tags.shuffled(using: &random).prefix(count)
            let outcome = try await test.push(
                number, references: new.references, entries: new.entries, subject: new.subject, tags: Array(tags),
                to: name)
            let missing = (new.references + new.entries).filter { !repository.has($0) }
            guard missing.isEmpty else {
                var seen: Set<Int> = []
                let once = missing.filter { seen.insert($0).inserted }.map(digest)
                return #expect(outcome == .missing(once), comment)
            }
            guard case .stored = outcome else { throw TestFailure("\(outcome), \(comment)") }
            new.isRoot = !tags.isEmpty || repository.manifests[number]?.isRoot ?? false
            repository.manifests[number] = new
            for tag in tags { repository.tags[tag] = number }
            model.repositories[name] = repository
        case 13..<15:
            let tag = Self.tags[Int.random(in: 0..<4, using: &random)]
            let outcome = try await test.catalog.deleteTag(test.tag(tag), in: test.name(name), by: alice)
            let target = repository.tags.removeValue(forKey: tag)
            #expect(
                outcome == (known == nil ? .unknownRepository : target.map { .deleted(digest($0)) } ?? .unknownTag),
                comment)
            if known != nil { model.repositories[name] = repository }
        case 15..<18:
            let number = Int.random(in: 10..<40, using: &random)
            let allowed = Int.random(in: 0..<3, using: &random) == 0
            let outcome = try await test.delete(number, in: name, allowed: allowed)
            let holders = repository.holders(of: number)
            let tags = repository.tags.filter { $0.value == number }.keys
            switch outcome {
            case .unknownRepository: #expect(known == nil, comment)
            case .protected: Issue.record("nothing is protected")
            case .unknownManifest: #expect(known != nil && !repository.isThere(number), comment)
            case .referenced(let by): #expect(!allowed && Set(by) == Set(holders.map(digest)), comment)
            case .refused(let refusal): Issue.record("there are no rules: \(refusal) \(comment)")
            case .deleted(let gone):
                #expect(repository.isThere(number) && (allowed || holders.isEmpty), comment)
                #expect(Set(gone.map(\.text)).isSuperset(of: tags), comment)
                repository.delete(number)
                model.repositories[name] = repository
            }
        case 18:
            let number = Int.random(in: 0..<10, using: &random)
            let outcome = try await test.catalog.deleteBlob(
                digest(number), in: test.name(name), referencedAllowed: false, by: alice)
            let holders = repository.holders(of: number)
            switch outcome {
            case .unknownRepository: #expect(known == nil, comment)
            case .protected: Issue.record("nothing is protected")
            case .unknownBlob: #expect(known != nil && !repository.blobs.contains(number), comment)
            case .referenced(let by): #expect(Set(by) == Set(holders.map(digest)) && !holders.isEmpty, comment)
            case .deleted:
                #expect(repository.blobs.contains(number) && holders.isEmpty, comment)
                repository.blobs.remove(number)
                model.repositories[name] = repository
            }
        default:
            let number = Int.random(in: 0..<10, using: &random)
            let source = Self.names[name == Self.names[0] ? 1 : 0]
            let size = try await test.catalog.mount(
                digest(number), from: test.name(source), to: test.name(name), by: alice)
            let isThere = model.repositories[source]?.blobs.contains(number) ?? false
            #expect((size != nil) == isThere, comment)
            if isThere {
                repository.blobs.insert(number)
                model.repositories[name] = repository
            }
        }
    }

    private func compare(_ test: TestCatalog, _ model: Model, _ comment: Comment) async throws {
        for name in Self.names {
            let repository = model.repositories[name]
            let stored = try await test.catalog.tags(in: test.name(name), after: nil, limit: 99)?.map(\.text)
            #expect(stored == repository.map { $0.tags.keys.sorted() }, comment)
            guard let repository else { continue }
            for tag in Self.tags {
                let target = try await test.points(tag, in: name)
                #expect(target == repository.tags[tag].map(digest), comment)
            }
            for number in 0..<40 {
                let isThere = try await test.isThere(number, in: name)
                #expect(isThere == repository.isThere(number), comment)
                let blob = try await test.catalog.blob(digest(number), in: test.name(name))
                #expect((blob != nil) == repository.has(number), comment)
            }
            for subject in 10..<40 {
                let list = try await test.catalog.referrers(
                    of: digest(subject), in: test.name(name), artifactTypes: [], after: nil, limit: 99)
                let expected = repository.manifests.filter { !$0.value.isDeleted && $0.value.subject == subject }.keys
                #expect(Set(list.map(\.digest)) == Set(expected.map(digest)), comment)
            }
        }
        // What a visible manifest needs is content that is live (G1).
        let broken = try await test.count(
            """
            SELECT count(*) FROM manifest m
            JOIN manifest_reference e ON e.manifest_id = m.id
            LEFT JOIN blob b ON b.id = e.blob_id
            WHERE m.deleted_at IS NULL AND (b.id IS NULL OR b.state <> 0)
            """)
        #expect(broken == 0, comment)
        let miscounted = try await test.count(
            """
            SELECT count(*) FROM repository r
            WHERE manifests <> (SELECT count(*) FROM manifest m WHERE m.repository_id = r.id AND m.deleted_at IS NULL)
            """)
        #expect(miscounted == 0, comment)
        let totals = try await test.catalog.totals()
        let counted = try await test.catalog.database.read { transaction throws(CatalogError) in
            try Totals(counting: transaction)
        }
        #expect(totals == counted, comment)
    }
}
