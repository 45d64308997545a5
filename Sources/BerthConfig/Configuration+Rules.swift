extension Configuration {
    /// What must hold between keys. A rule is not asked while one of its keys is wrong by itself.
    struct Rule: Sendable {
        let keys: Set<String>
        let conflicts: @Sendable (Configuration) -> [(key: String, reason: String)]
    }

    static let rules: [Rule] = [
        tlsPair, tlsCertificate, clientCertificates, safeAdministration, someListener, distinctListeners,
        manifestFitsMemory,
    ]

    /// What must hold besides as long as there are no accounts; whether there are, only an open root tells.
    static let rulesWithoutAccounts: [Rule] = [safeStart]

    private static let tlsPair = Rule(keys: ["http.tls.certificate", "http.tls.key"]) { configuration in
        let tls = configuration.http.tls
        if tls.certificate != nil, tls.key == nil {
            return [("http.tls.certificate", "is set and http.tls.key is not; TLS takes both")]
        }
        if tls.key != nil, tls.certificate == nil {
            return [("http.tls.key", "is set and http.tls.certificate is not; TLS takes both")]
        }
        return []
    }

    private static let tlsCertificate = Rule(
        keys: ["http.tls.certificate", "http.tls.key", "http.tls.self_signed", "http.tls.additional"]
    ) { configuration in
        let tls = configuration.http.tls
        if tls.isSelfSigned, tls.certificate != nil {
            return [("http.tls.self_signed", "is true, and there is http.tls.certificate; TLS takes one of them")]
        }
        if !tls.additional.isEmpty, tls.certificate == nil, !tls.isSelfSigned {
            return [
                (
                    "http.tls.additional",
                    "is set and http.tls.certificate is not; that is for all names that none is for"
                )
            ]
        }
        return []
    }

    private static let clientCertificates = Rule(
        keys: [
            "http.tls.client_ca", "http.tls.client_auth", "http.tls.certificate", "http.tls.key",
            "http.tls.self_signed",
        ]
    ) { configuration in
        let tls = configuration.http.tls
        guard tls.clientAuth != .off else { return [] }
        let word = tls.clientAuth.rawValue
        if tls.clientCA == nil {
            return [
                ("http.tls.client_auth", "is \(word) and http.tls.client_ca is not set; nobody's certificate is good")
            ]
        }
        if !tls.isOn, tls.certificate == nil, tls.key == nil {
            return [("http.tls.client_auth", "is \(word), and without http.tls.certificate there is no TLS")]
        }
        return []
    }

    private static let someListener = Rule(keys: ["http.listen"]) { configuration in
        configuration.http.listen.isEmpty ? [("http.listen", "is empty; the registry would serve nobody")] : []
    }

    private static let distinctListeners = Rule(keys: ["http.listen", "metrics.listen", "admin.listen"]) {
        configuration in
        var seen: Set<String> = []
        var conflicts: [(key: String, reason: String)] = []
        for address in configuration.http.listen {
            guard let place = address.place, !seen.insert(place).inserted else { continue }
            conflicts.append(("http.listen", "has \(address) twice"))
        }
        if let metrics = configuration.metrics.listen, let place = metrics.place, !seen.insert(place).inserted {
            conflicts.append(
                ("metrics.listen", "is \(metrics), which http.listen has too; metrics take a listener of their own"))
        }
        if let admin = configuration.admin.listen, let place = admin.place, seen.contains(place) {
            conflicts.append(("admin.listen", "is \(admin), which another listener has; it takes one of its own"))
        }
        return conflicts
    }

    /// No administrator's password goes over a network in the clear.
    private static let safeAdministration = Rule(
        keys: ["admin.listen", "http.tls.certificate", "http.tls.key", "http.tls.self_signed"]
    ) { configuration in
        guard let address = configuration.admin.listen, case .tcp = address, !address.isLocal,
            !configuration.http.tls.isOn
        else { return [] }
        return [
            (
                "admin.listen",
                "is \(address), and there is no TLS (http.tls): passwords could be read on the way; or listen on 127.0.0.1"
            )
        ]
    }

    /// Without accounts, nobody beyond this machine is served unless somebody said so.
    private static let safeStart = Rule(keys: ["http.listen", "access.anonymous"]) { configuration in
        let anonymous = configuration.access.anonymous
        if anonymous == .pull || anonymous == .push { return [] }
        return configuration.http.listen.filter { !$0.isLocal }.map { address in
            let (who, instead) =
                switch address {
                case .tcp: ("the network reaches it", "listen on 127.0.0.1 or [::1]")
                case .unix: ("every user of this machine reaches it", "give the socket mode=0660 or narrower")
                }
            let state =
                anonymous == nil ? "access.anonymous is not set" : "access.anonymous is none, and there are no accounts"
            return (
                "http.listen",
                "has \(address): \(who), and \(state); make an account (berth user add), set access.anonymous to pull or push to open the registry, or \(instead)"
            )
        }
    }

    private static let manifestFitsMemory = Rule(keys: ["manifests.max_size", "http.limits.body_memory"]) {
        configuration in
        let (manifest, memory) = (configuration.manifests.maxBytes, configuration.http.limits.bodyMemoryBytes)
        guard manifest > memory else { return [] }
        return [
            (
                "manifests.max_size",
                "is \(SizeText.write(manifest)), more than http.limits.body_memory (\(SizeText.write(memory)))"
            )
        ]
    }
}

extension ListenAddress {
    /// What two listeners cannot share; `nil` for port 0, which is a new port each time.
    fileprivate var place: String? {
        switch self {
        case .tcp(_, 0): nil
        case .tcp(let host, let port): "\(host):\(port)"
        case .unix(let path, _): "unix:\(path)"
        }
    }
}
