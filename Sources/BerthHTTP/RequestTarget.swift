import HTTPTypes

/// The four forms of a target (RFC 9112 §3.2), reduced to what a handler routes by.
enum RequestTarget {
    /// Path and query of an origin or absolute form; `*` for OPTIONS and the authority for CONNECT as they are.
    /// - Parameter host: of the `Host` field, with which an absolute form has to agree.
    static func reduce(
        _ target: UnsafeRawBufferPointer, method: HTTPRequest.Method, host: String
    ) throws(HTTPProblem) -> String {
        guard let first = target.first, target.isTarget else { throw .badRequest("bad target") }
        if method == .connect {
            guard target.allSatisfy(\.isAuthority) else { throw .badRequest("bad target") }
            return String(decoding: target, as: UTF8.self)
        }
        if first == UInt8(ascii: "/") { return String(decoding: target, as: UTF8.self) }
        if method == .options, target.count == 1, first == UInt8(ascii: "*") { return "*" }
        return try reduceAbsolute(target, host: host)
    }

    private static func reduceAbsolute(
        _ target: UnsafeRawBufferPointer, host: String
    ) throws(HTTPProblem) -> String {
        let schemeLength: Int
        if target.prefix(7).isCaseInsensitively("http://") {
            schemeLength = 7
        } else if target.prefix(8).isCaseInsensitively("https://") {
            schemeLength = 8
        } else {
            throw .badRequest("bad target")
        }
        let rest = target.dropFirst(schemeLength)
        let end =
            rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let authority = rest[rest.startIndex..<end]
        guard !authority.isEmpty, authority.allSatisfy(\.isAuthority),
            authority.map(\.lowered) == host.utf8.map(\.lowered)
        else { throw .badRequest("the target's authority is not the Host") }
        let path = String(decoding: rest[end...], as: UTF8.self)
        return path.utf8.first == UInt8(ascii: "/") ? path : "/" + path
    }
}

extension UInt8 {
    /// A byte of a host with its port: RFC 3986 §3.2.2, without user information.
    var isAuthority: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"),
            UInt8(ascii: "%"),
            UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "!"), UInt8(ascii: "$"),
            UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"),
            UInt8(ascii: "+"), UInt8(ascii: ";"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}
