import Synchronization

/// A bounded cache of what was found good lately. A lock and a dictionary: fit for an event loop.
final class RecentCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// When the young dictionary is full it becomes the old one, whose entries are forgotten unless used.
    private struct State {
        var young: [Key: Value] = [:]
        var old: [Key: Value] = [:]
        /// Of the young ones.
        var weight = 0
    }
    private final class Shard: Sendable {
        let state = Mutex(State())
    }
    private let shards: [Shard]
    private let weightPerShard: Int
    private let weigh: @Sendable (Value) -> Int

    /// Keeps values that weigh about `weight` together, and at least half of that.
    init(weight: Int, shards count: Int = 8, of weigh: @escaping @Sendable (Value) -> Int) {
        shards = (0..<count).map { _ in Shard() }
        weightPerShard = max(1, weight / count / 2)
        self.weigh = weigh
    }

    /// What all values weigh.
    var weight: Int {
        shards.reduce(0) { sum, shard in
            sum + shard.state.withLock { $0.weight + $0.old.values.reduce(0) { $0 + weigh($1) } }
        }
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
                if let former = state.young.removeValue(forKey: key) { state.weight -= weigh(former) }
                if let newValue { insert(newValue, for: key, &state) }
            }
        }
    }

    func removeAll() {
        for shard in shards { shard.state.withLock { $0 = State() } }
    }

    private func insert(_ value: Value, for key: Key, _ state: inout State) {
        let weight = weigh(value)
        guard weight <= weightPerShard else { return }
        if state.weight + weight > weightPerShard {
            state = State(young: [:], old: state.young)
        }
        state.young[key] = value
        state.weight += weight
    }

    private func shard(of key: Key) -> Shard { shards[Int(UInt(bitPattern: key.hashValue) % UInt(shards.count))] }
}
