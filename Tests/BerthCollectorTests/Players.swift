import BerthBlobs
import BerthModel
import BerthTestSupport
import Logging

@testable import BerthCatalog
@testable import BerthRegistry

/// Clients, the collector and time, as scripts on the real catalog. What a request does is what the registry does for it,
/// one step after the other.
extension World {
    private static let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Does something again after each crash, for a client does not go down with the server.
    private func persistently<Value>(_ work: () async throws(CatalogError) -> Value) async -> Value? {
        for _ in 0..<4 {
            let start = starts
            do throws(CatalogError) { return try await work() } catch {
                guard starts != start || "\(error)".contains("crash") else {
                    lose("a request failed: \(error)")
                    return nil
                }
                // Waits for the next start.
                guard (try? await stage?.step()) != nil else { continue }
            }
        }
        return nil
    }

    private func key(_ number: Int, _ repository: Int) -> Memory.Key {
        Memory.Key(number: number, repository: repository)
    }

    // MARK: - Requests

    /// HEAD of a blob, or of a manifest by its digest. True: it was told to be here.
    func head(_ number: Int, _ repository: Int) async throws(CatalogError) -> Bool {
        let (digest, name) = (digest(number), Self.repositories[repository])
        stage?.does("head")
        try await stage?.step("asked")
        let promise = catalog.promise(digest, in: name)
        try await stage?.step("promised")
        if number >= 10 {
            if try await catalog.manifest(digest, in: name) != nil { return true }
        } else {
            if catalog.cachedBlob(digest, in: name) != nil { return true }
            for _ in 0..<3 {
                guard let fact = try await catalog.blob(digest, in: name), !fact.isDamaged else { break }
                if fact.state == .live { return true }
                stage?.does("revive")
                if try await catalog.revive(digest, in: name) { return true }
            }
        }
        catalog.leases.withdraw(promise)
        return false
    }

    /// An upload; `takesLong`: its bytes come in pieces, and lie in a sealed file at the end. When its last piece came.
    @discardableResult
    func upload(_ number: Int, _ repository: Int, takesLong: Bool = false) async throws(CatalogError) -> Int64 {
        var moved = clock.sinceBoot()
        let (digest, name) = (digest(number), Self.repositories[repository])
        let id: UploadID? = takesLong ? uploadID(number, repository) : nil
        if let id {
            stage?.does("upload piece")
            catalog.leases.noteUpload(in: name)
            catalog.noteUpload(id, repository: name, principal: Self.pusher)
            for _ in 0..<2 {
                try await stage?.step()
                catalog.leases.noteUpload(in: name)
                moved = clock.sinceBoot()
            }
        }
        stage?.does("look for content")
        let fact = try await catalog.content(digest)
        var isPresent = false
        if let fact, fact.state != .sweeping, !fact.isDamaged, fact.staged == nil {
            isPresent = store.files[digest] == 10
        }
        stage?.does("upload")
        let bringing = memory.beginBringing(number)
        defer { memory.endBringing(bringing) }
        for _ in 0..<2 {
            let content: BlobCommit.Content
            if isPresent {
                content = .presentAndGood
            } else if let id {
                store.seal(id)
                content = .sealed(id)
            } else {
                content = .bytes([UInt8](repeating: 1, count: 10))
            }
            let outcome = try await catalog.commitBlob(
                BlobCommit(
                    repository: name, digest: digest, size: 10, content: content, upload: id, principal: Self.pusher))
            guard case .contentGone = outcome else { break }
            isPresent = false
        }
        return moved
    }

    private func uploadID(_ number: Int, _ repository: Int) -> UploadID {
        // Never the same one twice: a second upload by that name would only be told how the first one ended.
        uploads += 1
        var random = SeededNumbers(seed: UInt64((uploads * 64 + number) * 2 + repository))
        return UploadID(startedMilliseconds: 1_800_000_000_000, using: &random)
    }

    private func put(
        _ number: Int, _ repository: Int, isTagged: Bool
    ) async throws(CatalogError) -> ManifestPushOutcome {
        stage?.does("manifest")
        let tag = isTagged ? try? Tag("t\(number)") : nil
        let bringing = memory.beginBringing(number)
        defer { memory.endBringing(bringing) }
        return try await catalog.putManifest(
            ManifestPush(
                repository: Self.repositories[repository], digest: digest(number), manifest: Document.manifest(number),
                bytes: [UInt8](repeating: 2, count: 10), tags: [tag].compactMap { $0 }, principal: Self.pusher))
    }

    // MARK: - Clients

