import BerthHTTP
import BerthModel
import HTTPTypes
import Logging
import Synchronization

/// Where clients get their tokens: the one absolute address that the registry gives out.
///
/// The configured URL; else what trusted proxies say; else the request's own `Host`, where that is loopback, an address
/// listened on or a name of the certificate. For any other `Host` there is none: it could be anybody's, and an address of
/// ours may be somebody else's where the client is, who would get the password then.
package struct Realm: Sendable {
    /// Scheme, host and prefix, as configured.
    package var external: String?
    /// Hosts that may be named, in lower case.
    package var names: Set<String> = []
    /// Whether one of the certificates that are in use now is for this host.
    package var isCertified: @Sendable (String) -> Bool = { _ in false }

    package init() {}

    /// Nil where it cannot be told.
    func url(for request: Request) -> String? { base(for: request).map { $0 + "/auth/token" } }

    private func base(for request: Request) -> String? {
        if let external { return external }
        let scheme = request.peer.isSecure ? "https://" : "http://"
        if request.peer.isThroughProxy {
            let forwarded = request.headers.values(of: .forwardedHost).last?.split(separator: ",").last
            let host = forwarded.map { $0.drop { $0 == " " } } ?? Substring(request.host ?? "")
            return isHost(host) ? scheme + host : nil
        }
        guard let host = request.host, isHost(Substring(host)), isOurs(HostGuard.name(of: host)) else { return nil }
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

/// Tells the operator, once, that clients come under a name for which no realm is known.
final class RealmWarning: Sendable {
    private let log: Logger
    private let isTold = Atomic(false)

    init(_ log: Logger) { self.log = log }

    func tell(_ host: String) {
        guard !isTold.exchange(true, ordering: .relaxed) else { return }
        log.warning(
            "clients cannot be told where to log in: set http.external_url to the URL by which they reach the registry",
            metadata: ["host": "\(host)"])
    }
}

extension Refusal {
    /// There are accounts, and nobody has said what the registry is called from outside.
    static func noRealm(_ host: String) -> Refusal {
        Refusal(
            .badRequest, .unsupported,
            "Log in to do this; but this registry does not know itself as '\(host)' and cannot say where: its operator has "
                + "to set http.external_url to the URL by which clients reach it."
        ).with(.cacheControl, "no-store")
    }
}

extension HTTPField.Name {
    fileprivate static let forwardedHost = known("X-Forwarded-Host")
}
