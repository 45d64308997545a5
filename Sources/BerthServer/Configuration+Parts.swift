import BerthAPI
import BerthConfig
import BerthHTTP
import BerthRegistry
import NIOCore

// From the operator's configuration to each room's own settings: no room but this one knows both.

extension Configuration {
    /// What everybody may do. Undecided, the configuration has made sure that only this machine can reach the registry.
    var openness: OpenAccess.Openness {
        switch access.anonymous {
        case nil, .push: .push
        case .pull: .pull
        case Access.Anonymous.none?: .nothing
        }
    }
}

extension RegistrySettings {
    init(_ configuration: Configuration) {
        self.init()
        uploadMaxAge = configuration.upload.maxAge
        sparseIndexes = configuration.manifests.sparseIndexes
        deletesReferenced = configuration.delete.referenced == .allow
        keepsChildren = configuration.delete.children == .keep
    }
}

extension APISettings {
    init(_ configuration: Configuration) {
        self.init()
        manifestBytes = configuration.manifests.maxBytes
        switches.isReadOnly = configuration.registry.isReadOnly
        switches.deletesAreOff = !configuration.delete.isEnabled
        switches.message = configuration.registry.message
        hosts = HostGuard(names: configuration.hostNames)
    }
}

extension Configuration {
    /// Names under which web pages may reach an open registry: what was configured, and addresses listened on.
    var hostNames: Set<String> {
        var names = Set(http.hosts.map { "\($0)".lowercased() })
        for case .tcp(let host, _) in http.listen.map(BerthHTTP.ListenAddress.init) {
            if host == "0.0.0.0" || host == "::" {
                names.formUnion(Self.ownAddresses())
            } else {
                names.insert(host.lowercased())
            }
        }
        if let url = http.externalURL { names.insert(url.host.text) }
        return names
    }

    /// The addresses of this machine: what a wildcard listens on.
    private static func ownAddresses() -> [String] {
        let devices = (try? System.enumerateDevices()) ?? []
        return devices.compactMap { $0.address?.ipAddress?.lowercased() }
    }
}

extension BerthHTTP.ListenAddress {
    init(_ address: BerthConfig.ListenAddress) {
        switch address {
        case .tcp(let host, let port): self = .tcp(host: host, port: port)
        case .unix(let path, let mode): self = .unix(path: path, mode: UInt32(mode))
        }
    }
}

extension HTTPServerConfiguration {
    init(_ configuration: Configuration) {
        let http = configuration.http
        self.init(
            listeners: http.listen.map(BerthHTTP.ListenAddress.init),
            tls: http.tls.files.map { TLSConfiguration(certificateFile: $0.certificate, keyFile: $0.key) },
            limits: HTTPLimits(http.limits), timeouts: HTTPTimeouts(http.timeouts, http.limits),
            trustedProxies: http.trustedProxies.compactMap { BerthHTTP.CIDR("\($0)") },
            bodyMemory: http.limits.bodyMemoryBytes)
    }
}

extension HTTPLimits {
    init(_ limits: Configuration.Limits) {
        self.init()
        requestLineBytes = limits.requestLineBytes
        headerBytes = limits.headerBytes
        headerFields = limits.headerFields
        connections = limits.connections
        connectionsPerAddress = limits.connectionsPerAddress == 0 ? nil : limits.connectionsPerAddress
        drainBytes = limits.drainBytes
    }
}

extension HTTPTimeouts {
    init(_ timeouts: Configuration.Timeouts, _ limits: Configuration.Limits) {
        self.init()
        header = timeouts.header
        idle = timeouts.idle
        body = timeouts.body
        lowestBodyRate = limits.bodyBytesPerSecond
        stalledWrite = timeouts.write
        tlsHandshake = timeouts.handshake
        drain = timeouts.drain
    }
}
