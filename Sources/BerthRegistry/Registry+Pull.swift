package import BerthBlobs
package import BerthCatalog
package import BerthModel
import Logging
package import NIOCore

/// A manifest as it is answered.
package struct FoundManifest: Sendable {
    package let digest: Digest
    package let type: ManifestType
    /// The stored bytes, exactly as they were pushed.
    package let bytes: ByteBuffer
}

extension Registry {
    /// The blob's content if it can be had without waiting; nil means: ask `openBlob`. For event loops. Throws `.blobUnknown`
    /// where it is known not to be here: what a client asks of each blob before it uploads it.
    package func cachedBlob(
        _ digest: Digest, in repository: RepositoryName
    ) throws(RegistryError) -> BlobContent? {
        switch catalog.blobNow(digest, in: repository) {
        case .here(let fact): store.cached(digest, size: fact.size).map { .file($0) }
        case .absent: throw .blobUnknown(digest)
        case .unknown: nil
        }
    }

    /// Opens a blob of this repository for reading; a manifest's digest is one too. Throws `.blobUnknown` or
    /// `.repositoryUnknown` for what is not readable here, wherever else it may be (B9).
    ///
    /// - Parameter isRead: its bytes are wanted, and not only to know that it is here.
    package func openBlob(
        _ digest: Digest, in repository: RepositoryName, isRead: Bool = true
    ) async throws(RegistryError) -> BlobContent {
        // The settler moves content from row to file, so both are looked at again before it counts as gone.
        var lost: BlobFact?
        for _ in 0..<3 {
            guard
                let fact = try await asked({ c async throws(CatalogError) in try await c.blob(digest, in: repository) })
            else { throw try await isKnown(repository) ? .blobUnknown(digest) : .repositoryUnknown(repository) }
            if fact.isDamaged { throw .blobUnknown(digest) }
            if fact.state == .doomed {
                // Where it has gone meanwhile, the next look says so.
                guard
                    try await asked({ c async throws(CatalogError) in try await c.revive(digest, in: repository) })
                else { continue }
            }
            if let content = try await open(fact, isRead: isRead) { return content }
            lost = fact
        }
        if let lost { await reportDamage(lost) }
        throw .blobUnknown(digest)
    }

    /// The manifest if it can be had without waiting; nil means: ask `manifest`. For event loops.
    package func cachedManifest(_ reference: Reference, in repository: RepositoryName) -> FoundManifest? {
        let fact =
            switch reference {
            case .tag(let tag): catalog.cachedManifest(tag, in: repository)
            case .digest(let digest): catalog.cachedManifest(digest, in: repository)
            }
        guard let fact, let bytes = manifestBytes.bytes(of: fact.digest) else { return nil }
        return FoundManifest(digest: fact.digest, type: fact.type, bytes: bytes)
    }

    /// The manifest that a tag points to or a digest names. Throws `.manifestUnknown` or `.repositoryUnknown`.
    package func manifest(
        _ reference: Reference, in repository: RepositoryName
    ) async throws(RegistryError) -> FoundManifest {
        var lost: BlobFact?
        for _ in 0..<3 {
            let fact = try await asked { c async throws(CatalogError) in
                switch reference {
                case .tag(let tag): try await c.manifest(tag, in: repository)
                case .digest(let digest): try await c.manifest(digest, in: repository)
                }
            }
            let found: ManifestFact
            if let fact { found = fact } else { found = try await then(reference, in: repository) }
            if let bytes = try await bytes(of: found) {
                return FoundManifest(digest: found.digest, type: found.type, bytes: bytes)
            }
            let content = try await asked { c async throws(CatalogError) in try await c.content(found.digest) }
            if content?.isDamaged == true { throw .manifestUnknown(reference) }
            lost = content
        }
        if let lost { await reportDamage(lost) }
        throw .manifestUnknown(reference)
    }

    /// What a tag of the form `TAG--at-…` names, where no such tag is: the manifest that TAG pointed to then.
    private func then(
        _ reference: Reference, in repository: RepositoryName
    ) async throws(RegistryError) -> ManifestFact {
        guard case .tag(let name) = reference, let virtual = VirtualTag(name) else {
            throw try await isKnown(repository) ? .manifestUnknown(reference) : .repositoryUnknown(repository)
        }
        guard let moment = virtual.moment else { throw .tagUnknownThen(name, nil) }
        let then = try await asked { c async throws(CatalogError) in
            try await c.manifest(virtual.tag, at: moment, in: repository)
        }
        switch then {
        case .found(let fact): return fact
        case .unknownRepository: throw .repositoryUnknown(repository)
        case .future, .before, .deleted, .gone: throw .tagUnknownThen(name, then)
        }
    }

