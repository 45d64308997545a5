import BerthModel
import Synchronization

/// What the catalog remembers between commits. Facts that are of no use for answering a pull are not kept.
final class CatalogCaches: Sendable {
    struct TagKey: Hashable, Sendable {
        let repository: RepositoryName
        let tag: Tag
    }
    struct ContentKey: Hashable, Sendable {
        let repository: RepositoryName
        let digest: Digest
    }

    let tags: CoherentCache<TagKey, Digest>
    let manifests: CoherentCache<ContentKey, ManifestFact>
    /// Links that stand.
    let links: CoherentCache<ContentKey, Bool>
    /// Content that is live, settled and whole.
    let content: CoherentCache<Digest, BlobFact>
    let staged = StagedLately(capacity: 16 << 20)

    init(entries: Int) {
        tags = CoherentCache(entries: entries)
        manifests = CoherentCache(entries: entries)
        links = CoherentCache(entries: entries)
        content = CoherentCache(entries: entries)
    }

    func drop(_ changes: Changes) {
        if changes.touchesRepository {
            tags.invalidateAll()
            manifests.invalidateAll()
            links.invalidateAll()
        }
        for key in changes.tags { tags.invalidate(key) }
        for key in changes.manifests { manifests.invalidate(key) }
        for key in changes.links { links.invalidate(key) }
        for digest in changes.content { content.invalidate(digest) }
        staged.note(unstaged: changes.unstaged, staged: changes.staged)
    }

    func dropAll() {
        tags.invalidateAll()
        manifests.invalidateAll()
        links.invalidateAll()
        content.invalidateAll()
        staged.removeAll()
    }
}

/// What a write has changed: the keys whose cached facts may be stale, and what it adds to the totals.
struct Changes: Sendable {
    var tags: [CatalogCaches.TagKey] = []
    var manifests: [CatalogCaches.ContentKey] = []
    var links: [CatalogCaches.ContentKey] = []
    var content: [Digest] = []
    /// Content whose staging row is gone.
    var unstaged: [Digest] = []
    /// Content whose bytes are in a new staging row.
    var staged: [(digest: Digest, bytes: [UInt8])] = []
    /// A repository went or came as a whole: nobody knows which keys those are.
    var touchesRepository = false
    var totals = Totals()
}
