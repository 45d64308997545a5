import BerthModel

/// The documents of the small registry: a number always means the same bytes. Blobs are 0 to 2, images 10 and 11, a
/// signature of image 10 is 12, indexes 20 and 21, indexes of indexes 30 and 31.
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
        case 20: [10]
        case 21: [10, 11]
        case 30, 31: [20]
        default: []
        }
    }
    static func subject(of manifest: Int) -> Int? { manifest == 12 ? 10 : nil }

    static let manifests = [10, 11, 12, 20, 21, 30, 31]

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
        var end = Int.max
    }
    /// The push or restoration of each manifest that was acknowledged last, by when it began.
    private(set) var acknowledged: [Key: Int] = [:]
    /// Manifests that have had a tag.
    private var roots: Set<Key> = []
    private var deletions: [Deletion] = []
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

    mutating func beginDeletion(_ key: Key) -> Int {
        deletions.append(Deletion(key: key))
        return deletions.count - 1
    }
    mutating func endDeletion(_ index: Int, wasRefused: Bool) { deletions[index].end = wasRefused ? 0 : tick() }

    /// Whether somebody has asked to delete exactly this since `moment`.
    func wasDeleted(_ key: Key, since moment: Int) -> Bool {
        deletions.contains { $0.key == key && $0.end > moment }
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
