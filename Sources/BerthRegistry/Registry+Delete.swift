import BerthBlobs
package import BerthCatalog
package import BerthModel

extension Registry {
    /// Removes a tag, and nothing but the tag.
    package func delete(
        _ tag: Tag, in repository: RepositoryName, if condition: TagCondition, by principal: Principal
    ) async throws(RegistryError) {
        let deletion = try await deleted { c async throws(CatalogError) in
            try await c.deleteTag(tag, in: repository, condition: condition, by: principal)
        }
        switch deletion {
        case .deleted: return
        case .unknownRepository: throw .repositoryUnknown(repository)
        case .protected: throw .repositoryProtected(repository)
        case .unknownTag: throw .manifestUnknown(.tag(tag))
        case .conditionFailed(let current): throw .conditionFailed(current: current)
        case .refused(let refusal): throw .tagKept(refusal)
        }
    }

    /// Removes a manifest with all of its tags; its bytes are the collector's.
    package func deleteManifest(
        _ digest: Digest, in repository: RepositoryName, by principal: Principal
    ) async throws(RegistryError) {
        let deletion = try await deleted { c async throws(CatalogError) in
            try await c.deleteManifest(
                digest, in: repository, referencedAllowed: settings.deletesReferenced,
                keepChildren: settings.keepsChildren, keepReferrers: settings.keepsReferrers, by: principal)
        }
        switch deletion {
        case .deleted: return
        case .unknownRepository: throw .repositoryUnknown(repository)
        case .protected: throw .repositoryProtected(repository)
        case .unknownManifest: throw .manifestUnknown(.digest(digest))
        case .referenced(let manifests): throw .stillReferenced(by: manifests)
        case .refused(let refusal): throw .tagKept(refusal)
        }
    }

    /// Takes a blob out of a repository.
    package func deleteBlob(
        _ digest: Digest, in repository: RepositoryName, by principal: Principal
    ) async throws(RegistryError) {
        let deletion = try await deleted { c async throws(CatalogError) in
            try await c.deleteBlob(
                digest, in: repository, referencedAllowed: settings.deletesReferenced, by: principal)
        }
        switch deletion {
        case .deleted: return
        case .unknownRepository: throw .repositoryUnknown(repository)
        case .protected: throw .repositoryProtected(repository)
        case .unknownBlob: throw .blobUnknown(digest)
        case .referenced(let manifests): throw .stillReferenced(by: manifests)
        }
    }

    /// Asks the catalog to delete; where the disk is full, once more with the room that was kept for this.
    private func deleted<Value: Sendable>(
        _ deletion: (Catalog) async throws(CatalogError) -> Value
    ) async throws(RegistryError) -> Value {
        do throws(RegistryError) {
            return try await asked(deletion)
        } catch {
            guard case .storageFull = error else { throw error }
            return try await asked(deletion)
        }
    }
}
