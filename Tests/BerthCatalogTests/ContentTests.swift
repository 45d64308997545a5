import BerthModel
import Testing

@testable import BerthCatalog

@Suite("Blobs")
struct BlobTests {
    @Test("a committed blob is visible in its repository and nowhere else")
    func visibility() async throws {
        try await withCatalog { test in
            #expect(try await test.pushBlob(1) == .committed(isNew: true))
            let fact = try await test.catalog.blob(digest(1), in: test.name())
            #expect(
                fact
                    == BlobFact(digest: digest(1), size: 10, state: .live, isDamaged: false, staged: .bytes))
            try await test.pushBlob(2, to: "other/box")
            #expect(try await test.catalog.blob(digest(1), in: test.name("other/box")) == nil)
            #expect(try await test.catalog.blob(digest(1), in: test.name("no/such")) == nil)
            #expect(try await test.catalog.hasRepository(test.name()))
            #expect(try await !test.catalog.hasRepository(test.name("no/such")))
            #expect(try await test.catalog.stagedBytes(digest(1)) == [UInt8](repeating: 1, count: 10))
            #expect(try await test.catalog.stagedBytes(digest(9)) == nil)
        }
    }

    @Test("content that is there is not staged again, whoever brings it")
    func again() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            #expect(try await test.pushBlob(1) == .committed(isNew: false))
            #expect(try await test.pushBlob(1, to: "other/box") == .committed(isNew: false))
            let totals = try await test.catalog.totals()
            #expect(totals.blobs == 1 && totals.bytes == 10 && totals.staged == 1 && totals.repositories == 2)
        }
    }

    @Test("settling ends the staging that was settled, not one that came later (B4)")
    func settling() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            let row = try #require(try await test.catalog.staged(after: nil, limit: 10).first)
            #expect(row.digest == digest(1) && row.size == 10)
            #expect(row.content == .bytes([UInt8](repeating: 1, count: 10)))
            try await test.catalog.markSettled([row.key])
            #expect(try await test.catalog.staged(after: nil, limit: 10).isEmpty)
            #expect(try await test.catalog.blob(digest(1), in: test.name())?.staged == nil)
            #expect(try await test.catalog.totals().stagedBytes == 0)

            // Found missing, pushed anew: the old key is worth nothing.
            #expect(try await test.catalog.reportDamage(digest(1), at: .settled))
            #expect(try await test.pushBlob(1) == .committed(isNew: true))
            try await test.catalog.markSettled([row.key])
            let anew = try await test.catalog.staged(after: nil, limit: 10)
            #expect(anew.count == 1 && anew.first?.key != row.key)
        }
    }

    @Test("who settles reads bytes that were staged a moment ago from memory, others from the row")
    func stagedLately() async throws {
        let folder = try TemporaryFolder()
        let test = try await openCatalog(in: folder)
        try await test.pushBlob(1)
        let bytes = [UInt8](repeating: 1, count: 10)
        #expect(test.catalog.caches.staged.bytes(of: digest(1)) == bytes)
        // The row says something else, so that one sees who is asked.
        _ = try await test.catalog.write { transaction, _ throws(CatalogError) in
            try transaction.execute("UPDATE blob_staging SET bytes = x'00'", [])
        }
        #expect(try await test.catalog.staged(after: nil, limit: 1).first?.content == .bytes(bytes))
        try await test.catalog.close()

        let anew = try await openCatalog(in: folder)
        let row = try #require(try await anew.catalog.staged(after: nil, limit: 1).first)
        #expect(row.content == .bytes([0]))
        try await anew.catalog.close()
    }

    @Test("bytes that were staged a moment ago are kept until they have settled, and not where nothing was committed")
    func stagedLatelyEnds() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            try await test.catalog.markSettled(try await test.catalog.staged(after: nil, limit: 1).map(\.key))
            #expect(test.catalog.caches.staged.bytes(of: digest(1)) == nil)

            await #expect(throws: CatalogError.noSpace) {
                try await test.catalog.write { transaction, changes throws(CatalogError) in
                    _ = try transaction.ensure(digest(2), size: 1, .bytes([2]), at: 0, &changes)
                    throw CatalogError.noSpace
                }
            }
            #expect(test.catalog.caches.staged.bytes(of: digest(2)) == nil)
            #expect(try await test.catalog.content(digest(2)) == nil)
        }
    }

    @Test("no more is kept of what was staged than there is room for")
    func stagedLatelyIsBounded() {
        let lately = StagedLately(capacity: 10)
        lately.note(unstaged: [], staged: [(digest(1), [1, 1, 1, 1, 1, 1]), (digest(2), [2, 2, 2, 2, 2])])
        #expect(lately.bytes(of: digest(1)) != nil && lately.bytes(of: digest(2)) == nil)
        // What is staged anew in the commit that ended its staging stays.
        lately.note(unstaged: [digest(1)], staged: [(digest(1), [1, 1, 1]), (digest(2), [2, 2, 2, 2, 2, 2, 2])])
        #expect(lately.bytes(of: digest(1)) == [1, 1, 1] && lately.bytes(of: digest(2))?.count == 7)
        lately.note(
            unstaged: [digest(1), digest(2), digest(3)], staged: [(digest(3), [UInt8](repeating: 3, count: 10))])
        #expect(lately.bytes(of: digest(1)) == nil && lately.bytes(of: digest(3))?.count == 10)
    }

    @Test("staged content comes in pages by digest")
    func stagedPages() async throws {
        try await withCatalog { test in
            for number in 0..<7 { try await test.pushBlob(number) }
            var seen: [Digest] = []
            var last: Digest?
            while true {
                let page = try await test.catalog.staged(after: last, limit: 3)
                guard let end = page.last else { break }
                seen += page.map(\.digest)
                last = end.digest
            }
            #expect(seen == (0..<7).map(digest))
        }
    }

    @Test("a sealed file is content until it has settled")
    func sealed() async throws {
        try await withCatalog { test in
            let outcome = try await test.catalog.commitBlob(
                BlobCommit(
                    repository: test.name(), digest: digest(1), size: 99, content: .sealed(upload(1)),
                    upload: upload(1), principal: alice))
            #expect(outcome == .committed(isNew: true))
            #expect(try await test.catalog.blob(digest(1), in: test.name())?.staged == .sealed(upload(1)))
            #expect(try await test.catalog.stagedBytes(digest(1)) == nil)
            #expect(try await test.catalog.totals().stagedBytes == 0)
            #expect(try await test.catalog.staged(after: nil, limit: 1).first?.content == .sealed(upload(1)))
        }
    }

    @Test("presence that was only seen on disk counts if the catalog agrees", arguments: [0, 1, 2])
    func presentAndGood(state: Int) async throws {
        try await withCatalog { test in
            let claim = BlobCommit(
                repository: try test.name("new/box"), digest: digest(1), size: 10, content: .presentAndGood,
                upload: nil, principal: alice)
            #expect(try await test.catalog.commitBlob(claim) == .contentGone)
            #expect(try await !test.catalog.hasRepository(test.name("new/box")))
            try await test.pushBlob(1)
            let keys = try await test.catalog.staged(after: nil, limit: 1).map(\.key)
            try await test.catalog.markSettled(keys)
            try await test.run("UPDATE blob SET state = ?", [.integer(Int64(state))])
            let isGone = state == BlobState.sweeping.rawValue
            #expect(try await test.catalog.commitBlob(claim) == (isGone ? .contentGone : .committed(isNew: false)))
            #expect(try await test.catalog.content(digest(1))?.state == (isGone ? .sweeping : .live))
        }
    }

    @Test("an upload of sweeping or doomed content wins (G2, G3)", arguments: [1, 2])
    func uploadWins(state: Int64) async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            let keys = try await test.catalog.staged(after: nil, limit: 1).map(\.key)
            try await test.catalog.markSettled(keys)
            try await test.run("UPDATE blob SET state = ?", [.integer(state)])
            if state == 2 { #expect(try await test.catalog.blob(digest(1), in: test.name()) == nil) }
            // New bytes are staged: whatever lies under blobs/ may be unlinked at any moment.
            #expect(try await test.pushBlob(1) == .committed(isNew: true))
            let fact = try await test.catalog.content(digest(1))
            #expect(fact?.state == .live && fact?.staged == .bytes)
        }
    }

    @Test("damage is reported once, hides nothing from the facts, and is healed by any upload (B9)")
    func damage() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            #expect(try await !test.catalog.reportDamage(digest(1), at: .settled), "the bytes are in the row")
            let keys = try await test.catalog.staged(after: nil, limit: 1).map(\.key)
            try await test.catalog.markSettled(keys)
            _ = try await test.catalog.blob(digest(1), in: test.name())
            #expect(test.catalog.cachedBlob(digest(1), in: try test.name()) != nil)
            #expect(try await test.catalog.reportDamage(digest(1), at: .settled))
            #expect(try await !test.catalog.reportDamage(digest(1), at: .settled))
            #expect(test.catalog.cachedBlob(digest(1), in: try test.name()) == nil)
            #expect(try await test.catalog.blob(digest(1), in: test.name())?.isDamaged == true)
            #expect(try await test.catalog.mount(digest(1), from: test.name(), to: test.name("a/b"), by: alice) == nil)
            #expect(try await test.push(2, references: [1]) == .missing([digest(1)]))
            #expect(try await test.pushBlob(1, to: "other/box") == .committed(isNew: true))
            #expect(try await test.catalog.blob(digest(1), in: test.name())?.isDamaged == false)
            #expect(try await test.push(2, references: [1]) == .stored(isNew: true))
        }
    }

    @Test("reviving touches doomed content alone")
    func revive() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1)
            for (before, after) in [(0, BlobState.live), (1, .live), (2, .sweeping)] {
                try await test.run("UPDATE blob SET state = ?", [.integer(Int64(before))])
                _ = try await test.catalog.revive(digest(1), in: test.name())
                #expect(try await test.catalog.content(digest(1))?.state == after)
            }
            try await test.run("UPDATE blob SET state = 1")
            _ = try await test.catalog.revive(digest(1), in: test.name("other/box"))
            #expect(try await test.catalog.content(digest(1))?.state == .doomed)
        }
    }

    @Test("staged bytes are bounded; what needs no staging goes on (C5)")
    func overfull() async throws {
        var settings = CatalogSettings()
        settings.stagedBytes = 25
        try await withCatalog(settings: settings) { test in
            try await test.pushBlob(1)
            try await test.pushBlob(2)
            await #expect(throws: CatalogError.unavailable("too much content waits to be settled")) {
                try await test.pushBlob(3)
            }
            let sealed = BlobCommit(
                repository: try test.name(), digest: digest(4), size: 1 << 40, content: .sealed(upload(4)),
                upload: nil, principal: alice)
            #expect(try await test.catalog.commitBlob(sealed) == .committed(isNew: true))
            let keys = try await test.catalog.staged(after: nil, limit: 9).map(\.key)
            try await test.catalog.markSettled(keys)
            #expect(try await test.pushBlob(3) == .committed(isNew: true))
        }
    }
}

