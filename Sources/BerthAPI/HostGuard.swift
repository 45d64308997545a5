import BerthHTTP
import BerthModel
import HTTPTypes

/// Keeps web pages away from an open registry: a page whose name was made to resolve to this machine (DNS rebinding)
/// sends its own name as `Host`. To the browser that is the page's own origin, so it may send nothing that tells it from
/// other clients.
package struct HostGuard: Sendable {
    /// Lower-case host names and addresses that may be asked for, besides loopback; nil checks nothing.
    package var names: Set<String>?
    /// Whether this machine alone is served: then nobody has a reason to use another name, and all requests are checked,
    /// not only those that look like a browser's.
    package var isLocal = false

    package init(names: Set<String>? = nil, isLocal: Bool = false) { (self.names, self.isLocal) = (names, isLocal) }

    func check(_ request: Request) throws(Refusal) {
        guard let names, !request.peer.isUnixSocket, isLocal || Self.isBrowser(request) else { return }
        // Without any, it is HTTP/1.0, which no browser speaks.
        guard let field = request.headers[.hostHeader] else { return }
        let host = Self.name(of: field)
        guard host == "localhost" || host == "::1" || Self.isLoopback(host) || names.contains(host) else {
            throw Refusal(
                .forbidden, .denied,
                "This registry has no accounts and does not answer under the name '\(host)', for a web page could have "
                    + "made it up; add the name to http.hosts to allow it."
            )
        }
    }

    /// Headers that browsers send, some always and others across origins or to safe addresses alone; clients of
    /// registries send none of them.
    private static func isBrowser(_ request: Request) -> Bool {
        let headers = request.headers
        return headers[.origin] != nil || headers[.referer] != nil || headers[.acceptLanguage] != nil
            || headers[.userAgent]?.utf8.starts(with: "Mozilla/".utf8) == true
            || headers.contains { $0.name.canonicalName.hasPrefix("sec-fetch-") }
    }

    /// 127.0.0.0/8, as four numbers: a name like `127.0.0.1.example.com` is none.
    static func isLoopback(_ host: String) -> Bool {
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return numbers.count == 4 && numbers[0] == 127 && !numbers.contains(nil)
    }

    static func name(of host: String) -> String {
        let host = host.lowercased()
        if host.utf8.first == UInt8(ascii: "["), let end = host.firstIndex(of: "]") {
            return String(host[host.index(after: host.startIndex)..<end])
        }
        return host.split(separator: ":").first.map(String.init) ?? ""
    }
}
