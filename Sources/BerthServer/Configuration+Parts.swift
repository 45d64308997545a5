import BerthAPI
import BerthAccess
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
        openUploads = configuration.upload.maxOpen
        openUploadBytes = Int64(configuration.upload.maxOpenBytes)
        sparseIndexes = configuration.manifests.sparseIndexes
        deletesReferenced = configuration.delete.referenced == .allow
        keepsChildren = configuration.delete.children == .keep
        keepsReferrers = configuration.delete.referrers == .keep
    }
}

extension APISettings {
    init(_ configuration: Configuration) {
        self.init()
        manifestBytes = configuration.manifests.maxBytes
        switches.isReadOnly = configuration.registry.isReadOnly
        switches.deletesAreOff = !configuration.delete.isEnabled
        switches.message = configuration.registry.message
        let tcp = configuration.http.listen.filter { if case .tcp = $0 { true } else { false } }
        hosts = HostGuard(names: configuration.hostNames, isLocal: tcp.allSatisfy(\.isLocal))
    }

    /// What clients are told about where to get tokens.
    mutating func set(realm configuration: Configuration, _ certificates: Certificates?) {
        let http = configuration.http
        realm.external = http.externalURL?.description
        realm.names = configuration.hostNames
        if let certificates { realm.isCertified = { certificates.cover($0) } }
    }
}

extension AccessSettings {
    init(_ configuration: Configuration, registry id: String) {
        self.init()
        open = OpenAccess(configuration.openness)
        issuer = "berth:\(id)"
        service = configuration.http.externalURL?.authority ?? "berth"
        tokenSeconds = configuration.access.tokenLifetime.components.seconds
        skewSeconds = configuration.access.clockSkew.components.seconds
        uploadSeconds = configuration.upload.maxAge.components.seconds
        let nowhere = configuration.listenersWithoutRealm.map { "\($0)" }
        if !nowhere.isEmpty { objectionToClosing = StartError.advice(nowhere, "this would be the first account") }
        auditSeconds = configuration.access.auditAge.components.seconds
        sessionSeconds = configuration.trust.session.components.seconds
        audience = configuration.http.externalURL?.description
    }
}

extension Configuration {
    /// Listeners whose clients could not be told where to get tokens: any name may lead to them, and none is known.
    var listenersWithoutRealm: [BerthConfig.ListenAddress] {
        guard http.externalURL == nil, !http.tls.isOn, http.trustedNetworks.isEmpty else { return [] }
        return http.listen.filter { address in
            guard case .tcp(let host, _) = address, !address.isLocal else { return false }
            return host == "0.0.0.0" || host == "::" || BerthConfig.IPAddress(host) == nil
        }
    }

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
    init(_ configuration: Configuration, _ certificates: Certificates?) {
        let http = configuration.http
        self.init(
            listeners: http.listen.map(BerthHTTP.ListenAddress.init), tls: certificates,
            limits: HTTPLimits(http.limits), timeouts: HTTPTimeouts(http.timeouts, http.limits),
            trustedProxies: http.trustedNetworks.compactMap { BerthHTTP.CIDR("\($0)") },
            trustsUnixSockets: http.trustedProxies.contains(.unix),
            bodyMemory: http.limits.bodyMemoryBytes)
    }
}

extension TLSConfiguration {
    /// Nil without TLS. `selfSigned`: a file with certificate and key, where they are made here.
    init?(_ tls: Configuration.TLS, selfSigned file: String) {
        let first = tls.isSelfSigned ? Configuration.TLS.Files(certificate: file, key: file) : tls.files
        guard let first else { return nil }
        self.init(
            ([first] + tls.additional).map { Pair(certificateFile: $0.certificate, keyFile: $0.key) },
            clientAuthorityFile: tls.clientAuth == .off ? nil : tls.clientCA,
            requiresClientCertificate: tls.clientAuth == .required)
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
