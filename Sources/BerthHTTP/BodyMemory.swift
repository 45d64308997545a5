import Synchronization

/// Bytes of request bodies that wait for their handlers, over all connections of a server.
final class BodyMemory: Sendable {
    private let limit: Int
    private let used = Atomic<Int>(0)
    private let bodies = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    var isShort: Bool { used.load(ordering: .relaxed) >= limit }
    var bytes: Int { used.load(ordering: .relaxed) }

    /// What may wait of one body: the same for each of those that are being received, and a sixteenth of the memory for all,
    /// since several times as much is on its way through the handlers. Few bodies have more than they take.
    var share: Int {
        max(Self.leastShare, limit / 16 / max(1, bodies.load(ordering: .relaxed)))
    }
    private static let leastShare = 64 << 10

    func changed(by delta: Int) {
        if delta != 0 { used.wrappingAdd(delta, ordering: .relaxed) }
    }

    func bodyBegan() { bodies.wrappingAdd(1, ordering: .relaxed) }
    func bodyEnded() { bodies.wrappingSubtract(1, ordering: .relaxed) }
}
