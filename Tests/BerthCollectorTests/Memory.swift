import BerthCatalog
import BerthModel

/// The documents of the small registry: a number always means the same bytes. Blobs are 0 to 2, images 10 and 11, a
/// signature of image 10 is 12, indexes 20 and 21, indexes of indexes 30 and 31. Image 13 names a layer that is not meant
/// to be distributed: it may be missing, and is held where it is all the same.
enum Document {
    static func digest(_ number: Int) -> Digest {
        Digest(.sha256, hash: [UInt8(truncatingIfNeeded: number)] + [UInt8](repeating: 7, count: 31))
    }
    static func number(_ digest: Digest) -> Int { Int(digest.hex.prefix(2), radix: 16) ?? -1 }

    static func references(of manifest: Int) -> [Int] {
        switch manifest {
        case 10: [0, 1]
        case 11: [0, 2]
        case 12: [2]
        case 13: [0]
        case 20: [10]
        case 21: [10, 11]
        case 30, 31: [20]
        default: []
        }
    }
    static func subject(of manifest: Int) -> Int? { manifest == 12 ? 10 : nil }

    /// What may be missing.
    static func undistributed(of manifest: Int) -> [Int] { manifest == 13 ? [2] : [] }

    static let manifests = [10, 11, 12, 13, 20, 21, 30, 31]
    static let all = [0, 1, 2] + manifests

    /// What names some content, or names what does, and the content itself: all of it goes when it is purged.
    static func holders(of number: Int) -> Set<Int> {
        var found: Set<Int> = [number]
        while true {
            let more = manifests.filter {
                !found.isDisjoint(with: references(of: $0)) || !found.isDisjoint(with: undistributed(of: $0))
            }
            guard !found.isSuperset(of: more) else { return found }
            found.formUnion(more)
        }
    }

    /// What may go with a manifest.
    static let companions: [Int: Set<Int>] = {
        var all: [Int: Set<Int>] = [:]
        for manifest in manifests {
            var found: Set<Int> = [manifest]
            while true {
                let more = found.flatMap { one in
                    references(of: one).filter { $0 >= 10 } + manifests.filter { subject(of: $0) == one }
                }
                guard !found.isSuperset(of: more) else { break }
                found.formUnion(more)
            }
            all[manifest] = found
        }
        return all
    }()

    static func manifest(_ number: Int) -> Manifest {
        Manifest(
            type: number < 20 ? .ociManifest : .ociIndex, artifactType: nil,
            subject: subject(of: number).map {
                Descriptor(mediaType: ManifestType.ociManifest.rawValue, digest: digest($0), size: 10)
            },
            annotations: [:],
            references: references(of: number).map {
                ManifestReference(role: number < 20 ? .layer : .entry, digest: digest($0), size: 10)
            },
            undistributed: undistributed(of: number).map {
                ManifestReference(role: .layer, digest: digest($0), size: 10)
            })
    }
}

/// What clients were told, and what they asked for, in the order in which it happened.
struct Memory {
    struct Key: Hashable {
        let number: Int
        let repository: Int
    }
    private struct Deletion {
        /// Nil: the whole repository.
        let number: Int?
        let repository: Int
        var kind = DeletionKind.plain
        var end = Int.max
        /// When the window of a manifest's deletion begins; nil: not known.
        var clock: Int64?

        func takes(_ key: Key) -> Bool { repository == key.repository && (number ?? key.number) == key.number }
        /// It, or what it goes with.
        func mayTake(_ key: Key) -> Bool {
            guard repository == key.repository, let number else { return repository == key.repository }
            return number == key.number || Document.companions[number]?.contains(key.number) == true
        }
    }
    enum DeletionKind {
        case plain
        /// With all that names it.
        case purge
        /// From under manifests that are here.
        case tearing
    }
    /// Bytes that somebody sends, or wants back.
    private struct Bringing {
        let number: Int
        /// All of this repository.
        var repository: Int?
        var end = Int.max
    }
    /// A manifest that was deleted last as its client was told, and what was here with it before.
    struct Deleted {
        let index: Int
        /// When it was asked for.
        let moment: Int
        let clock: Int64
        let wasTagged: Bool
        let along: [Key]
    }
    /// A repository that was deleted last as its client was told, and what it held.
    struct DeletedRepository {
        let index: Int
        let moment: Int
        let clock: Int64
        let whole: [Key]
        let tagged: Set<Key>
    }
    /// The push or restoration of each manifest that was acknowledged last, by when it began.
    private(set) var acknowledged: [Key: Int] = [:]
    private(set) var deleted: [Key: Deleted] = [:]
    private(set) var deletedRepositories: [Int: DeletedRepository] = [:]
    /// Manifests that have had a tag.
    private var roots: Set<Key> = []
    /// The push or restoration of each tag that was acknowledged last, by when it began.
    private var tagged: [Key: Int] = [:]
    /// The same of each link.
    private var linked: [Key: Int] = [:]
    private var deletions: [Deletion] = []
    private var bringings: [Bringing] = []
    /// Somebody has pushed a manifest that names what need not be here.
    private(set) var namesUndistributed = false
    /// What was taken out of everything, and when that began.
    private(set) var purged: [Int: Int] = [:]
    /// What was sent anew after its purge, to a catalog that has been replaced since: its file is there.
    private var sentToReplaced: Set<Int> = []
    private var time = 0
    /// Deletions and bringings before these were asked for by clients that are gone.
    private var goneClients = (deletions: 0, bringings: 0)

