package import BerthModel

/// Content that becomes visible in a repository.
package struct BlobCommit: Sendable {
    package enum Content: Sendable {
        /// Small content, which travels in the transaction.
        case bytes([UInt8])
        /// Content in the sealed and synced file of an upload (B5).
        case sealed(UploadID)
        /// The caller has just seen a settled file of the right size.
        case presentAndGood
    }
    package let repository: RepositoryName
    package let digest: Digest
    package let size: Int64
    package let content: Content
    /// The upload that ends with this commit.
    package let upload: UploadID?
    package let principal: Principal
    package let mediaKind: ContentKind

    package init(
        repository: RepositoryName, digest: Digest, size: Int64, content: Content, upload: UploadID?,
        principal: Principal, mediaKind: ContentKind = .blob
    ) {
        self.repository = repository
        self.digest = digest
        self.size = size
        self.content = content
        self.upload = upload
        self.principal = principal
        self.mediaKind = mediaKind
    }
}

package enum BlobCommitOutcome: Hashable, Sendable {
    /// `isNew`: a staging row was made, so the bytes given are the content now and have to be settled.
    /// Otherwise the content was there already, and what the caller holds may be thrown away.
    case committed(isNew: Bool)
    /// `.presentAndGood` was said, and the content is not there any more: come again with the bytes.
    case contentGone
    /// The upload had ended before; nothing was done.
    case uploadEnded(UploadFact)
}

/// What a tag has to be for a push or deletion to happen. Evaluated in the writing transaction.
package enum TagCondition: Hashable, Sendable {
    case none
    /// `If-Match` with digests.
    case matches([Digest])
    /// `If-Match: *`.
    case exists
    /// `If-None-Match: *`.
    case absent

    func holds(for current: Digest?) -> Bool {
        switch self {
        case .none: true
        case .matches(let digests): current.map(digests.contains) ?? false
        case .exists: current != nil
        case .absent: current == nil
        }
    }
}

package struct ManifestPush: Sendable {
    package let repository: RepositoryName
    package let digest: Digest
    package let manifest: Manifest
    package let bytes: [UInt8]
    package var size: Int64 { Int64(bytes.count) }
    /// The caller has just seen a settled file of these bytes: they need not be staged.
    package let contentIsPresent: Bool
    package let tags: [Tag]
    /// The push names the manifest for its own sake, so it never goes away with an index that lists it. Any tag makes
    /// it a root as well; a push by digest alone does not, for that is how the children of an index arrive.
    package let isRoot: Bool
    /// About the first of `tags`.
    package let condition: TagCondition
    /// Entries of an index may be missing.
    package let sparseIndexes: Bool
    package let principal: Principal

    package init(
        repository: RepositoryName, digest: Digest, manifest: Manifest, bytes: [UInt8], contentIsPresent: Bool = false,
        tags: [Tag], isRoot: Bool = false, condition: TagCondition = .none, sparseIndexes: Bool = false,
        principal: Principal
    ) {
        self.repository = repository
        self.digest = digest
        self.manifest = manifest
        self.bytes = bytes
        self.contentIsPresent = contentIsPresent
        self.tags = tags
        self.isRoot = isRoot
        self.condition = condition
        self.sparseIndexes = sparseIndexes
        self.principal = principal
    }
}

package enum ManifestPushOutcome: Hashable, Sendable {
    /// `isNew`: a staging row was made, so there is something to settle.
    case stored(isNew: Bool)
    /// Every reference that is not in this repository, in the order of the document.
    case missing([Digest])
    case sizeMismatch([SizeMismatch])
    case conditionFailed(current: Digest?)
    /// `contentIsPresent` was said, and the content is not there any more: come again without it.
    case contentGone
    /// One of the tags stays as it is.
    case refused(TagRefusal)
    /// Indexes would be nested deeper than `Catalog.deepestIndex`.
    case tooDeep
}

package struct SizeMismatch: Hashable, Sendable {
    package let digest: Digest
    /// In bytes, as the descriptor says.
    package let said: Int64
    package let stored: Int64
}

package enum TagDeletion: Hashable, Sendable {
    case deleted(Digest)
    case unknownRepository
    /// Nothing in the repository may be deleted.
    case protected
    case unknownTag
    case conditionFailed(current: Digest?)
    case refused(TagRefusal)
}

package enum ManifestDeletion: Hashable, Sendable {
    /// With the tags that went with it, at most the first thousand.
    case deleted(tags: [Tag])
    case unknownRepository
    /// Nothing in the repository may be deleted.
    case protected
    case unknownManifest
    /// Indexes of this repository list it; the first ten.
    case referenced(by: [Digest])
    /// One of its tags stays.
    case refused(TagRefusal)
}

package enum BlobDeletion: Hashable, Sendable {
    case deleted
    case unknownRepository
    /// Nothing in the repository may be deleted.
    case protected
    case unknownBlob
    /// Manifests of this repository use it, or it is one; the first ten.
    case referenced(by: [Digest])
}