    /// Pushes a manifest as a client does: asks for each part, sends what is not here, then the manifest. It must not be
    /// refused for a part that was promised within the lease and that nobody has deleted since. True: acknowledged.
    @discardableResult
    func push(
        _ number: Int, _ repository: Int, mounts: Bool = false, takesLong: Bool = false, isPart: Bool = false
    ) async -> Bool {
        for _ in 0..<3 {
            var promised: [Int: (clock: Int64, moment: Int)] = [:]
            var opened = Int64.max
            var moved = Int64.min
            for part in Document.references(of: number) {
                promised[part] = (clock.sinceBoot(), memory.tick())
                if mounts, part < 10, await mount(part, from: 1 - repository, to: repository) { continue }
                let isHere = await persistently { () async throws(CatalogError) in try await head(part, repository) }
                if isHere == true { continue }
                guard part < 10 else {
                    guard await push(part, repository, isPart: true) else { return false }
                    continue
                }
                let isLong = takesLong && part == Document.references(of: number).last
                if isLong { opened = clock.sinceBoot() }
                let start = starts
                let sent = await persistently { () async throws(CatalogError) in
                    try await upload(part, repository, takesLong: isLong)
                }
                guard let sent else { return false }
                // After a crash the client was still for as long as it liked.
                if isLong, starts == start { moved = sent }
            }
            switch await acknowledgedPut(number, repository, isTagged: !isPart && number != 10) {
            case .stored?: return true
            case .missing(let digests)?:
                let now = clock.sinceBoot()
                for part in digests.map(Document.number) {
                    guard let promise = promised[part] else { continue }
                    // What an upload drew out holds as long as it was open, and one lease more; a later piece of one that
                    // is too old is refused.
                    let isDrawnOut =
                        moved > .min && now - moved < terms.lease && opened - promise.clock < terms.lease
                        && moved - opened <= terms.longestUpload
                    if now - promise.clock < terms.lease || isDrawnOut,
                        !memory.wasDeleted(key(part, repository), since: promise.moment)
                    {
                        lose("a push broke: a part that was promised is gone: \(part) of \(number)")
                        return false
                    }
                }
            default: return false
            }
        }
        return false
    }

    /// Pushes a manifest without asking for its parts. It may be refused.
    func pushBlindly(_ number: Int, _ repository: Int) async {
        _ = await acknowledgedPut(number, repository, isTagged: true)
    }

    private func acknowledgedPut(_ number: Int, _ repository: Int, isTagged: Bool) async -> ManifestPushOutcome? {
        let began = memory.tick()
        let outcome = await persistently { () async throws(CatalogError) in
            try await put(number, repository, isTagged: isTagged)
        }
        if case .stored? = outcome { memory.acknowledge(key(number, repository), since: began, isRoot: isTagged) }
        return outcome
    }

    private func mount(_ number: Int, from source: Int, to target: Int) async -> Bool {
        let size = await persistently { () async throws(CatalogError) in
            stage?.does("mount")
            return try await catalog.mount(
                digest(number), from: Self.repositories[source], to: Self.repositories[target], by: Self.pusher)
        }
        return size.flatMap { $0 } != nil
    }

    /// Deletes a manifest, and perhaps wants it back within the window.
    func delete(_ number: Int, _ repository: Int, comesBack: Bool) async {
        let name = Self.repositories[repository]
        let asked = memory.tick()
        let deletion = memory.beginDeletion(key(number, repository))
        let began = clock.sinceBoot()
        let outcome = await persistently { () async throws(CatalogError) in
            stage?.does("delete")
            return try await catalog.deleteManifest(digest(number), in: name, referencedAllowed: false, by: Self.pusher)
        }
        if case .referenced? = outcome { return memory.endDeletion(deletion, wasRefused: true) }
        memory.endDeletion(deletion, wasRefused: false)
        guard comesBack, case .deleted? = outcome else { return }
        let moment = memory.tick()
        let back = await persistently { () async throws(CatalogError) in
            stage?.does("undelete")
            return try await catalog.undelete(digest(number), in: name, by: Self.pusher)
        }
        switch back {
        case .restored?:
            memory.acknowledge(key(number, repository), since: moment)
        case .tooLate?, .unknownManifest?:
            if clock.sinceBoot() - began < terms.window, !memory.mayHaveGone(key(number, repository), since: moment),
                !memory.wasPurged(key(number, repository), since: asked)
            {
                lose("a deleted manifest does not come back")
            }
        default: return
        }
    }

