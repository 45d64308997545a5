package import BerthModel
package import HTTPTypes

/// What a client asked for, read and checked: the framing is sound, the target is one of the permitted forms.
package struct Request: Sendable {
    package let method: HTTPRequest.Method
    /// Raw path and query as sent, not decoded; an absolute-form target is already reduced to its path and query.
    package let target: String
    /// Raw path, not decoded: begins with `/`, or is `*` (OPTIONS), or an authority (CONNECT).
    package let path: String
    /// Raw query without its `?`; nil when there was none.
    package let query: String?
    /// Fields in the order sent; values of RFC 9110 §5.5, free of control characters apart from tabs. Bytes that are no
    /// UTF-8 are U+FFFD.
    package let headers: HeaderFields
    package let body: RequestBody
    package let peer: Peer
    /// Of the log and of `X-Request-Id`: the client's own if it is harmless, otherwise a new one.
    package let id: String
    package let version: HTTPVersion
    /// False when the request ends with its head.
    package let hasBody: Bool
    /// Bytes of the body as announced; nil for a chunked body, 0 without a body.
    package let contentLength: Int64?
    /// What handlers keep for later requests of this connection.
    package let memory: ConnectionMemory?

    package init(
        method: HTTPRequest.Method,
        target: String,
        headers: HeaderFields = [:],
        body: RequestBody = .empty,
        peer: Peer = Peer(address: "127.0.0.1"),
        id: String = "-",
        version: HTTPVersion = .http11,
        hasBody: Bool = false,
        contentLength: Int64? = 0,
        memory: ConnectionMemory? = nil
    ) {
        self.method = method
        self.target = target
        (self.path, self.query) = Self.split(target)
        self.headers = headers
        self.body = body
        self.peer = peer
        self.id = id
        self.version = version
        self.hasBody = hasBody
        self.contentLength = contentLength
        self.memory = memory
    }

    /// Value of `Host`; there is exactly one in HTTP/1.1, and it holds nothing but a host and a port.
    package var host: String? { field(.hostHeader) }

    /// Value of a field, where it stands several times with commas between them (RFC 9110 §5.3).
    package func field(_ name: HTTPField.Name) -> String? {
        var value: String?
        for field in headers.list where field.name == name {
            value = value.map { "\($0), \(field.value)" } ?? field.value
        }
        return value
    }

    /// Whether a browser sends this for a web page of somebody else's: a foreign `Origin` (RFC 6454, section 7: scheme, host
    /// and port, or `null`), or what Fetch Metadata says. No other client sends either.
    package var isOfForeignPage: Bool {
        if let origin = field(.origin) {
            guard let host, let start = origin.firstRange(of: "://") else { return true }
            return !hasSameBytes(String(origin[start.upperBound...]).lowercased(), host.lowercased())
        }
        guard let site = field(.fetchSite) else { return false }
        return !hasSameBytes(site, "same-origin") && !hasSameBytes(site, "none")
    }

    private static func split(_ target: String) -> (path: String, query: String?) {
        let (path, query) = target[...].cut(at: UInt8(ascii: "?"))
        return query.map { (String(path), String($0)) } ?? (target, nil)
    }
}

package enum HTTPVersion: Sendable, Hashable, CustomStringConvertible {
    case http10, http11

    package var description: String {
        switch self {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        }
    }
}

/// Who is at the other end, as far as the configured proxies can be believed.
package struct Peer: Sendable, Hashable {
    /// Address in text, without port: the connection's, or the one a trusted proxy reported. `unix` on a Unix socket.
    package let address: String
    /// Whether the client's own hop is TLS: this connection's, or as a trusted proxy reported.
    package let isSecure: Bool
    package let isUnixSocket: Bool
    /// Whether a trusted proxy handed the request on, so that what its headers say counts.
    package let isThroughProxy: Bool
    /// The user that the process at the other end runs as; nil on TCP.
    package let user: UInt32?
    /// What the client has shown in this connection's handshake, and that found good. Never a proxy's own certificate, and
    /// nothing that a header says.
    package let certificate: ClientCertificate?

    package init(
        address: String, isSecure: Bool = false, isUnixSocket: Bool = false, isThroughProxy: Bool = false,
        user: UInt32? = nil, certificate: ClientCertificate? = nil
    ) {
        self.isThroughProxy = isThroughProxy
        self.user = user
        self.certificate = certificate
        self.address = address
        self.isSecure = isSecure
        self.isUnixSocket = isUnixSocket
    }

    func showing(_ certificate: ClientCertificate) -> Peer {
        Peer(
            address: address, isSecure: isSecure, isUnixSocket: isUnixSocket, isThroughProxy: isThroughProxy,
            user: user,
            certificate: certificate)
    }
}
