import BerthHTTP
import BerthModel
import HTTPTypes

/// Where clients get their tokens: the one absolute address that the registry gives out.
///
/// The configured URL; else what trusted proxies say; else the request's own `Host`, where that is loopback, an address
/// listened on or a name of the certificate. Any other `Host` could be anybody's, and gets the address listened on.
package struct Realm: Sendable {
    /// Scheme, host and prefix, as configured.
    package var external: String?
    /// Hosts that may be named, in lower case.
    package var names: Set<String> = []
    /// Whether one of the certificates that are in use now is for this host.
    package var isCertified: @Sendable (String) -> Bool = { _ in false }
    /// What is said to a request with another host.
    package var fallback = "http://127.0.0.1:5000"

    package init() {}

    func url(for request: Request) -> String { base(for: request) + "/auth/token" }

    private func base(for request: Request) -> String {
        if let external { return external }
        let scheme = request.peer.isSecure ? "https://" : "http://"
        if request.peer.isThroughProxy {
            let forwarded = request.headers[values: .forwardedHost].last?.split(separator: ",").last
            let host = forwarded.map { $0.drop { $0 == " " } } ?? Substring(request.host ?? "")
            return isHost(host) ? scheme + host : fallback
        }
        guard let host = request.host, isHost(Substring(host)), isOurs(HostGuard.name(of: host)) else {
            return fallback
        }
        return scheme + host
    }

    private func isOurs(_ name: String) -> Bool {
        name == "localhost" || name == "::1" || HostGuard.isLoopback(name) || names.contains(name) || isCertified(name)
    }

    /// Nothing but a name or address with a port: it goes between quotation marks.
    private func isHost(_ host: Substring) -> Bool {
        (1...255).contains(host.utf8.count)
            && host.utf8.allSatisfy { $0.isLetter || $0.isDigit || ".-:[]_".utf8.contains($0) }
    }
}

extension HTTPField.Name {
    fileprivate static let forwardedHost = known("X-Forwarded-Host")
}
