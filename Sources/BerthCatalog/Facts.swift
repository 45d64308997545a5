package import BerthModel

/// Where a blob is in its life. Sweeping content is as good as absent.
package enum BlobState: Int, Hashable, Sendable {
    case live = 0
    case doomed = 1
    case sweeping = 2
}

/// What the catalog knows of some content.
package struct BlobFact: Hashable, Sendable {
    package let digest: Digest
    /// In bytes.
    package let size: Int64
    package let state: BlobState
    /// The content is known to be missing or wrong; any upload of the digest heals it (B9).
    package let isDamaged: Bool
    /// Where the content is until it has settled; nil when its file under `blobs/` holds (B1, B3).
    package let staged: StagedPlace?

    package init(digest: Digest, size: Int64, state: BlobState, isDamaged: Bool, staged: StagedPlace?) {
        self.digest = digest
        self.size = size
        self.state = state
        self.isDamaged = isDamaged
        self.staged = staged
    }
}

/// What can be told of a blob in a repository without waiting.
package enum BlobNow: Hashable, Sendable {
    case here(BlobFact)
    /// The repository is there, and nothing of the digest may be read in it.
    case absent
    /// Ask `blob`.
    case unknown
}

package enum StagedPlace: Hashable, Sendable {
    /// In the staging row itself: ask `stagedBytes`.
    case bytes
    /// In the sealed file of an upload.
    case sealed(UploadID)
}

/// Where content was looked for and not found.
package enum LostPlace: Hashable, Sendable {
    /// Under its digest.
    case settled
    /// In the sealed file of an upload, nor under its digest.
    case sealed(UploadID)

    var text: String {
        switch self {
        case .settled: "settled"
        case .sealed(let upload): upload.text
        }
    }
}

package struct ManifestFact: Hashable, Sendable {
    package let digest: Digest
    package let type: ManifestType
    /// In bytes.
    package let size: Int64

    package init(digest: Digest, type: ManifestType, size: Int64) {
        self.digest = digest
        self.type = type
        self.size = size
    }
}

/// As what content is linked into a repository.
package enum ContentKind: Int, Hashable, Sendable {
    case blob = 0
    case manifest = 1
}

/// A manifest whose subject was asked for, as the referrers list shows it.
package struct Referrer: Hashable, Sendable {
    package let digest: Digest
    package let type: ManifestType
    package let size: Int64
    package let artifactType: String?
    package let annotations: [String: String]
    /// Where the next page begins if this is the last entry of a page.
    package let cursor: ReferrerCursor
}

/// A place in a list of referrers. Its text may be given to clients and come back as anything.
package struct ReferrerCursor: Hashable, Sendable {
    let id: Int64

    init(id: Int64) { self.id = id }

    package var text: String { String(id) }
    /// Nil unless `text` is one that a cursor has given.
    package init?(_ text: some StringProtocol) {
        guard let id = Int64(text), id > 0, text.utf8.allSatisfy(\.isDigit) else { return nil }
        self.id = id
    }
}

/// A repository that holds a blob, and its place among all that do.
package struct MountSource: Hashable, Sendable {
    package let name: RepositoryName
    let id: Int64
}

/// What is known of an upload that has begun.
package struct UploadFact: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        case committed(Digest)
        case cancelled
    }
    package let id: UploadID
    package let repository: RepositoryName
    package let principal: Principal
    /// Nil while the upload is open (B8).
    package let outcome: Outcome?
    package var isOpen: Bool { outcome == nil }
}

/// Names one staging. A digest that is staged anew has another key, so that what was settled before does not count.
package struct StagedKey: Hashable, Sendable {
    package let id: Int64
    package let digest: Digest
}

/// Content that has been committed and not settled yet.
package struct StagedRow: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        case bytes([UInt8])
        case sealed(UploadID)
    }
    package let key: StagedKey
    /// In bytes.
    package let size: Int64
    package let content: Content
    package var digest: Digest { key.digest }
}

/// Counts over everything, kept up to date with each commit.
package struct Totals: Hashable, Sendable {
    package var blobs = 0
    /// Bytes of all content that has a row.
    package var bytes: Int64 = 0
    package var repositories = 0
    /// Staging rows.
    package var staged = 0
    /// Bytes that staging rows themselves hold; at most `CatalogSettings.stagedBytes` (C5).
    package var stagedBytes: Int64 = 0
    package var openUploads = 0

    package init() {}

    static func += (a: inout Totals, b: Totals) {
        a.blobs += b.blobs
        a.bytes += b.bytes
        a.repositories += b.repositories
        a.staged += b.staged
        a.stagedBytes += b.stagedBytes
        a.openUploads += b.openUploads
    }
}

/// What the last stop left; decides what recovery may trust.
package struct StartState: Hashable, Sendable {
    /// The database was made by this start.
    package let isNew: Bool
    package let wasStoppedCleanly: Bool
    /// The machine has not been started anew since: what was written and not synced is still there.
    package let isSameBoot: Bool
}

/// Something that later rooms tell others about. Written in the transaction of the change itself.
package struct CatalogEvent: Hashable, Sendable {
    package enum Kind: Int, Hashable, Sendable {
        /// A manifest that was not there before.
        case pushed = 0
        case mounted = 1
        case tagged = 2
        /// A tag if one is named, else a manifest or blob.
        case deleted = 3
        /// A whole repository, with all that it holds.
        case repositoryDeleted = 4
        /// The same, here again; under the name that it has now.
        case repositoryRestored = 5
    }
    /// Rises; gaps mean nothing.
    package let id: Int64
    package let kind: Kind
    package let repository: RepositoryName
    /// Nil of a whole repository.
    package let digest: Digest?
    package let tag: Tag?
    package let principal: Principal
    /// Microseconds since 1970.
    package let at: Int64
}

/// One move or deletion of a tag.
package struct TagChange: Hashable, Sendable {
    /// Rises; gaps mean nothing.
    package let id: Int64
    package let tag: Tag
    /// Microseconds since 1970.
    package let at: Int64
    package let principal: Principal
    /// Nil: the tag was not there before.
    package let old: Digest?
    /// Nil: the tag was deleted.
    package let new: Digest?
}
