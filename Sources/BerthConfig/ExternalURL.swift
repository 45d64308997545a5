/// The URL by which clients reach the registry: scheme, host, port and, behind some proxies, a path in front of `/v2/`.
package struct ExternalURL: Hashable, Sendable, CustomStringConvertible {
    package let isSecure: Bool
    package let host: HostName
    /// `nil` is the scheme's own port.
    package let port: Int?
    /// Empty, or starting with a slash and not ending in one.
    package let path: String

    package init(_ text: some StringProtocol) throws(WrongValue) {
        let text = String(text)
        let rest: Substring
        if text.hasPrefix("https://") {
            (isSecure, rest) = (true, text.dropFirst("https://".count))
        } else if text.hasPrefix("http://") {
            (isSecure, rest) = (false, text.dropFirst("http://".count))
        } else {
            throw WrongValue("the scheme is missing")
        }
        let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        (host, port) = try Self.authority(parts.first ?? "")
        path = parts.count == 2 ? try Self.path(parts[1]) : ""
    }

    package var description: String { "\(isSecure ? "https" : "http")://\(authority)\(path)" }

    /// As a `Host` header carries it.
    package var authority: String {
        let name = host.text.contains(":") ? "[\(host.text)]" : host.text
        return port.map { "\(name):\($0)" } ?? name
    }

    private static func authority(_ text: Substring) throws(WrongValue) -> (HostName, Int?) {
        guard !text.isEmpty else { throw WrongValue("the host is missing") }
        guard !text.contains("@") else { throw WrongValue("a URL that everybody sees holds no credentials") }
        // A colon inside brackets belongs to the address.
        guard let colon = text.lastIndex(of: ":"), !text[colon...].contains("]") else {
            return (try HostName(text), nil)
        }
        guard let port = wholeNumber(text[text.index(after: colon)...]), (1...65_535).contains(port) else {
            throw WrongValue("a port is a number from 1 to 65535")
        }
        return (try HostName(text[..<colon]), port)
    }

    private static func path(_ text: Substring) throws(WrongValue) -> String {
        guard !text.contains("?"), !text.contains("#") else { throw WrongValue("no query and no fragment") }
        let trimmed = text.hasSuffix("/") ? text.dropLast() : text
        guard !trimmed.isEmpty else { return "" }
        for segment in trimmed.split(separator: "/", omittingEmptySubsequences: false) {
            let isPlain = segment.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "%") }
            guard isPlain, !["", ".", ".."].contains(segment) else {
                throw WrongValue("the path has an empty, a dot or an encoded segment")
            }
        }
        return "/\(trimmed)"
    }
}