@Suite("Mounting")
struct MountTests {
    @Test("links content that the source has, and only that")
    func mount() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1, to: "a/source")
            let (from, to) = (try test.name("a/source"), try test.name("b/target"))
            #expect(try await test.catalog.mount(digest(2), from: from, to: to, by: alice) == nil)
            #expect(try await test.catalog.mount(digest(1), from: test.name("no/such"), to: to, by: alice) == nil)
            #expect(try await !test.catalog.hasRepository(to))
            #expect(try await test.catalog.mount(digest(1), from: from, to: to, by: alice) == 10)
            #expect(try await test.catalog.mount(digest(1), from: from, to: to, by: alice) == 10)
            #expect(try await test.catalog.blob(digest(1), in: to)?.size == 10)
            #expect(try await test.count("SELECT count(*) FROM event WHERE kind = 1") == 2)
        }
    }

    @Test("the lease of a mount counts from now, and doomed content is live again (G2)")
    func lease() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1, to: "a/source")
            test.clock.pass(1_000)
            try await test.run("UPDATE blob SET state = 1")
            let to = try test.name("b/target")
            #expect(try await test.catalog.mount(digest(1), from: test.name("a/source"), to: to, by: alice) == 10)
            #expect(try await test.catalog.content(digest(1))?.state == .live)
            #expect(try await test.count("SELECT max(leased_at) FROM repository_blob") == 1_000)
            try await test.run("UPDATE blob SET state = 2")
            #expect(try await test.catalog.mount(digest(1), from: to, to: test.name("c/third"), by: alice) == nil)
        }
    }

    @Test("sources are those that hold the blob visibly, at most so many")
    func sources() async throws {
        try await withCatalog { test in
            for name in ["z/one", "a/two", "m/three"] { try await test.pushBlob(1, to: name) }
            _ = try await test.push(1, to: "z/one")  // the same bytes, as a manifest too
            let sources = try await test.catalog.mountSources(of: digest(1))
            #expect(sources.map(\.name.text) == ["z/one", "a/two", "m/three"])
            let first = try await test.catalog.mountSources(of: digest(1), limit: 2)
            #expect(first.map(\.name.text) == ["z/one", "a/two"])
            let rest = try await test.catalog.mountSources(of: digest(1), after: first.last)
            #expect(rest.map(\.name.text) == ["m/three"])
            _ = try await test.catalog.deleteBlob(
                digest(1), in: test.name("a/two"), referencedAllowed: false, by: alice)
            #expect(try await test.catalog.mountSources(of: digest(1)).map(\.name.text) == ["z/one", "m/three"])
            #expect(try await test.catalog.mountSources(of: digest(5)).isEmpty)
        }
    }
}

