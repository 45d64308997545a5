package import BerthCatalog
package import BerthModel
import NIOCore

/// A manifest to be pushed, as the request describes it.
package struct ManifestPut: Sendable {
    package let repository: RepositoryName
    package let reference: Reference
    /// The document, exactly as it is to be served.
    package let bytes: [UInt8]
    package let contentType: String?
    /// Tags to set beside, when pushed by digest.
    package let tags: [Tag]
    /// What has to be true of the tag, when pushed by tag.
    package let condition: TagCondition

    package init(
        repository: RepositoryName, reference: Reference, bytes: [UInt8], contentType: String?, tags: [Tag],
        condition: TagCondition
    ) {
        self.repository = repository
        self.reference = reference
        self.bytes = bytes
        self.contentType = contentType
        self.tags = tags
        self.condition = condition
    }
}

/// What became of a pushed manifest.
package struct PushedManifest: Sendable {
    package let digest: Digest
    package let subject: Digest?
}

extension Registry {
    /// Stores a manifest and points tags to it, all in one transaction. Every content it refers to has to be readable
    /// in its repository already (G1). Distribution specification, "Pushing Manifests".
    package func push(_ put: ManifestPut, by principal: Principal) async throws(RegistryError) -> PushedManifest {
        let manifest: Manifest
        do { manifest = try Manifest.parse(put.bytes, contentType: put.contentType) } catch {
            throw .manifestInvalid(error)
        }
        try checkEmbedded(manifest)
        let digest = try address(put)
        let tags: [Tag]
        switch put.reference {
        case .tag(let tag): tags = [tag]
        case .digest: tags = put.tags
        }
        var isPresent = try await isPresent(digest, size: Int64(put.bytes.count))
        try await settler.admit(put.bytes.count)
        for _ in 0..<2 {
            let push = ManifestPush(
                repository: put.repository, digest: digest, manifest: manifest, bytes: put.bytes,
                contentIsPresent: isPresent, tags: tags, condition: put.condition,
                sparseIndexes: settings.sparseIndexes, principal: principal)
            switch try await asked({ c async throws(CatalogError) in try await c.putManifest(push) }) {
            case .stored(let isNew):
                if isNew { settler.wake() }
                manifestBytes.insert(ByteBuffer(bytes: put.bytes), for: digest)
                return PushedManifest(digest: digest, subject: manifest.subject?.digest)
            case .missing(let digests): throw .referencesUnknown(digests)
            case .sizeMismatch(let sizes):
                throw .referenceSizes(sizes.map { ReferenceSize(digest: $0.digest, said: $0.said, stored: $0.stored) })
            case .conditionFailed(let current): throw .conditionFailed(current: current)
            case .refused(let refusal): throw .tagKept(refusal)
            case .tooDeep: throw .nestingTooDeep
            case .contentGone: isPresent = false
            }
        }
        throw .unavailable(cause: "the manifest's content kept changing")
    }

    /// Pushed by digest, that is its address; by tag, its SHA-256.
    private func address(_ put: ManifestPut) throws(RegistryError) -> Digest {
        switch put.reference {
        case .tag: return try hash(put.bytes, .sha256)
        case .digest(let said):
            let found = try hash(put.bytes, said.algorithm)
            guard found == said else { throw .digestMismatch(said: said, found: found) }
            return said
        }
    }

    private func checkEmbedded(_ manifest: Manifest) throws(RegistryError) {
        for data in manifest.embedded {
            guard try hash(data.bytes, data.digest.algorithm) == data.digest
            else { throw .manifestInvalid(.dataDiffers(data.field, data.digest)) }
        }
    }

    /// Makes a blob of one repository readable in another. False where `source` has no such blob: the client uploads
    /// it then. Distribution specification, "Mounting a blob from another repository".
    package func mount(
        _ digest: Digest, from source: RepositoryName, to target: RepositoryName, by caller: Caller
    ) async throws(RegistryError) -> Bool {
        guard access.decide(caller, .pull, source), try await isReadable(digest, in: source) else { return false }
        return try await asked { c async throws(CatalogError) in
            try await c.mount(digest, from: source, to: target, by: caller.principal)
        } != nil
    }

    /// A mount promises content, so it is looked for first; what is lost is reported, and the client uploads it.
    private func isReadable(_ digest: Digest, in source: RepositoryName) async throws(RegistryError) -> Bool {
        do throws(RegistryError) {
            if try cachedBlob(digest, in: source) != nil { return true }
            _ = try await openBlob(digest, in: source)
            return true
        } catch {
            switch error {
            case .blobUnknown, .repositoryUnknown: return false
            default: throw error
            }
        }
    }

    /// Repositories that a mount without a source tries.
    private static let mostSources = 64

    /// Mounts from any repository that holds the blob and that the caller may read; a bounded number of those is tried.
    package func mountFromAnywhere(
        _ digest: Digest, to target: RepositoryName, by caller: Caller
    ) async throws(RegistryError) -> Bool {
        var (tried, last, batch) = (0, MountSource?.none, Self.mostSources)
        for _ in 0..<Self.mostQueries {
            let sources = try await asked { [last, batch] c async throws(CatalogError) in
                try await c.mountSources(of: digest, after: last, limit: batch)
            }
            for source in sources where access.decide(caller, .pull, source.name) {
                guard tried < Self.mostSources else { return false }
                tried += 1
                if try await mount(digest, from: source.name, to: target, by: caller) { return true }
            }
            guard sources.count == batch else { return false }
            (last, batch) = (sources.last, Self.batch)
        }
        return false
    }
}
