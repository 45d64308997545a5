/// Who is believed about the client: proxies of a network, or whoever reaches a Unix socket.
package enum TrustedProxy: Hashable, Sendable, CustomStringConvertible {
    case unix
    case network(CIDR)

    package init(_ text: some StringProtocol) throws(WrongValue) {
        self = text == "unix" ? .unix : .network(try CIDR(text))
    }

    package var network: CIDR? {
        switch self {
        case .unix: nil
        case .network(let network): network
        }
    }

    package var description: String {
        switch self {
        case .unix: "unix"
        case .network(let network): "\(network)"
        }
    }
}
