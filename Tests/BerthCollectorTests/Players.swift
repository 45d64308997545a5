import BerthBlobs
import BerthCollector
import BerthModel
import BerthTestSupport
import Logging

@testable import BerthCatalog
@testable import BerthRegistry

/// Clients, the collector and time, as scripts on the real catalog. What a request does is what the registry does for it,
/// one step after the other.
extension World {
    static let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

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
            if catalog.cachedManifest(digest, in: name) != nil { return true }
            if try await catalog.manifest(digest, in: name) != nil { return true }
        } else {
            switch catalog.blobNow(digest, in: name) {
            case .here: return true
            case .absent:
                catalog.leases.withdraw(promise)
                return false
            case .unknown: break
            }
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

    /// When a client was heard of while it uploaded, over crashes too.
    struct Movement {
        let opened: Int64
        fileprivate(set) var last: Int64
        /// It has sent all of it, and perhaps was not told so.
        fileprivate var isClosed = false
        /// It was still for a lease after its upload had ended.
        fileprivate(set) var wasStill = false

        init(at now: Int64) { (opened, last) = (now, now) }
    }

    /// An upload; `takesLong`: its bytes come in pieces, and lie in a sealed file at the end. False: it became too old.
    @discardableResult
    func upload(
        _ number: Int, _ repository: Int, takesLong: Bool = false, _ movement: inout Movement
    ) async throws(CatalogError) -> Bool {
        let began = clock.sinceBoot()
        if movement.isClosed, began - movement.last >= terms.lease { movement.wasStill = true }
        (movement.last, movement.isClosed) = (began, false)
        let (digest, name) = (digest(number), Self.repositories[repository])
        let id: UploadID? = takesLong ? uploadID(number, repository) : nil
        if let id {
            stage?.does("upload piece")
            catalog.leases.noteUpload(in: name)
            catalog.noteUpload(id, repository: name, principal: Self.pusher)
            for _ in 0..<2 {
                try await stage?.step()
                guard clock.sinceBoot() - began <= terms.longestUpload else { return false }
                catalog.leases.noteUpload(in: name)
                movement.last = clock.sinceBoot()
            }
        }
        stage?.does("look for content")
        let fact = try await catalog.content(digest)
        var isPresent = false
        if let fact, fact.state != .sweeping, !fact.isDamaged, fact.staged == nil {
            isPresent = store.files[digest] == 10
        }
        stage?.does("upload")
        let start = memory.tick()
        let bringing = memory.beginBringing(number)
        defer { memory.endBringing(bringing) }
        movement.isClosed = true
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
            switch outcome {
            case .committed:
                memory.acknowledgeLink(key(number, repository), since: start)
                return true
            case .contentGone where isPresent: isPresent = false
            default: lose("an upload was refused: \(outcome)")
            }
        }
        return true
    }

    func upload(_ number: Int, _ repository: Int, takesLong: Bool = false) async throws(CatalogError) {
        var movement = Movement(at: clock.sinceBoot())
        try await upload(number, repository, takesLong: takesLong, &movement)
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
    /// refused for a part that was promised within the lease and that nobody has deleted since. Where its promise was
    /// acknowledged; nil: it was not.
    @discardableResult
    func push(
        _ number: Int, _ repository: Int, mounts: Bool = false, takesLong: Bool = false, isPart: Bool = false
    ) async -> Promise? {
        for _ in 0..<3 {
            var promised: [Int: Promise] = [:]
            var movement: Movement?
            for part in Document.references(of: number) {
                if mounts, part < 10 {
                    promised[part] = await mount(part, from: 1 - repository, to: repository)
                    if promised[part] != nil { continue }
                }
                promised[part] = await promise { () async throws(CatalogError) in try await head(part, repository) }
                if promised[part] != nil { continue }
                guard part < 10 else {
                    promised[part] = await push(part, repository, isPart: true)
                    guard promised[part] != nil else { return nil }
                    continue
                }
                let isLong = takesLong && part == Document.references(of: number).last
                var moves = Movement(at: clock.sinceBoot())
                promised[part] = await promise { () async throws(CatalogError) in
                    try await upload(part, repository, takesLong: isLong, &moves)
                }
                guard promised[part] != nil else { return nil }
                if isLong { movement = moves }
            }
            let (outcome, promise) = await acknowledgedPut(number, repository, isTagged: !isPart && number != 10)
            switch outcome {
            case .stored?: return promise
            case .missing(let digests)?:
                let now = clock.sinceBoot()
                for part in digests.map(Document.number) {
                    guard let promise = promised[part] else {
                        lose("a push broke: what it need not have is asked for: \(part) of \(number)")
                        return nil
                    }
                    if now - promise.clock < terms.lease || isDrawnOut(promise, by: movement),
                        !memory.wasDeleted(key(part, repository), since: promise.moment)
                    {
                        lose("a push broke: a part that was promised is gone: \(part) of \(number)")
                        return nil
                    }
                }
            default: return nil
            }
        }
        return nil
    }

    /// When the request began that was answered with "exists".
    struct Promise {
        let clock: Int64
        let moment: Int
    }

    /// Asks until there is an answer.
    private func promise(_ ask: () async throws(CatalogError) -> Bool) async -> Promise? {
        var promise: Promise?
        let isHere = await persistently { () async throws(CatalogError) in
            promise = Promise(clock: clock.sinceBoot(), moment: memory.tick())
            return try await ask()
        }
        return isHere == true ? promise : nil
    }

    /// What an upload draws out holds as long as it is open, and one lease more.
    private func isDrawnOut(_ promise: Promise, by upload: Movement?) -> Bool {
        guard let upload, !upload.wasStill else { return false }
        return clock.sinceBoot() - upload.last < terms.lease && upload.opened - promise.clock < terms.lease
            && upload.last - upload.opened <= terms.longestUpload
    }

    /// Pushes a manifest without asking for its parts. It may be refused.
    func pushBlindly(_ number: Int, _ repository: Int) async {
        _ = await acknowledgedPut(number, repository, isTagged: true)
    }

    private func acknowledgedPut(
        _ number: Int, _ repository: Int, isTagged: Bool
    ) async -> (ManifestPushOutcome?, Promise?) {
        var outcome: ManifestPushOutcome?
        let promise = await promise { () async throws(CatalogError) in
            outcome = nil
            outcome = try await put(number, repository, isTagged: isTagged)
            return true
        }
        switch outcome {
        case .stored?:
            if let promise {
                memory.acknowledge(key(number, repository), since: promise.moment, isTagged: isTagged)
                memory.acknowledgeParts(of: key(number, repository), since: promise.moment)
            }
        case .missing?, nil: break
        case .some(let other): lose("a push was refused: \(other)")
        }
        return (outcome, promise)
    }

    private func mount(_ number: Int, from source: Int, to target: Int) async -> Promise? {
        let promise = await promise { () async throws(CatalogError) in
            stage?.does("mount")
            return try await catalog.mount(
                digest(number), from: Self.repositories[source], to: Self.repositories[target], by: Self.pusher) != nil
        }
        if let promise { memory.acknowledgeLink(key(number, target), since: promise.moment) }
        return promise
    }

    /// Deletes a manifest, and perhaps wants it back within the window.
    func delete(_ number: Int, _ repository: Int, comesBack: Bool) async {
        let key = key(number, repository)
        let (start, wasHere, moment) = (starts, memory.mustBeHere(key), memory.tick())
        let index = memory.beginDeletion(key)
        let deletion = memory.deleting(key, index, at: clock.sinceBoot(), since: moment)
        let outcome = await persistently { () async throws(CatalogError) in
            stage?.does("delete")
            return try await catalog.deleteManifest(
                digest(number), in: Self.repositories[repository], referencedAllowed: false, by: Self.pusher)
        }
        switch outcome {
        case .deleted?: break
        // Before a crash it may have been deleted all the same.
        case nil: return memory.endDeletion(index, wasRefused: false)
        case .unknownManifest? where starts != start && wasHere: break
        default: return memory.endDeletion(index, wasRefused: starts == start)
        }
        memory.endDeletion(index, wasRefused: false)
        memory.delete(key, deletion)
        if comesBack { await undelete(key) }
    }

    /// Wants back what was deleted last, within the window.
    func undelete(_ key: Memory.Key) async {
        guard let deletion = memory.deleted[key] else { return }
        let moment = memory.tick()
        let bringing = memory.beginBringing(key.number)
        defer { memory.endBringing(bringing) }
        let back = await persistently { () async throws(CatalogError) in
            stage?.does("undelete")
            return try await catalog.undelete(
                digest(key.number), in: Self.repositories[key.repository], by: Self.pusher)
        }
        switch back {
        case .restored?: memory.restore(key, deletion, since: moment)
        case .notDeleted?: memory.acknowledge(key, since: moment)
        case .wentWith? where memory.mayHaveGone(key, since: deletion.moment, but: deletion.index): return
        case nil: return
        default:
            // Whoever deletes it again meanwhile ends a restoration.
            if memory.mustComeBack(key, at: clock.sinceBoot(), terms), !memory.mayHaveGone(key, since: moment) {
                lose("a deleted manifest does not come back: \(key.number)")
            }
        }
    }

    func deleteBlob(_ number: Int, _ repository: Int, referencedAllowed: Bool = false) async {
        let start = starts
        let deletion = memory.beginDeletion(key(number, repository), referencedAllowed ? .tearing : .plain)
        let outcome = await persistently { () async throws(CatalogError) in
            stage?.does("delete blob")
            return try await catalog.deleteBlob(
                digest(number), in: Self.repositories[repository], referencedAllowed: referencedAllowed,
                by: Self.pusher)
        }
        switch outcome {
        case .referenced?, .protected?, .unknownBlob?, .unknownRepository?:
            memory.endDeletion(deletion, wasRefused: starts == start)
        case .deleted?, nil: memory.endDeletion(deletion, wasRefused: false)
        }
    }

    /// Deletes a repository, and perhaps wants it back within the window, perhaps under another name.
    func deleteRepository(_ repository: Int, comesBack: Bool, as target: Int) async {
        let (start, moment) = (starts, memory.tick())
        let index = memory.beginDeletion(of: repository)
        let deletion = memory.deleting(repository, index, at: clock.sinceBoot(), since: moment)
        let outcome = await persistently { () async throws(CatalogError) in
            stage?.does("delete repository")
            return try await catalog.deleteRepository(Self.repositories[repository], by: Self.pusher)
        }
        guard case .done? = outcome else {
            // Before a crash it may have been deleted all the same.
            return memory.endDeletion(index, wasRefused: starts == start && outcome != nil)
        }
        memory.endDeletion(index, wasRefused: false)
        // It may have gone before a crash, and what went now was pushed since.
        guard starts == start else { return }
        memory.delete(repository, deletion)
        if comesBack { await undeleteRepository(repository, as: target) }
    }

    /// Wants back what was deleted last, within the window.
    func undeleteRepository(_ repository: Int, as target: Int) async {
        guard let deletion = memory.deletedRepositories[repository] else { return }
        let (start, moment) = (starts, memory.tick())
        let bringing = memory.beginBringing(of: repository, as: target)
        defer { memory.endBringing(bringing) }
        let back = await persistently { () async throws(CatalogError) in
            stage?.does("undelete repository")
            return try await catalog.undeleteRepository(
                Self.repositories[repository], as: Self.repositories[target], by: Self.pusher)
        }
        // Which of several it was is not said.
        let isOnly = memory.isOnlyDeletion(deletion.index)
        // Before a crash it may have come back whatever it says now, or if nobody says anything any more.
        if case .done? = back { memory.forgetDeletion(of: repository) }
        if starts != start || back == nil { memory.forgetDeletion(of: repository) }
        guard isOnly, let back else { return }
        switch back {
        case .done: memory.restore(repository, as: target, deletion, since: moment)
        case .nameTaken where target == repository: return
        case _ where starts != start: return
        default:
            if clock.sinceBoot() - deletion.clock < terms.window {
                lose("a deleted repository does not come back: \(repository) as \(target): \(back)")
            }
        }
    }

    /// Takes content out of everything, with all that names it, until no file of it was left.
    func purge(_ number: Int) async {
        let deletions = Document.holders(of: number).flatMap { holder in
            Self.repositories.indices.map { memory.beginDeletion(key(holder, $0), .purge) }
        }
        let began = await purge(.content(digest(number)))
        for deletion in deletions { memory.endDeletion(deletion, wasRefused: false) }
        if let began { memory.purge(number, since: began) }
    }

    /// Takes a repository away with those of its name that were deleted before.
    func purgeRepository(_ repository: Int) async {
        let deletion = memory.beginDeletion(of: repository, .purge)
        _ = await purge(.repository(Self.repositories[repository]))
        memory.endDeletion(deletion, wasRefused: false)
    }

    /// When it began; nil: it has not come to an end.
    private func purge(_ target: PurgeTarget) async -> Int? {
        var began = memory.tick()
        var isDone = false
        for _ in 0..<3 where !isDone {
            let (start, before) = (starts, commits[Stage.player])
            let left = await persistently { () async throws(CatalogError) in
                stage?.does("purge content")
                guard start == starts else {
                    // The start has finished what had begun; what had not is asked for again.
                    guard commits[Stage.player] != before else { return 1 }
                    let purges = try await catalog.purges(limit: 10)
                    return purges.first { $0.entry.target == target }?.isDone == true ? 0 : 1
                }
                if isPurging { try await stage?.step("turn", when: { [self] in !isPurging }) }
                isPurging = true
                defer { if start == starts { isPurging = false } }
                let id = try await catalog.beginPurge(target, by: Self.pusher)
                // What is sent after that commit may stay.
                began = commits[Stage.player] ?? memory.tick()
                return try await purger.run(id).failure == nil ? 0 : 1
            }
            isDone = left == 0
        }
        return isDone ? began : nil
    }

    /// A file comes from nowhere.
    func stray(_ number: Int) async {
        stage?.does("stray")
        guard (try? await stage?.step("file")) != nil else { return }
        memory.endBringing(memory.beginBringing(number))
        store.stray(digest(number))
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

    enum CollectorStep: CaseIterable {
        case detach, restore, purgeRepositories, purge, purgeLinks, fade, unlink, strays, sweep, remove, patrol
    }

    /// The steps of a round, in their order.
    var steps: [CollectorStep] {
        let more: [CollectorStep] = [.purgeRepositories, .strays, .patrol]
        return CollectorStep.allCases.filter {
            setting.hasRepositories || setting.hasRestores || !more.contains($0)
        }
    }

    /// Some steps of a round, one after the other.
    func collect(_ steps: [CollectorStep]) async {
        let (catalog, store) = (catalog, store)
        do throws(CatalogError) {
            for step in steps {
                stage?.does("\(step)")
                switch step {
                case .detach: try await catalog.finishDetaching()
                case .restore: try await catalog.finishRestoring()
                case .purgeRepositories: while try await catalog.purgeRepositories() {}
                case .purge:
                    var cursor = try await catalog.purgeManifests(after: nil)
                    while cursor != nil { cursor = try await catalog.purgeManifests(after: cursor) }
                case .purgeLinks: _ = try await catalog.purgeLinks(after: nil)
                case .fade: _ = try await catalog.fade(after: nil)
                case .unlink: _ = try await catalog.unlink(after: nil)
                case .strays: while try await catalog.sweepStrays() {}
                case .patrol:
                    let collector = Collector(
                        catalog: catalog, store: store, interval: .zero, pace: .unlimited, logger: Self.log)
                    let report = try await collector.patrolAll()
                    if report.lostFiles > 0 { lose("a file is taken for lost") }
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
        await collect(steps)
    }

    func time(_ amounts: [Int64]) async {
        for amount in amounts {
            stage?.does("time passes")
            guard (try? await stage?.step()) != nil else { return }
            clock.pass(amount)
        }
    }
}
