import BerthHTTP
import BerthModel
import HTTPTypes

/// Keeps web pages away from an open registry: a page whose name was made to resolve to this machine (DNS rebinding)
/// sends its own name as `Host`.
package struct HostGuard: Sendable {
    /// Lower-case host names and addresses that may be asked for, besides loopback; nil checks nothing.
    package var names: Set<String>?

    package init(names: Set<String>? = nil) { self.names = names }

    /// Only browsers send these headers, and they always do across origins.
    func check(_ request: Request) throws(Refusal) {
        guard let names else { return }
        let isBrowser =
            request.headers[.origin] != nil
            || request.headers.contains { $0.name.canonicalName.hasPrefix("sec-fetch-") }
        guard isBrowser, !request.peer.isUnixSocket else { return }
        let host = Self.name(of: request.headers[.hostHeader] ?? "")
        guard host == "localhost" || host == "::1" || Self.isLoopback(host) || names.contains(host) else {
            throw Refusal(
                .forbidden, .denied,
                "This open registry does not answer web pages under the name '\(host)'; add it to http.hosts to allow it."
            )
        }
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
