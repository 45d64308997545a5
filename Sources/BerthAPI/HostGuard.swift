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
        guard let field = request.host else { return }
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
            || headers[.userAgent]?.utf8.span.starts(with: "Mozilla/") == true
            || headers.list.contains { $0.name.canonicalName.hasPrefix("sec-fetch-") }
    }

    /// 127.0.0.0/8, as four numbers: a name like `127.0.0.1.example.com` is none.
    static func isLoopback(_ host: String) -> Bool {
        let bytes = host.utf8.span
        var (dots, digits, number) = (0, 0, 0)
        for index in bytes.indices {
            let byte = bytes[index]
            if byte.isDigit {
                number = number * 10 + Int(byte - UInt8(ascii: "0"))
                digits += 1
                guard digits <= 3, number <= 255 else { return false }
            } else {
                guard byte == UInt8(ascii: "."), digits > 0, dots > 0 || number == 127 else { return false }
                (dots, digits, number) = (dots + 1, 0, 0)
            }
        }
        return dots == 3 && digits > 0
    }

    /// A `Host` without its port and brackets, in lower case.
    static func name(of host: String) -> String {
        let name =
            if host.utf8.span.starts(with: "["), case (let inside, _?) = host[...].cut(at: UInt8(ascii: "]")) {
                Substring(inside.utf8.dropFirst())
            } else {
                host[...].cut(at: UInt8(ascii: ":")).before
            }
        return name.utf8.contains { $0.isUpperLetter || $0 >= 0x80 } ? name.lowercased() : String(name)
    }
}
