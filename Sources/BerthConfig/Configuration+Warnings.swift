extension Configuration {
    /// What is allowed and yet deserves a line at start, each with its reason.
    package var warnings: [String] {
        var warnings: [String] = []
        if storage.sync == .never {
            warnings.append("storage.sync is never: what clients push can be lost with the power")
        }
        if collector.window == .zero {
            warnings.append("collector.window is 0: what is deleted is gone for good, and older snapshots lack content")
        }
        let exposed = http.listen.filter { address in
            if case .tcp = address { return !address.isLocal }
            return false
        }
        if http.tls.clientCA != nil, http.tls.clientAuth == .off {
            warnings.append(
                "http.tls.client_ca is set, and http.tls.client_auth is off: no client is asked for a certificate")
        }
        if !http.tls.isOn, http.trustedNetworks.isEmpty {
            for address in exposed {
                warnings.append("http.listen has \(address) without TLS: everybody on the way reads along")
            }
        }
        if access.anonymous == .push {
            for address in exposed {
                warnings.append("access.anonymous is push: everybody who reaches \(address) may push and delete")
            }
        }
        for network in http.trustedNetworks where network.prefix == 0 {
            warnings.append("http.trusted_proxies has \(network): every client can claim any address")
        }
        return warnings
    }
}
