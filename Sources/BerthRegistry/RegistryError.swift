import BerthBlobs
package import BerthCatalog
import BerthDigest
package import BerthModel

/// Why the registry did not do what was asked.
package enum RegistryError: Error {
    case repositoryUnknown(RepositoryName)
    /// Its operator lets nothing in it be deleted.
    case repositoryProtected(RepositoryName)
    case blobUnknown(Digest)
    case manifestUnknown(Reference)
    /// A tag at a moment that has nothing to show; why, or nil if there is no such time.
    case tagUnknownThen(Tag, TagMoment?)
    /// A tag that can be neither moved nor deleted, nor made.
    case tagKept(TagRefusal)
    /// No such upload here: never started, another repository's or principal's, ended, or too old (B8).
    case uploadUnknown
    /// The upload's bytes cannot be continued, for the storage failed under them (B6).
    case uploadDead
    /// Another request on the same upload came later and took it over.
    case superseded
    /// The bytes do not hash to the digest that was given.
    case digestMismatch(said: Digest, found: Digest)
    /// A chunk that does not begin where the upload ends; `offset` is where it has to go on.
    case chunkOutOfOrder(offset: Int64)
    /// A chunk whose range does not say how long it is.
    case chunkLength(said: Int64, found: Int64)
    case body(BodyFailure)
    case manifestInvalid(ManifestError)
    case referencesUnknown([Digest])
    case referenceSizes([ReferenceSize])
    case nestingTooDeep
    case conditionFailed(current: Digest?)
    /// Content that these manifests still refer to (the first ten of them).
    case stillReferenced(by: [Digest])
    /// As many unfinished uploads as the principal may have, or as many bytes in them.
    case tooManyUploads
    case storageFull
    case unavailable(cause: String)

    init(_ error: BlobError) {
        switch error {
        case .absent: self = .unavailable(cause: "a file is missing")
        case .noSpace: self = .storageFull
        case .dead: self = .uploadDead
        case .failed(let operation, let errno): self = .unavailable(cause: "\(operation) failed with errno \(errno)")
        }
    }

    init(_ error: CatalogError) {
        switch error {
        case .unavailable(let cause): self = .unavailable(cause: cause)
        case .noSpace: self = .storageFull
        case .damaged(let cause): self = .unavailable(cause: cause)
        }
    }

    init(_ error: HashError) {
        self = .unavailable(cause: "hashing failed: \(error)")
    }
}

/// A reference whose descriptor gives another size than the content has, in bytes.
package struct ReferenceSize: Hashable, Sendable {
    package let digest: Digest
    package let said: Int64
    package let stored: Int64
}

/// Why the bytes of a request stopped before their end.
package enum BodyFailure: Error, Hashable {
    case disconnected
    case stalled
    case malformed
    case tooLarge(limit: Int)
}
