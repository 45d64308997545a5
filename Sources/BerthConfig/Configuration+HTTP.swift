extension Configuration {
    /// How clients reach the registry, and what each connection may cost.
    package struct HTTP: Sendable, Equatable {
        /// Never empty, no address twice.
        package var listen: [ListenAddress] = [.tcp(host: "127.0.0.1", port: 5000)]
        /// The URL that clients use, where it differs from the addresses listened on.
        package var externalURL: ExternalURL?
        /// Peers whose `X-Forwarded-*` headers are believed.
        package var trustedProxies: [TrustedProxy] = []
        /// Names that `Host` may carry besides loopback and the addresses listened on, while the registry is open.
        package var hosts: [HostName] = []
        package var limits = Limits()
        package var timeouts = Timeouts()
        package var tls = TLS()

        package init() {}

        package var trustedNetworks: [CIDR] { trustedProxies.compactMap(\.network) }
    }

    package struct Limits: Sendable, Equatable {
        package var requestLineBytes = 8 << 10
        /// The head of one request, its request line included.
        package var headerBytes = 32 << 10
        package var headerFields = 100
        package var connections = 16_384
        /// Connections that one client address may hold; 0: no limit.
        package var connectionsPerAddress = 0
        /// Bytes of request bodies in memory, all uploads together.
        package var bodyMemoryBytes = 128 << 20
        /// The slowest body taken, measured over `Timeouts.body`; 0: no limit.
        package var bodyBytesPerSecond = 1 << 10
        /// Bytes of a refused body that are read and dropped, so that the client sees the answer and not a reset.
        package var drainBytes = 1 << 20
    }

    /// No deadline is on a whole request: layers take as long as they take.
    package struct Timeouts: Sendable, Equatable {
        /// From the first byte of a request to the end of its headers.
        package var header = Duration.seconds(10)
        /// A kept-alive connection without a request.
        package var idle = Duration.seconds(120)
        /// A request body without a single byte; also the time over which its rate is measured.
        package var body = Duration.seconds(60)
        /// An answer of which the client takes nothing.
        package var write = Duration.seconds(300)
        package var handshake = Duration.seconds(10)
        /// Reading on after a refusal.
        package var drain = Duration.seconds(2)
        /// What running requests get on SIGTERM before they are cut.
        package var shutdown = Duration.seconds(25)
    }

    /// Files in PEM form, read at start and again when they change.
    package struct TLS: Sendable, Equatable {
        /// Both or neither are set.
        package var certificate: String?
        package var key: String?
        /// Further certificates, for other names.
        package var additional: [Files] = []
        /// Whether the certificate is made here, by an authority under the root.
        package var isSelfSigned = false
        /// Authorities of clients' certificates.
        package var clientCA: String?
        package var clientAuth = ClientAuth.off

        package enum ClientAuth: String, Sendable, CaseIterable {
            /// No client is asked for a certificate.
            case off
            /// A client may show one; it has to be good then.
            case optional
            /// Without a good one there is no connection.
            case required
        }

        /// Whether TCP addresses are served with TLS.
        package var isOn: Bool { isSelfSigned || files != nil }

        package var files: Files? {
            guard let certificate, let key else { return nil }
            return Files(certificate: certificate, key: key)
        }

        package struct Files: Sendable, Equatable, CustomStringConvertible {
            package let certificate: String
            package let key: String

            package init(certificate: String, key: String) { (self.certificate, self.key) = (certificate, key) }

            package var description: String { "\(certificate):\(key)" }
        }
    }
}
