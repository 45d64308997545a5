import Synchronization

/// A bounded cache that never answers with what an acknowledged write has made stale (C4).
///
/// Whoever fills it asks for a `token` first, reads, and offers the value with that token: it is taken only if nothing
/// near the key has been invalidated since. All calls are a lock and a table, fit for an event loop.
final class CoherentCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    struct Token {
        fileprivate let generation: UInt64
    }

    private struct State {
        var table: ClockTable<Key, Value>
        var generation: UInt64 = 0
    }
    private final class Shard: Sendable {
        let state: Mutex<State>
        init(entries: Int) { state = Mutex(State(table: ClockTable(most: entries))) }
    }
    private let shards: [Shard]

    /// Keeps at most about `entries` values.
    init(entries: Int, shards count: Int = 16) {
        shards = (0..<count).map { _ in Shard(entries: entries / count) }
    }

    subscript(key: Key) -> Value? {
        let hash = hash(key)
        return shard(hash).state.withLock { $0.table.value(for: key, hash: rest(hash)) }
    }

    func token(for key: Key) -> Token {
        shard(hash(key)).state.withLock { Token(generation: $0.generation) }
    }

    func offer(_ value: Value, for key: Key, since token: Token) {
        let hash = hash(key)
        shard(hash).state.withLock { state in
            if state.generation == token.generation { state.table.insert(value, for: key, hash: rest(hash)) }
        }
    }

    func invalidate(_ key: Key) {
        let hash = hash(key)
        shard(hash).state.withLock { state in
            state.generation += 1
            state.table.remove(key, hash: rest(hash))
        }
    }

    func invalidateAll() {
        for shard in shards {
            shard.state.withLock { state in
                state.generation += 1
                state.table.removeAll()
            }
        }
    }

    /// Seeded for each process: clients choose digests and names, and by a hash that they can work out could choose many that
    /// fall together.
    private func hash(_ key: Key) -> UInt { UInt(bitPattern: key.hashValue) }

    private func shard(_ hash: UInt) -> Shard { shards[Int(hash % UInt(shards.count))] }

    /// What has not chosen the shard: within it the keys are spread by this.
    private func rest(_ hash: UInt) -> UInt { hash / UInt(shards.count) }
}
