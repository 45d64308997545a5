import Synchronization

/// Bytes of request bodies that wait for their handlers, over all connections of a server.
final class BodyMemory: Sendable {
    private let limit: Int
    private let used = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    var isShort: Bool { used.load(ordering: .relaxed) >= limit }
    var bytes: Int { used.load(ordering: .relaxed) }

    func changed(by delta: Int) {
        if delta != 0 { used.wrappingAdd(delta, ordering: .relaxed) }
    }
}
