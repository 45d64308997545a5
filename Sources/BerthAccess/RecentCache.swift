import Synchronization

/// A bounded cache of what was found good lately. A lock and a dictionary: fit for an event loop.
final class RecentCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// When the young dictionary is full it becomes the old one, whose entries are forgotten unless used.
    private struct State {
        var young: [Key: Value] = [:]
        var old: [Key: Value] = [:]
    }
    private final class Shard: Sendable {
        let state = Mutex(State())
    }
    private let shards: [Shard]
    private let entriesPerShard: Int

    /// Keeps at most about `entries` values, and at least half as many.
    init(entries: Int, shards count: Int = 8) {
        shards = (0..<count).map { _ in Shard() }
        entriesPerShard = max(1, entries / count / 2)
    }

    subscript(key: Key) -> Value? {
        get {
            shard(of: key).state.withLock { state in
                if let value = state.young[key] { return value }
                guard let value = state.old.removeValue(forKey: key) else { return nil }
                insert(value, for: key, &state)
                return value
            }
        }
        set {
            shard(of: key).state.withLock { state in
                state.old[key] = nil
                if let newValue { insert(newValue, for: key, &state) } else { state.young[key] = nil }
            }
        }
    }

    func removeAll() {
        for shard in shards { shard.state.withLock { $0 = State() } }
    }

    private func insert(_ value: Value, for key: Key, _ state: inout State) {
        if state.young.count >= entriesPerShard {
            state.old = state.young
            state.young = [:]
        }
        state.young[key] = value
    }

    private func shard(of key: Key) -> Shard { shards[Int(UInt(bitPattern: key.hashValue) % UInt(shards.count))] }
}