@Suite("Uploads")
struct UploadTests {
    @Test("a commit ends its upload, and the end is remembered (B8)")
    func end() async throws {
        try await withCatalog { test in
            let name = try test.name()
            test.catalog.noteUpload(upload(1), repository: name, principal: alice)
            let commit = BlobCommit(
                repository: name, digest: digest(1), size: 10, content: .bytes([UInt8](repeating: 1, count: 10)),
                upload: upload(1), principal: alice)
            #expect(try await test.catalog.commitBlob(commit) == .committed(isNew: true))
            let fact = UploadFact(
                id: upload(1), repository: name, principal: alice, outcome: .committed(digest(1)))
            #expect(try await test.catalog.upload(upload(1)) == fact)
            #expect(try await test.catalog.commitBlob(commit) == .uploadEnded(fact))
            // A late note opens nothing.
            test.catalog.noteUpload(upload(1), repository: name, principal: alice)
            try await test.catalog.cancelUpload(upload(1), repository: name, principal: alice)
            #expect(try await test.catalog.upload(upload(1)) == fact)
            #expect(try await test.catalog.totals().openUploads == 0)
        }
    }

    @Test("a cancelled upload is over; one without a row can be cancelled too")
    func cancel() async throws {
        try await withCatalog { test in
            let name = try test.name()
            for (number, isNoted) in [(1, true), (2, false)] {
                if isNoted { test.catalog.noteUpload(upload(number), repository: name, principal: .anonymous) }
                try await test.catalog.cancelUpload(upload(number), repository: name, principal: .anonymous)
                let fact = UploadFact(
                    id: upload(number), repository: name, principal: .anonymous, outcome: .cancelled)
                #expect(try await test.catalog.upload(upload(number)) == fact)
                let late = BlobCommit(
                    repository: name, digest: digest(1), size: 1, content: .bytes([1]), upload: upload(number),
                    principal: .anonymous)
                #expect(try await test.catalog.commitBlob(late) == .uploadEnded(fact))
            }
            #expect(try await test.catalog.upload(upload(3)) == nil)
            #expect(try await !test.catalog.hasRepository(name))
            #expect(try await test.catalog.totals().openUploads == 0)
        }
    }

