import BerthModel
import Synchronization

/// The open files of hot content: at most `capacity`, the least recently used goes first. No call of this type makes a
/// system call, apart from closing a file whose last owner the cache was.
final class DescriptorCache: Sendable {
    /// Event loops seldom meet in one of sixteen parts.
    private static let parts = 16

    private let shards: [Shard]

    /// `capacity` 0 keeps nothing.
    init(capacity: Int) {
        let count = capacity >= 8 * Self.parts ? Self.parts : 1
        shards = (0..<count).map { index in
            Shard(capacity: max(0, capacity) / count + (index < capacity % count ? 1 : 0))
        }
    }

    /// The open file of `digest` if it has `size` bytes.
    func file(_ digest: Digest, size: Int64) -> OpenFile? {
        guard let file = shard(digest).entries.withLock({ $0.use(digest) }), file.size == size else { return nil }
        return file
    }

    /// To be read before the file is opened, and given to `insert`.
    func generation(_ digest: Digest) -> UInt64 { shard(digest).entries.withLock { $0.generation } }

    /// Keeps `file`, unless something has been evicted since `generation` was read: then it may be the evicted content.
    func insert(_ file: OpenFile, _ digest: Digest, since generation: UInt64) {
        let shard = shard(digest)
        let gone = shard.entries.withLock { entries in
            entries.generation == generation ? entries.insert(file, digest) : nil
        }
        withExtendedLifetime(gone) {}  // closed here, outside the lock
    }

    /// The same for a file that was cheap to open: where no place is free, only the second opening in a while takes one.
    /// So a walk through much small content neither pushes out what is hot nor pays for trying.
    func insertIfHot(_ file: OpenFile, _ digest: Digest, since generation: UInt64) {
        let shard = shard(digest)
        let gone = shard.entries.withLock { entries -> OpenFile? in
            guard entries.generation == generation, entries.hasRoom || shard.lately.note(digest) else { return nil }
            return entries.insert(file, digest)
        }
        withExtendedLifetime(gone) {}  // closed here, outside the lock
    }

    func evict(_ digest: Digest) {
        let gone = shard(digest).entries.withLock { $0.remove(digest) }
        withExtendedLifetime(gone) {}
    }

    var count: Int { shards.reduce(0) { sum, shard in sum + shard.entries.withLock { $0.count } } }

    private func shard(_ digest: Digest) -> Shard {
        shards.count == 1 ? shards[0] : shards[Int(digest.spread % UInt(shards.count))]
    }
}

private final class Shard: Sendable {
    let entries: Mutex<RecentFiles>
    let lately = SeenLately()
    init(capacity: Int) { entries = Mutex(RecentFiles(capacity: capacity)) }
}

/// A dictionary that knows the order of use: a doubly linked list through the slots of an array.
struct RecentFiles {
    private struct Slot {
        var digest: Digest
        var file: OpenFile
        var newer: Int
        var older: Int
    }

    private static let none = -1
    private let capacity: Int
    private var slots: [Slot] = []
    private var places: [Digest: Int] = [:]
    private var newest = none
    private var oldest = none
    /// Counts evictions.
    private(set) var generation: UInt64 = 0

    init(capacity: Int) { self.capacity = capacity }

    var count: Int { places.count }
    var hasRoom: Bool { count < capacity }

    func contains(_ digest: Digest) -> Bool { places[digest] != nil }

    mutating func use(_ digest: Digest) -> OpenFile? {
        guard let place = places[digest] else { return nil }
        if place != newest {
            unlink(place)
            linkAsNewest(place)
        }
        return slots[place].file
    }

    /// Answers what had to go.
    mutating func insert(_ file: OpenFile, _ digest: Digest) -> OpenFile? {
        guard capacity > 0 else { return nil }
        if let place = places[digest] {
            let old = slots[place].file
            slots[place].file = file
            return old
        }
        guard slots.count >= capacity else {
            slots.append(Slot(digest: digest, file: file, newer: Self.none, older: Self.none))
            places[digest] = slots.count - 1
            linkAsNewest(slots.count - 1)
            return nil
        }
        let place = oldest
        let old = slots[place]
        unlink(place)
        places[old.digest] = nil
        slots[place] = Slot(digest: digest, file: file, newer: Self.none, older: Self.none)
        places[digest] = place
        linkAsNewest(place)
        return old.file
    }

    mutating func remove(_ digest: Digest) -> OpenFile? {
        generation &+= 1
        guard let place = places.removeValue(forKey: digest) else { return nil }
        unlink(place)
        let file = slots[place].file
        let last = slots.count - 1
        if place != last { move(last, to: place) }
        slots.removeLast()
        return file
    }

    private mutating func move(_ from: Int, to place: Int) {
        let slot = slots[from]
        slots[place] = slot
        places[slot.digest] = place
        if slot.newer == Self.none { newest = place } else { slots[slot.newer].older = place }
        if slot.older == Self.none { oldest = place } else { slots[slot.older].newer = place }
    }

    private mutating func unlink(_ place: Int) {
        let (newer, older) = (slots[place].newer, slots[place].older)
        if newer == Self.none { newest = older } else { slots[newer].older = older }
        if older == Self.none { oldest = newer } else { slots[older].newer = newer }
    }

    private mutating func linkAsNewest(_ place: Int) {
        slots[place].newer = Self.none
        slots[place].older = newest
        if newest != Self.none { slots[newest].newer = place }
        newest = place
        if oldest == Self.none { oldest = place }
    }
}
