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
        let key: Key
        let isPurge: Bool
        var end = Int.max
    }
    /// Bytes that somebody sends.
    private struct Bringing {
        let number: Int
        var end = Int.max
    }
    /// The push or restoration of each manifest that was acknowledged last, by when it began.
    private(set) var acknowledged: [Key: Int] = [:]
    /// Manifests that have had a tag.
    private var roots: Set<Key> = []
    private var deletions: [Deletion] = []
    private var bringings: [Bringing] = []
    /// Somebody has pushed a manifest that names what need not be here.
    private(set) var namesUndistributed = false
    /// What was taken out of everything, and when that began.
    private(set) var purged: [Int: Int] = [:]
    /// Blobs that were deleted from under manifests that are here.
    var torn: Set<Key> = []
    private var time = 0

    /// Another moment.
    mutating func tick() -> Int {
        time += 1
        return time
    }

    mutating func acknowledge(_ key: Key, since began: Int, isRoot: Bool = false) {
        acknowledged[key] = max(began, acknowledged[key] ?? began)
        if isRoot { roots.insert(key) }
    }

    mutating func beginDeletion(_ key: Key, isPurge: Bool = false) -> Int {
        deletions.append(Deletion(key: key, isPurge: isPurge))
        return deletions.count - 1
    }
    mutating func endDeletion(_ index: Int, wasRefused: Bool) { deletions[index].end = wasRefused ? 0 : tick() }

    /// Whether somebody has asked to delete exactly this since `moment`.
    func wasDeleted(_ key: Key, since moment: Int) -> Bool {
        deletions.contains { $0.key == key && $0.end > moment }
    }

    /// Whether this, or what it goes with, may have been deleted since `moment`.
    func mayHaveGone(_ key: Key, since moment: Int) -> Bool {
        deletions.contains { deletion in
            deletion.end > moment && deletion.key.repository == key.repository
                && (deletion.key.number == key.number
                    || Document.companions[deletion.key.number]?.contains(key.number) == true)
        }
    }

    /// Whether this may have been purged since `moment`, with all that names it.
    func wasPurged(_ key: Key, since moment: Int) -> Bool {
        deletions.contains { $0.isPurge && $0.key == key && $0.end > moment }
    }

    mutating func purge(_ number: Int, since began: Int) { purged[number] = began }

    mutating func beginBringing(_ number: Int) -> Int {
        bringings.append(Bringing(number: number))
        if !Document.undistributed(of: number).isEmpty { namesUndistributed = true }
        return bringings.count - 1
    }
    mutating func endBringing(_ index: Int) { bringings[index].end = tick() }

    /// Whether somebody may have sent these bytes since `moment`.
    func wasBrought(_ number: Int, since moment: Int) -> Bool {
        bringings.contains { $0.number == number && $0.end > moment }
    }

    /// Whether an acknowledged manifest has not been deleted since, with another one either.
    func mustBeHere(_ key: Key) -> Bool {
        guard let began = acknowledged[key] else { return false }
        return !deletions.contains { deletion in
            guard deletion.end > began, deletion.key.repository == key.repository else { return false }
            return deletion.key.number == key.number
                || !roots.contains(key) && Document.companions[deletion.key.number]?.contains(key.number) == true
        }
    }
}
