/// A bounded hash table that makes room by forgetting what was not asked for lately (the CLOCK algorithm).
///
/// Open addressing with linear probing: what is compared first are four bytes a slot that lie side by side, and a hit
/// moves nothing. It begins small and doubles, so that a table that is hardly used costs hardly any memory.
struct ClockTable<Key: Equatable, Value> {
    private typealias Entry = (key: Key, value: Value)

    /// 0 where the slot is empty; else `isTaken`, perhaps `isUsed`, and the lower bits of the key's hash.
    private var marks: [UInt32]
    private var entries: [Entry?]
    private(set) var count = 0
    private var hand = 0
    private let most: Int

    private static var isTaken: UInt32 { 1 << 31 }
    private static var isUsed: UInt32 { 1 << 30 }
    private static var firstSize: Int { 16 }

    /// Holds at most `most` entries.
    init(most: Int) {
        self.most = max(1, most)
        marks = [UInt32](repeating: 0, count: Self.firstSize)
        entries = [Entry?](repeating: nil, count: Self.firstSize)
    }

    /// The value under `key`, which then stays longer than those that nobody asks for.
    mutating func value(for key: Key, hash: UInt) -> Value? {
        guard let slot = slot(of: key, hash) else { return nil }
        marks[slot] |= Self.isUsed
        return entries[slot]?.value
    }

    /// In place of what is there under `key`, or of an entry that was not used lately where the table is full.
    mutating func insert(_ value: Value, for key: Key, hash: UInt) {
        if let slot = slot(of: key, hash) {
            entries[slot] = (key, value)
            return
        }
        if count == most { forgetOne() }
        // A quarter stays empty, so that a probe soon meets its end.
        if (count + 1) * 4 > marks.count * 3 { grow() }
        put((key, value), Self.mark(hash))
        count += 1
    }

    mutating func remove(_ key: Key, hash: UInt) {
        if let slot = slot(of: key, hash) { empty(slot) }
    }

    mutating func removeAll() { self = ClockTable(most: most) }

    private static func mark(_ hash: UInt) -> UInt32 {
        UInt32(truncatingIfNeeded: hash) & (isUsed - 1) | isTaken
    }

    private func home(_ mark: UInt32) -> Int { Int(mark & (Self.isUsed - 1)) & (marks.count - 1) }
    private func after(_ slot: Int) -> Int { (slot + 1) & (marks.count - 1) }

    private func slot(of key: Key, _ hash: UInt) -> Int? {
        let wanted = Self.mark(hash)
        var slot = home(wanted)
        while marks[slot] != 0 {
            if marks[slot] & ~Self.isUsed == wanted, entries[slot]?.key == key { return slot }
            slot = after(slot)
        }
        return nil
    }

    private mutating func put(_ entry: Entry, _ mark: UInt32) {
        var slot = home(mark)
        while marks[slot] != 0 { slot = after(slot) }
        marks[slot] = mark
        entries[slot] = entry
    }

    private mutating func grow() {
        let (oldMarks, oldEntries) = (marks, entries)
        marks = [UInt32](repeating: 0, count: oldMarks.count * 2)
        entries = [Entry?](repeating: nil, count: oldMarks.count * 2)
        hand = 0
        for (mark, entry) in zip(oldMarks, oldEntries) { if let entry { put(entry, mark) } }
    }

    /// Goes round from where it stopped: who was asked for since it last came by is let off once.
    private mutating func forgetOne() {
        while true {
            if marks[hand] != 0 {
                if marks[hand] & Self.isUsed == 0 { return empty(hand) }
                marks[hand] &= ~Self.isUsed
            }
            hand = after(hand)
        }
    }

    /// Empties a slot and moves up those behind it that could not be put there or before it.
    private mutating func empty(_ slot: Int) {
        var hole = slot
        var next = after(slot)
        while marks[next] != 0 {
            let distance = (next - home(marks[next])) & (marks.count - 1)
            if distance >= (next - hole) & (marks.count - 1) {
                marks[hole] = marks[next]
                entries[hole] = entries[next]
                hole = next
            }
            next = after(next)
        }
        marks[hole] = 0
        entries[hole] = nil
        count -= 1
    }
}