    @Test("a note goes with the next commit, or by itself after a while")
    func note() async throws {
        var settings = CatalogSettings()
        settings.lazyDelay = .milliseconds(1)
        try await withCatalog(settings: settings) { test in
            test.catalog.noteUpload(upload(1), repository: try test.name(), principal: alice)
            while try await test.catalog.upload(upload(1)) == nil { await Task.yield() }
            #expect(try await test.catalog.upload(upload(1))?.isOpen == true)
            #expect(try await test.catalog.totals().openUploads == 1)
        }
        settings.lazyDelay = .seconds(3_600)
        settings.batchDuration = .seconds(60)
        // On a busy machine the commits that keep registry time fresh would count as well.
        settings.timeStaleness = .seconds(3_600)
        try await withCatalog(settings: settings) { test in
            test.catalog.noteUpload(upload(1), repository: try test.name(), principal: alice)
            let commits = test.catalog.statistics.commits
            try await test.pushBlob(1)
            #expect(try await test.catalog.upload(upload(1)) != nil)
            #expect(test.catalog.statistics.commits == commits + 1)
        }
    }

    @Test("the old are forgotten, by the time in their ids, in bounded closures (C6)")
    func prune() async throws {
        try await withCatalog { test in
            let name = try test.name()
            for number in 0..<1_203 {
                let id = upload(number, startedMilliseconds: 1_000_000 + Int64(number))
                test.catalog.noteUpload(id, repository: name, principal: alice)
            }
            try await test.catalog.cancelUpload(
                upload(3, startedMilliseconds: 1_000_003), repository: name, principal: alice)
            while try await test.catalog.totals().openUploads < 1_202 { try await test.pushBlob(1) }
            #expect(try await test.catalog.openUploads(after: nil, limit: 5).count == 5)
            #expect(try await test.catalog.endedUploads(after: nil, limit: 5).count == 1)
            #expect(try await test.catalog.pruneUploads(olderThan: (1_000_000 + 1_200) * 1_000) == 1_200)
            #expect(try await test.catalog.openUploads(after: nil, limit: 9).count == 3)
            #expect(try await test.catalog.totals().openUploads == 3)
            #expect(try await test.catalog.pruneUploads(olderThan: 0) == 0)
        }
    }
}
