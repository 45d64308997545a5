/// All that an `HTTPServer` is told. Durations must be greater than zero.
package struct HTTPServerConfiguration: Sendable {
    package var listeners: [ListenAddress]
    /// For the TCP listeners; Unix sockets are always plain.
    package var tls: Certificates?
    package var limits: HTTPLimits
    package var timeouts: HTTPTimeouts
    /// Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    package var trustedProxies: [CIDR]
    /// Whether the same goes for whoever connects to a Unix socket.
    package var trustsUnixSockets: Bool
    /// Bytes of request bodies that may wait for the handlers over all connections. Beyond it a connection reads
    /// only when nothing of its own is waiting.
    package var bodyMemory: Int
    /// Threads that serve connections; nil: one a core.
    package var eventLoops: Int?

    package init(
        listeners: [ListenAddress],
        tls: Certificates? = nil,
        limits: HTTPLimits = HTTPLimits(),
        timeouts: HTTPTimeouts = HTTPTimeouts(),
        trustedProxies: [CIDR] = [],
        trustsUnixSockets: Bool = false,
        bodyMemory: Int = 256 << 20,
        eventLoops: Int? = nil
    ) {
        self.listeners = listeners
        self.tls = tls
        self.limits = limits
        self.timeouts = timeouts
        self.trustedProxies = trustedProxies
        self.trustsUnixSockets = trustsUnixSockets
        self.bodyMemory = bodyMemory
        self.eventLoops = eventLoops
    }
}

extension HTTPServerConfiguration {
    /// Whether this is an IPv6 address whose port an IPv4 address has too: alone, `[::]` would take both families.
    func sharesPort(_ address: ListenAddress) -> Bool {
        guard case .tcp(let host, let port) = address, host.utf8.contains(UInt8(ascii: ":")) else { return false }
        return listeners.contains { other in
            if case .tcp(let host, port) = other { !host.utf8.contains(UInt8(ascii: ":")) } else { false }
        }
    }
}

package enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// A host name or a literal address (IPv6 without brackets); port 0 takes a free one.
    case tcp(host: String, port: Int)
    /// A socket file with the given permissions. A stale one is replaced.
    case unix(path: String, mode: UInt32 = 0o660)

    package var description: String {
        switch self {
        case .tcp(let host, let port):
            host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path, _): "unix:\(path)"
        }
    }
}

/// Where a listener really listens.
package enum BoundAddress: Sendable, Hashable, CustomStringConvertible {
    case tcp(address: String, port: Int)
    case unix(path: String)

    /// nil for a Unix socket.
    package var port: Int? {
        switch self {
        case .tcp(_, let port): port
        case .unix: nil
        }
    }

    package var description: String {
        switch self {
        case .tcp(let address, let port): "\(ListenAddress.tcp(host: address, port: port))"
        case .unix(let path): "\(ListenAddress.unix(path: path))"
        }
    }
}

/// Paths of PEM files, and whether clients have to show a certificate of their own.
package struct TLSConfiguration: Sendable, Hashable {
    /// A certificate with its chain, and its key; one file may hold both.
    package struct Pair: Sendable, Hashable {
        package var certificateFile: String
        package var keyFile: String

        package init(certificateFile: String, keyFile: String) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }
    }
    /// Never empty. The first is for clients that ask for no name, or for one that none is for.
    package var pairs: [Pair]
    /// Authorities whose certificates of clients are good; nil: clients are not asked for one.
    package var clientAuthorityFile: String?
    /// Whether a client without a certificate is refused in the handshake. One whose certificate is not good always is.
    package var requiresClientCertificate = false

    package init(_ pairs: [Pair], clientAuthorityFile: String? = nil, requiresClientCertificate: Bool = false) {
        self.pairs = pairs
        self.clientAuthorityFile = clientAuthorityFile
        self.requiresClientCertificate = requiresClientCertificate
    }
}

/// Counts and sizes past which a client is refused.
package struct HTTPLimits: Sendable, Hashable {
    /// The request line with its line end; beyond it 414.
    package var requestLineBytes = 8 << 10
    /// The whole head with the request line; beyond it 431.
    package var headerBytes = 32 << 10
    package var headerFields = 100
    /// Connections in all; further ones get 503 and are closed.
    package var connections = 16_384
    /// Connections from one address (its own, whatever a proxy says); nil: as many as in all.
    package var connectionsPerAddress: Int?
    /// Bytes of a request's body that are read and thrown away after an answer that did not wait for them.
    package var drainBytes = 1 << 20
    /// Waiting connections a listener holds.
    package var backlog = 1024

    package init() {}
}

/// Deadlines, all on progress: none on a whole request.
package struct HTTPTimeouts: Sendable, Hashable {
    /// From a head's first byte to its last.
    package var header: Duration = .seconds(10)
    /// Between requests, and before the first.
    package var idle: Duration = .seconds(120)
    /// Without a byte of a body that the server is ready to read; also the time over which its rate is measured.
    package var body: Duration = .seconds(60)
    /// Bytes a second below which a body counts as stalled.
    package var lowestBodyRate = 1024
    /// Without any byte of an answer taken by the client.
    package var stalledWrite: Duration = .seconds(300)
    package var tlsHandshake: Duration = .seconds(10)
    /// For the rest of a body after an answer that did not wait for it, and for the client to close its end.
    package var drain: Duration = .seconds(2)

    package init() {}
}