    /// Another moment.
    mutating func tick() -> Int {
        time += 1
        return time
    }

    /// A manifest is here.
    mutating func acknowledge(_ key: Key, since began: Int, isTagged: Bool = false) {
        acknowledged[key] = max(began, acknowledged[key] ?? began)
        guard isTagged else { return }
        roots.insert(key)
        tagged[key] = max(began, tagged[key] ?? began)
    }
    mutating func acknowledgeLink(_ key: Key, since began: Int) { linked[key] = max(began, linked[key] ?? began) }
    /// All that a manifest names is here, whatever people had deleted from under it.
    mutating func acknowledgeParts(of key: Key, since began: Int) {
        for part in Document.references(of: key.number) {
            acknowledgeLink(Key(number: part, repository: key.repository), since: began)
        }
    }

    mutating func beginDeletion(_ key: Key, _ kind: DeletionKind = .plain) -> Int {
        deletions.append(Deletion(number: key.number, repository: key.repository, kind: kind))
        return deletions.count - 1
    }
    mutating func beginDeletion(of repository: Int, _ kind: DeletionKind = .plain) -> Int {
        deletions.append(Deletion(number: nil, repository: repository, kind: kind))
        return deletions.count - 1
    }
    mutating func endDeletion(_ index: Int, wasRefused: Bool) {
        guard index >= goneClients.deletions else { return }
        deletions[index].end = wasRefused ? 0 : tick()
    }

    /// What is to come back with a manifest that somebody begins to delete. Where somebody else is at it already, this
    /// one may only finish that: the window began with the first of them.
    mutating func deleting(_ key: Key, _ index: Int, at now: Int64, since moment: Int) -> Deleted {
        let companions = Document.companions[key.number, default: []].subtracting([key.number])
        let others = deletions.filter { $0.number == key.number && $0.takes(key) && $0.end == .max }
        let clock = others.compactMap(\.clock).reduce(now, min)
        deletions[index].clock = clock
        return Deleted(
            index: index, moment: moment, clock: clock, wasTagged: mustBeTagged(key, but: index),
            along: companions.map { Key(number: $0, repository: key.repository) }.filter {
                mustBeHere($0, but: index)
            })
    }
    mutating func delete(_ key: Key, _ deletion: Deleted) {
        if deleted[key].map({ $0.moment < deletion.moment }) ?? true { deleted[key] = deletion }
    }

    /// A deletion was taken back from `began` on: with it comes what was here before, unless it went otherwise as well.
    mutating func restore(_ key: Key, _ deletion: Deleted, since began: Int) {
        let isTagged = deletion.wasTagged && !wasDeleted(key, since: deletion.moment, but: deletion.index)
        acknowledge(key, since: began, isTagged: isTagged)
        acknowledgeParts(of: key, since: began)
        for other in deletion.along where !mayHaveGone(other, since: deletion.moment, but: deletion.index) {
            acknowledge(other, since: began)
        }
    }

    func deleting(_ repository: Int, _ index: Int, at clock: Int64, since moment: Int) -> DeletedRepository {
        let keys = acknowledged.keys.filter { $0.repository == repository }
        return DeletedRepository(
            index: index, moment: moment, clock: clock, whole: keys.filter { mustBeHere($0, but: index) },
            tagged: Set(keys.filter { mustBeTagged($0, but: index) }))
    }
    mutating func delete(_ repository: Int, _ deletion: DeletedRepository) {
        deletedRepositories[repository] = deletion
    }
    mutating func forgetDeletion(of repository: Int) { deletedRepositories[repository] = nil }

    /// A repository came back under a name: with it comes what it held, unless it went otherwise as well.
    mutating func restore(_ repository: Int, as target: Int, _ deletion: DeletedRepository, since began: Int) {
        for key in deletion.whole where !mayHaveGone(key, since: deletion.moment, but: deletion.index) {
            let place = Key(number: key.number, repository: target)
            acknowledge(place, since: began, isTagged: deletion.tagged.contains(key))
            if roots.contains(key) { roots.insert(place) }
        }
    }

    /// Whether nobody else has deleted that repository, or purged it.
    func isOnlyDeletion(_ index: Int) -> Bool {
        let repository = deletions[index].repository
        return !deletions.indices.contains {
            $0 != index && deletions[$0].number == nil && deletions[$0].repository == repository
                && deletions[$0].end > 0
        }
    }

