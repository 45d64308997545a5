import NIOSSL

/// Which of several certificates is for which host, and whom a client may be told to call. The first one that has a name
/// keeps it.
struct CertificateNames: Sendable {
    private var exact: [String: Int] = [:]
    /// By what follows the asterisk: `.example.org`.
    private var wildcards: [String: Int] = [:]
    private var addresses: Set<IPAddress> = []

    /// DNS names of the certificate with this number, wildcards included, and its addresses.
    mutating func add(_ names: some Sequence<String>, addresses: some Sequence<IPAddress>, of number: Int) {
        for name in names.map({ $0.lowercased() }) {
            if name.hasPrefix("*.") {
                let suffix = String(name.dropFirst())
                if wildcards[suffix] == nil { wildcards[suffix] = number }
            } else if exact[name] == nil {
                exact[name] = number
            }
        }
        self.addresses.formUnion(addresses)
    }

    /// The certificate for a host, by its name or else by a wildcard for one label. RFC 6066, section 3; RFC 6125, section 6.4.
    func number(of host: String) -> Int? {
        var host = host.lowercased()
        if host.hasSuffix(".") { host.removeLast() }
        if let number = exact[host] { return number }
        guard let dot = host.firstIndex(of: "."), dot != host.startIndex else { return nil }
        return wildcards[String(host[dot...])]
    }

    /// Whether one of the certificates is for this host, a name or an address without brackets.
    func cover(_ host: String) -> Bool {
        number(of: host) != nil || IPAddress(host).map { addresses.contains($0) } ?? false
    }
}

extension CertificateNames {
    /// Those of the first certificate of each chain.
    init(_ chains: [[NIOSSLCertificate]]) {
        for (number, chain) in chains.enumerated() {
            guard let certificate = chain.first else { continue }
            var names: [String] = []
            var addresses: [IPAddress] = []
            for name in certificate._subjectAlternativeNames() {
                let bytes = Array(name.contents)
                switch name.nameType {
                case .dnsName where bytes.allSatisfy { (0x21...0x7E).contains($0) }:
                    names.append(String(decoding: bytes, as: UTF8.self))
                case .ipAddress: if let address = IPAddress(bytes: bytes) { addresses.append(address) }
                default: break
                }
            }
            add(names, addresses: addresses, of: number)
        }
    }
}