    /// Notes the promise that "exists" makes to a client, before the state is read (G2).
    package func promise(_ digest: Digest, in repository: RepositoryName) -> Leases.Promise {
        catalog.promise(digest, in: repository)
    }

    /// Takes a promise back: the content is not here. Questions for what nobody has must not push out others.
    package func withdraw(_ promise: Leases.Promise) { catalog.leases.withdraw(promise) }

    private func bytes(of fact: ManifestFact) async throws(RegistryError) -> ByteBuffer? {
        if let bytes = manifestBytes.bytes(of: fact.digest) { return bytes }
        guard
            let content = try await asked({ c async throws(CatalogError) in try await c.content(fact.digest) }),
            !content.isDamaged
        else { return nil }
        let bytes: ByteBuffer
        switch try await open(content) {
        case .bytes(let buffer): bytes = buffer
        case .file(let file): bytes = ByteBuffer(bytes: try await contents(of: file))
        case nil: return nil
        }
        manifestBytes.insert(bytes, for: fact.digest)
        return bytes
    }

    /// Content where its row says that it is; nil if it is not there (any more).
    private func open(_ fact: BlobFact, isRead: Bool = true) async throws(RegistryError) -> BlobContent? {
        do throws(BlobError) {
            switch fact.staged {
            case nil:
                if isRead { return try await store.content(fact.digest, size: fact.size) }
                return .file(try await store.open(fact.digest, size: fact.size))
            case .sealed(let upload): return .file(try await openSealed(upload, fact))
            case .bytes: break
            }
        } catch {
            if case .absent = error { return nil }
            throw RegistryError(error)
        }
        let bytes = try await asked { c async throws(CatalogError) in try await c.stagedBytes(fact.digest) }
        return bytes.map { .bytes(ByteBuffer(bytes: $0)) }
    }

    /// While the settler works, sealed content is found at either of its names.
    private func openSealed(_ upload: UploadID, _ fact: BlobFact) async throws(BlobError) -> OpenFile {
        do throws(BlobError) {
            return try await store.openSealed(upload, size: fact.size)
        } catch {
            guard case .absent = error else { throw error }
            return try await store.open(fact.digest, size: fact.size)
        }
    }

    /// Asks the catalog, with its failure as the registry's. Where the disk is full, the room that is kept for deleting
    /// and settling is given up.
    func asked<Result: Sendable>(
        _ question: (Catalog) async throws(CatalogError) -> Result
    ) async throws(RegistryError) -> Result {
        do { return try await question(catalog) } catch {
            if error == .noSpace { await store.giveUpReserve() }
            throw RegistryError(error)
        }
    }

    func isKnown(_ repository: RepositoryName) async throws(RegistryError) -> Bool {
        try await asked { c async throws(CatalogError) in try await c.hasRepository(repository) }
    }

    /// Content that the catalog knows and the store lacks: said once, and healed by the next upload (B9).
    private func reportDamage(_ lost: BlobFact) async {
        let digest = lost.digest
        let place: LostPlace
        switch lost.staged {
        case nil: place = .settled
        case .sealed(let upload): place = .sealed(upload)
        // Bytes in a row cannot be lost: the settler has moved them once more.
        case .bytes: return
        }
        manifestBytes.remove(digest)
        store.evict(digest)
        do throws(CatalogError) {
            guard try await catalog.reportDamage(digest, at: place) else { return }
            // An upload may have healed it between the last look and the report.
            if (try? await store.isPresent(digest, size: lost.size)) == true {
                return try await catalog.clearDamage(digest)
            }
            log.error("content is missing or has the wrong size", metadata: ["digest": "\(digest)"])
        } catch {
            log.error("damage not recorded", metadata: ["digest": "\(digest)", "cause": "\(error)"])
        }
    }

    private func contents(of file: OpenFile) async throws(RegistryError) -> [UInt8] {
        do { return try await store.contents(of: file) } catch { throw RegistryError(error) }
    }
}
