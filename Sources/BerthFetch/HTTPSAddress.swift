/// A URL that a document is fetched from: `https://`, a host, perhaps a port, a path, perhaps a query. RFC 3986.
package struct HTTPSAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name in lower case, or an address in numbers; IPv6 without brackets.
    package let host: String
    package let port: Int
    /// Path and query, from the first slash on.
    package let target: String

    private static let longest = 2_048
    private static let start = "https://"

    /// Throws `.badAddress`.
    package init(_ text: String) throws(FetchError) {
        let bytes = text.utf8
        guard bytes.count <= Self.longest else { throw .badAddress("the URL is too long") }
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !#""<>\^`{|}#"#.utf8.contains($0) }) else {
            throw .badAddress("the URL has characters that no URL has")
        }
        guard bytes.starts(with: Self.start.utf8) else { throw .badAddress("the URL does not begin with https://") }
        let rest = bytes.dropFirst(Self.start.utf8.count)
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let target = String(Substring(rest[end...]))
        self.target = target.utf8.first == UInt8(ascii: "/") ? target : "/" + target
        (host, port) = try Self.authority(rest[..<end])
    }

    /// As `Host` and URLs write it.
    package var authority: String {
        let host = self.host.utf8.contains(UInt8(ascii: ":")) ? "[\(self.host)]" : self.host
        return port == 443 ? host : "\(host):\(port)"
    }
    package var description: String { Self.start + authority + target }

    private static func authority(_ text: Substring.UTF8View) throws(FetchError) -> (String, Int) {
        var host = text
        var port: Substring.UTF8View?
        if text.first == UInt8(ascii: "[") {
            guard let end = text.firstIndex(of: UInt8(ascii: "]")) else { throw .badAddress("the host is cut off") }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.first == UInt8(ascii: ":") else { throw .badAddress("the port is none") }
            port = rest.isEmpty ? nil : rest.dropFirst()
            guard let address = NetworkAddress(String(Substring(host))), address.isIPv6 else {
                throw .badAddress("between brackets stands an IPv6 address")
            }
        } else {
            if let colon = text.firstIndex(of: UInt8(ascii: ":")) {
                host = text[..<colon]
                port = text[text.index(after: colon)...]
            }
            // Credentials, escapes and fragments among others are no part of a name.
            guard (1...253).contains(host.count), host.allSatisfy(isOfName), host.first != UInt8(ascii: ".") else {
                throw .badAddress("the URL has no plain host name")
            }
        }
        let name = String(Substring(host)).lowercased()
        guard let port else { return (name, 443) }
        guard (1...5).contains(port.count), port.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(String(Substring(port))), (1...65_535).contains(number)
        else { throw .badAddress("the port is none") }
        return (name, number)
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
