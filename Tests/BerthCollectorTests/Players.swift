import BerthBlobs
import BerthModel
import BerthRegistry
import Logging

@testable import BerthCatalog

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

    /// An upload; `takesLong`: its bytes come in pieces.
    func upload(_ number: Int, _ repository: Int, takesLong: Bool = false) async throws(CatalogError) {
        let (digest, name) = (digest(number), Self.repositories[repository])
        let id: UploadID? = takesLong ? uploadID(number, repository) : nil
        if let id {
            stage?.does("upload piece")
            catalog.leases.noteUpload(in: name)
            catalog.noteUpload(id, repository: name, principal: Self.pusher)
            for _ in 0..<2 {
                try await stage?.step()
                catalog.leases.noteUpload(in: name)
            }
        }
        stage?.does("look for content")
        let fact = try await catalog.content(digest)
        var isPresent = false
        if let fact, fact.state != .sweeping, !fact.isDamaged, fact.staged == nil {
            isPresent = store.files[digest] == 10
        }
        stage?.does("upload")
        for _ in 0..<2 {
            let outcome = try await catalog.commitBlob(
                BlobCommit(
                    repository: name, digest: digest, size: 10,
                    content: isPresent ? .presentAndGood : .bytes([UInt8](repeating: 1, count: 10)), upload: id,
                    principal: Self.pusher))
            guard case .contentGone = outcome else { return }
            isPresent = false
        }
    }

    private func uploadID(_ number: Int, _ repository: Int) -> UploadID {
        var random = SeededNumbers(seed: UInt64(number * 2 + repository))
        return UploadID(startedMilliseconds: 1_800_000_000_000, using: &random)
    }

    func manifest(_ number: Int) -> Manifest {
        Manifest(
            type: number < 20 ? .ociManifest : .ociIndex, artifactType: nil, subject: nil, annotations: [:],
            references: references(of: number).map {
                ManifestReference(role: number < 20 ? .layer : .entry, digest: digest($0), size: 10)
            })
    }

    func put(_ number: Int, _ repository: Int, isTagged: Bool) async throws(CatalogError) -> ManifestPushOutcome {
        stage?.does("manifest")
        return try await catalog.putManifest(
            ManifestPush(
                repository: Self.repositories[repository], digest: digest(number), manifest: manifest(number),
                bytes: [UInt8](repeating: 2, count: 10), tags: isTagged ? [Self.tag].compactMap { $0 } : [],
                principal: Self.pusher))
    }

    // MARK: - Clients

    /// Pushes a manifest as a client does: asks for each part, sends what is not here, then the manifest. It must not be
    /// refused for a part that was promised within the lease.
    func push(_ number: Int, _ repository: Int, mounts: Bool = false, takesLong: Bool = false) async {
        for _ in 0..<3 {
            var promised = Int64.max
            var opened = Int64.max
            var moved = Int64.min
            for part in references(of: number) {
                let began = clock.sinceBoot()
                if part >= 10 {
                    if await persistently({ () async throws(CatalogError) in try await head(part, repository) }) != true
                    {
                        await push(part, repository)
                    }
                } else if mounts, await mount(part, from: 1 - repository, to: repository) {
                } else if await persistently({ () async throws(CatalogError) in try await head(part, repository) })
                    != true
                {
                    let isLong = takesLong && part == references(of: number).last
                    if isLong { opened = clock.sinceBoot() }
                    _ = await persistently { () async throws(CatalogError) in
                        try await upload(part, repository, takesLong: isLong)
                    }
                    if isLong { moved = clock.sinceBoot() }
                }
                promised = min(promised, began)
            }
            let outcome = await persistently { () async throws(CatalogError) in
                try await put(number, repository, isTagged: number >= 10 && number != 10)
            }
            switch outcome {
            case .stored?:
                acknowledged.insert(Key(manifest: number, repository: repository))
                return
            case .missing?:
                let now = clock.sinceBoot()
                // What an upload drew out holds as long as it was open, and one lease more.
                let isDrawnOut =
                    moved > .min && now - moved < Self.terms.lease && opened - promised < Self.terms.lease
                if now - promised < Self.terms.lease || isDrawnOut, !wasDeleted(references(of: number), repository) {
                    lose("a push broke: a part that was promised is gone")
                    return
                }
            default:
                return
            }
        }
    }

    private func wasDeleted(_ parts: [Int], _ repository: Int) -> Bool {
        parts.contains { deletions[Key(manifest: $0, repository: repository)] != nil }
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
        let going = ([number] + references(of: number).filter { $0 >= 10 })
            .map { Key(manifest: $0, repository: repository) }
        for key in going { deletions[key, default: 0] += 1 }
        let began = clock.sinceBoot()
        let outcome = await persistently { () async throws(CatalogError) in
            stage?.does("delete")
            return try await catalog.deleteManifest(digest(number), in: name, referencedAllowed: false, by: Self.pusher)
        }
        guard comesBack, case .deleted? = outcome else { return }
        let back = await persistently { () async throws(CatalogError) in
            stage?.does("undelete")
            return try await catalog.undelete(digest(number), in: name, by: Self.pusher)
        }
        switch back {
        case .restored?:
            // Unless somebody else deletes it as well, it is here to stay.
            acknowledged.insert(Key(manifest: number, repository: repository))
            for key in going where deletions[key] == 1 { deletions[key] = nil }
        case .tooLate?, .unknownManifest?:
            if clock.sinceBoot() - began < Self.terms.window { lose("a deleted manifest does not come back") }
        default: return
        }
    }

    func deleteBlob(_ number: Int, _ repository: Int, referencedAllowed: Bool = false) async {
        deletions[Key(manifest: number, repository: repository), default: 0] += 1
        _ = await persistently { () async throws(CatalogError) in
            stage?.does("delete blob")
            return try await catalog.deleteBlob(
                digest(number), in: Self.repositories[repository], referencedAllowed: referencedAllowed,
                by: Self.pusher)
        }
    }

    // MARK: - The registry's own work

    func settle() async {
        let (catalog, store) = (catalog, store)
        stage?.does("settle")
        await Settler(store: store, catalog: catalog, logger: Self.log).settleAll()
    }

    enum CollectorStep: CaseIterable { case purge, purgeLinks, fade, unlink, sweep, remove }

    /// Some steps of a round, one after the other.
    func collect(_ steps: [CollectorStep]) async {
        let (catalog, store) = (catalog, store)
        do throws(CatalogError) {
            for step in steps {
                stage?.does("\(step)")
                switch step {
                case .purge: while try await catalog.purgeManifests() {}
                case .purgeLinks: _ = try await catalog.purgeLinks(after: nil)
                case .fade: _ = try await catalog.fade(after: nil)
                case .unlink: _ = try await catalog.unlink(after: nil)
                case .sweep: while try await catalog.sweep() {}
                case .remove:
                    let digests = try await catalog.sweeping(after: nil, limit: 10)
                    guard !digests.isEmpty else { continue }
                    try await stage?.step("takes")
                    let results = await store.remove(digests) { (try? await catalog.stillSweeping($0)) ?? [] }
                    _ = try await catalog.forget(Array(results.keys))
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
