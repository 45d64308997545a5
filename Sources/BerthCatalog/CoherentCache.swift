import Synchronization

/// A bounded cache that never answers with what an acknowledged write has made stale (C4).
///
/// Whoever fills it asks for a `token` first, reads, and offers the value with that token: it is taken only if nothing
/// near the key has been invalidated since. All calls are a lock and a dictionary, fit for an event loop.
final class CoherentCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    struct Token {
        fileprivate let generation: UInt64
    }

    /// Two dictionaries: when the young one is full it becomes the old one, whose entries are forgotten unless used.
    private struct State {
        var young: [Key: Value] = [:]
        var old: [Key: Value] = [:]
        var generation: UInt64 = 0
    }
    private final class Shard: Sendable {
        let state = Mutex(State())
    }
    private let shards: [Shard]
    private let entriesPerShard: Int
    private let spread: @Sendable (Key) -> UInt

    /// Keeps at most about `entries` values, and at least half as many. `spread` gives each key its shard.
    init(
        entries: Int, shards count: Int = 16,
        spread: @escaping @Sendable (Key) -> UInt = { UInt(bitPattern: $0.hashValue) }
    ) {
        self.spread = spread
        shards = (0..<count).map { _ in Shard() }
        entriesPerShard = max(1, entries / count / 2)
    }

    subscript(key: Key) -> Value? {
        shard(of: key).state.withLock { state in
            if let value = state.young[key] { return value }
            guard let value = state.old.removeValue(forKey: key) else { return nil }
            insert(value, for: key, &state)
            return value
        }
    }

    func token(for key: Key) -> Token {
        shard(of: key).state.withLock { Token(generation: $0.generation) }
    }

    func offer(_ value: Value, for key: Key, since token: Token) {
        shard(of: key).state.withLock { state in
            if state.generation == token.generation { insert(value, for: key, &state) }
        }
    }

    func invalidate(_ key: Key) {
        shard(of: key).state.withLock { state in
            state.generation += 1
            state.young[key] = nil
            state.old[key] = nil
        }
    }

    func invalidateAll() {
        for shard in shards {
            shard.state.withLock { state in
                state.generation += 1
                state.young = [:]
                state.old = [:]
            }
        }
    }

    private func insert(_ value: Value, for key: Key, _ state: inout State) {
        if state.young.count >= entriesPerShard {
            state.old = state.young
            state.young = [:]
        }
        state.young[key] = value
    }

    private func shard(of key: Key) -> Shard {
        shards[Int(spread(key) % UInt(shards.count))]
    }
}