    /// Whether people may have it back at this time: they asked for its deletion within the window.
    func mustComeBack(_ key: Key, at clock: Int64, _ terms: CollectionTerms) -> Bool {
        guard let deletion = deleted[key], clock - deletion.clock < terms.window else { return false }
        return !wentForGood(key, since: deletion.moment)
    }

    /// Whether somebody has asked to delete exactly this since `moment`.
    func wasDeleted(_ key: Key, since moment: Int, but own: Int? = nil) -> Bool {
        deletions.indices.contains {
            $0 != own && deletions[$0].takes(key) && deletions[$0].end > moment
        }
    }

    /// Whether this, or what it goes with, may have been deleted since `moment`.
    func mayHaveGone(_ key: Key, since moment: Int, but own: Int? = nil) -> Bool {
        deletions.indices.contains {
            $0 != own && deletions[$0].end > moment && deletions[$0].mayTake(key)
        }
    }

    /// Whether this may have been purged since `moment`, with all that names it, or its repository may have gone.
    func wentForGood(_ key: Key, since moment: Int) -> Bool {
        deletions.contains { ($0.kind == .purge || $0.number == nil) && $0.takes(key) && $0.end > moment }
    }

    /// Whether it may have been deleted from under manifests that are here, and nobody has brought it since.
    func mayBeTorn(_ key: Key) -> Bool {
        deletions.contains { $0.kind == .tearing && $0.takes(key) && $0.end > linked[key] ?? 0 }
    }

    mutating func purge(_ number: Int, since began: Int) {
        purged[number] = began
        sentToReplaced.remove(number)
    }
    func wasSentToReplaced(_ number: Int) -> Bool { sentToReplaced.contains(number) }

    mutating func beginBringing(_ number: Int) -> Int {
        bringings.append(Bringing(number: number))
        if !Document.undistributed(of: number).isEmpty { namesUndistributed = true }
        return bringings.count - 1
    }
    mutating func endBringing(_ index: Int) {
        guard index >= goneClients.bringings else { return }
        bringings[index].end = tick()
    }

    /// All is again as it was when somebody remembered that much, but for what was purged: it goes once more. What was
    /// under way then has happened or not.
    mutating func goBack(to copy: Memory) {
        let now = tick()
        sentToReplaced.formUnion(purged.filter { wasBrought($0.key, since: $0.value) }.keys)
        for index in deletions.indices {
            let then = index < copy.deletions.count ? copy.deletions[index].end : 0
            let isUnsettled = then == .max || then == 0 && deletions[index].kind == .purge
            deletions[index].end = isUnsettled ? now : then
        }
        for index in bringings.indices {
            let then = index < copy.bringings.count ? copy.bringings[index].end : 0
            bringings[index].end = then == .max ? now : then
        }
        (acknowledged, deleted, deletedRepositories) = (copy.acknowledged, copy.deleted, copy.deletedRepositories)
        (roots, tagged, linked) = (copy.roots, copy.tagged, copy.linked)
        for bringing in copy.bringings where bringing.end == .max {
            if let repository = bringing.repository { forgetDeletion(of: repository) }
        }
        goneClients = (deletions.count, bringings.count)
    }

    /// Somebody wants a repository back, with all that it held, and that was deleted from under it.
    mutating func beginBringing(of repository: Int, as target: Int) -> Int {
        for tear in deletions
        where target != repository && tear.kind == .tearing && tear.repository == repository && tear.end > 0 {
            deletions.append(Deletion(number: tear.number, repository: target, kind: .tearing))
        }
        bringings.append(Bringing(number: -1, repository: repository))
        return bringings.count - 1
    }

    /// Whether somebody may have sent these bytes since `moment`.
    func wasBrought(_ number: Int, since moment: Int) -> Bool {
        bringings.contains { $0.number == number && $0.end > moment }
    }

    /// Whether an acknowledged manifest has not been deleted since, with another one either.
    func mustBeHere(_ key: Key, but own: Int? = nil) -> Bool {
        guard let began = acknowledged[key] else { return false }
        return roots.contains(key)
            ? !wasDeleted(key, since: began, but: own) : !mayHaveGone(key, since: began, but: own)
    }

    /// Whether its tag was acknowledged, and it has not been deleted since.
    func mustBeTagged(_ key: Key, but own: Int? = nil) -> Bool {
        tagged[key].map { !wasDeleted(key, since: $0, but: own) } ?? false
    }

    /// Whether it was deleted, and nobody has sent it or wanted it back since, or what it comes with.
    func mustBeGone(_ key: Key) -> Bool {
        guard let deletion = deleted[key] else { return false }
        return !bringings.contains {
            $0.end > deletion.moment
                && ($0.number < 0 || Document.companions[$0.number]?.contains(key.number) == true)
        }
    }
}
