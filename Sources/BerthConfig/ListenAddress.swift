/// Where a listener waits: `127.0.0.1:5000`, `[::1]:5000`, `localhost:5000` or `unix:/run/berth.sock?mode=0660`.
package enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// `host` is an address in numbers without brackets, or a name to look up. Port 0 takes any that is free.
    case tcp(host: String, port: Int)
    /// `mode` is given to the socket's file: permission bits as chmod takes them.
    case unix(path: String, mode: UInt32)

    /// What a Unix socket gets whose mode is not written: owner and group.
    package static let usualMode: UInt32 = 0o660
    /// `sun_path` of unix(7) takes 108 bytes with the closing zero.
    package static let longestPath = 107

    package init(_ text: some StringProtocol) throws(WrongValue) {
        if text.hasPrefix("unix:") {
            self = try Self.unix(text.dropFirst("unix:".count))
        } else {
            self = try Self.tcp(text)
        }
    }

    /// Whether only this machine's own processes get here: loopback, or a Unix socket closed to all but owner and group.
    package var isLocal: Bool {
        switch self {
        case .tcp(let host, _): host == "localhost" || IPAddress(host)?.isLoopback == true
        case .unix(_, let mode): mode & ~Self.usualMode == 0
        }
    }

    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path, Self.usualMode): "unix:\(path)"
        case .unix(let path, let mode): "unix:\(path)?mode=0\(String(mode, radix: 8))"
        }
    }

    private static func tcp(_ text: some StringProtocol) throws(WrongValue) -> ListenAddress {
        guard !text.contains("/") else { throw WrongValue("no scheme or path here; a Unix socket starts with unix:") }
        guard let colon = text.lastIndex(of: ":") else { throw WrongValue("the port is missing") }
        guard let port = wholeNumber(text[text.index(after: colon)...]), port <= 65_535 else {
            throw WrongValue("a port is a number up to 65535")
        }
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            guard let address = IPAddress(host.dropFirst().dropLast()), address.isIPv6 else {
                throw WrongValue("no IPv6 address between the brackets")
            }
            return .tcp(host: "\(address)", port: port)
        }
        guard !host.isEmpty else { throw WrongValue("for every address write 0.0.0.0:\(port) or [::]:\(port)") }
        guard !host.contains(":") else { throw WrongValue("an IPv6 address stands in brackets, as in [::1]:5000") }
        return .tcp(host: try HostName(host).text, port: port)
    }

    private static func unix(_ text: some StringProtocol) throws(WrongValue) -> ListenAddress {
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = parts.first, !path.isEmpty, !path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else {
            throw WrongValue("the path is missing")
        }
        guard path.utf8.count <= longestPath else {
            throw WrongValue("a socket's path takes at most \(longestPath) bytes, this has \(path.utf8.count)")
        }
        var mode = usualMode
        if parts.count == 2 {
            guard parts[1].hasPrefix("mode=") else { throw WrongValue("after ? only mode= is known") }
            let digits = parts[1].dropFirst("mode=".count)
            guard (3...4).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x37).contains($0) }),
                let written = UInt32(digits, radix: 8), written <= 0o777
            else { throw WrongValue("a mode is three octal digits, as in mode=0660") }
            mode = written
        }
        return .unix(path: String(path), mode: mode)
    }
}
