import Synchronization

/// Counts connections, in all and by address.
final class ConnectionQuota: Sendable {
    private struct State {
        var total = 0
        var byAddress: [IPAddress: Int] = [:]
    }

    private let most: Int
    private let mostPerAddress: Int?
    private let state = Mutex(State())

    init(_ limits: HTTPLimits) {
        most = limits.connections
        mostPerAddress = limits.connectionsPerAddress
    }

    /// Counts one in. False: it is over a limit, and counted all the same until `leave`.
    func enter(_ address: IPAddress?) -> Bool {
        state.withLock { state in
            state.total += 1
            guard let mostPerAddress, let address else { return state.total <= most }
            let count = state.byAddress[address, default: 0] + 1
            state.byAddress[address] = count
            return state.total <= most && count <= mostPerAddress
        }
    }

    func leave(_ address: IPAddress?) {
        state.withLock { state in
            state.total -= 1
            guard mostPerAddress != nil, let address, let count = state.byAddress[address] else { return }
            state.byAddress[address] = count > 1 ? count - 1 : nil
        }
    }
}