    func deleteBlob(_ number: Int, _ repository: Int, referencedAllowed: Bool = false) async {
        let deletion = memory.beginDeletion(key(number, repository))
        if referencedAllowed { memory.torn.insert(key(number, repository)) }
        let outcome = await persistently { () async throws(CatalogError) in
            stage?.does("delete blob")
            return try await catalog.deleteBlob(
                digest(number), in: Self.repositories[repository], referencedAllowed: referencedAllowed,
                by: Self.pusher)
        }
        switch outcome {
        case .referenced?, .protected?, .unknownBlob?, .unknownRepository?:
            memory.endDeletion(deletion, wasRefused: true)
        case .deleted?, nil: memory.endDeletion(deletion, wasRefused: false)
        }
    }

    /// Takes content out of everything, with all that names it, until no file of it was left.
    func purge(_ number: Int) async {
        var began = memory.tick()
        let target = PurgeTarget.content(digest(number))
        let deletions = Document.holders(of: number).flatMap { holder in
            Self.repositories.indices.map { memory.beginDeletion(key(holder, $0), isPurge: true) }
        }
        defer { for deletion in deletions { memory.endDeletion(deletion, wasRefused: false) } }
        var isDone = false
        for _ in 0..<3 where !isDone {
            let start = starts
            began = memory.tick()
            let left = await persistently { () async throws(CatalogError) in
                stage?.does("purge content")
                guard start == starts else {
                    // The start has finished what had begun.
                    let purges = try await catalog.purges(limit: 10)
                    return purges.first { $0.entry.target == target }?.isDone == true ? 0 : 1
                }
                if isPurging { try await stage?.step("turn", when: { [self] in !isPurging }) }
                isPurging = true
                defer { if start == starts { isPurging = false } }
                let id = try await catalog.beginPurge(target, by: Self.pusher)
                return try await purger.run(id).failure == nil ? 0 : 1
            }
            isDone = left == 0
        }
        if isDone { memory.purge(number, since: began) }
    }

    var purger: Purger {
        Purger(store: store, catalog: catalog, logger: Self.log, settled: { [self] in await settle() })
    }

    // MARK: - The registry's own work

    func settle() async {
        stage?.does("settle")
        if isSettling, let stage {
            guard (try? await stage.step("turn", when: { [self] in !isSettling })) != nil else { return }
        }
        let start = starts
        isSettling = true
        await Settler(store: store, catalog: catalog, logger: Self.log).settleAll()
        if start == starts { isSettling = false }
    }

    /// Uploads one after the other: each time one begins again, what was at its end is drawn out once more.
    func keepUploading(_ number: Int, _ repository: Int) async {
        for _ in 0..<2 {
            _ = await persistently { () async throws(CatalogError) in
                try await upload(number, repository, takesLong: true)
            }
            stage?.does("pause")
            guard (try? await stage?.step()) != nil else { return }
        }
    }

    enum CollectorStep: CaseIterable { case detach, restore, purge, purgeLinks, fade, unlink, sweep, remove }

    /// Some steps of a round, one after the other.
    func collect(_ steps: [CollectorStep]) async {
        let (catalog, store) = (catalog, store)
        do throws(CatalogError) {
            for step in steps {
                stage?.does("\(step)")
                switch step {
                case .detach: try await catalog.finishDetaching()
                case .restore: try await catalog.finishRestoring()
                case .purge:
                    var cursor = try await catalog.purgeManifests(after: nil)
                    while cursor != nil { cursor = try await catalog.purgeManifests(after: cursor) }
                case .purgeLinks: _ = try await catalog.purgeLinks(after: nil)
                case .fade: _ = try await catalog.fade(after: nil)
                case .unlink: _ = try await catalog.unlink(after: nil)
                case .sweep: while try await catalog.sweep() {}
                case .remove:
                    let digests = try await catalog.sweeping(after: nil, limit: 10)
                    guard !digests.isEmpty else { continue }
                    try await stage?.step("takes")
                    let results = await store.remove(digests) { (try? await catalog.stillSweeping($0)) ?? [] }
                    let gone = results.filter { (_, result) in (try? result.get()) != nil }
                    _ = try await catalog.forget(Array(gone.keys))
                }
            }
        } catch {
            if !"\(error)".contains("crash") { lose("a step failed: \(error)") }
        }
    }

    /// A whole round, as the last word.
    func round() async {
        await collect(CollectorStep.allCases)
    }

    func time(_ amounts: [Int64]) async {
        for amount in amounts {
            stage?.does("time passes")
            guard (try? await stage?.step()) != nil else { return }
            clock.pass(amount)
        }
    }
}
