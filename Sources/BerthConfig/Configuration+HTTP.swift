extension Configuration {
    /// How clients reach the registry, and what each connection may cost.
    package struct HTTP: Sendable, Equatable {
        /// Never empty, no address twice.
        package var listen: [ListenAddress] = [.tcp(host: "127.0.0.1", port: 5000)]
        /// The URL that clients use, where it differs from the addresses listened on.
        package var externalURL: ExternalURL?
        /// Peers whose `X-Forwarded-*` headers are believed.
        package var trustedProxies: [CIDR] = []
        /// Names that `Host` may carry besides loopback and the addresses listened on, while the registry is open.
        package var hosts: [HostName] = []
        package var limits = Limits()
        package var timeouts = Timeouts()
        package var tls = TLS()

        package init() {}
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

    /// Files in PEM form, read at start and again on SIGHUP. Both or neither are set.
    package struct TLS: Sendable, Equatable {
        package var certificate: String?
        package var key: String?

        package var files: Files? {
            guard let certificate, let key else { return nil }
            return Files(certificate: certificate, key: key)
        }

        package struct Files: Sendable, Equatable {
            package let certificate: String
            package let key: String
        }
    }
}
