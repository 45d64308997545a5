import Glibc

/// An IPv4 or IPv6 address in numbers, without a zone.
package struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    /// In network order: 4 or 16.
    package let bytes: [UInt8]

    /// Nil where `text` is no address in its usual form.
    package init?(_ text: String) {
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 {
            self.bytes = Array(bytes.prefix(4))
        } else if inet_pton(AF_INET6, text, &bytes) == 1 {
            self.bytes = bytes
        } else {
            return nil
        }
    }

    init?(_ address: UnsafePointer<sockaddr>) {
        switch CInt(address.pointee.sa_family) {
        case AF_INET:
            bytes = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                withUnsafeBytes(of: $0.pointee.sin_addr) { Array($0) }
            }
        case AF_INET6:
            bytes = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                withUnsafeBytes(of: $0.pointee.sin6_addr) { Array($0) }
            }
        default: return nil
        }
    }

    package var isIPv6: Bool { bytes.count == 16 }

    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(isIPv6 ? AF_INET6 : AF_INET, bytes, &text, socklen_t(text.count)) != nil else { return "" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whether it is a host's address on the public internet, and nobody's own network: by the registries of special
    /// addresses of IPv4 and IPv6 (RFC 6890), with what IPv6 wraps around IPv4 unwrapped.
    package var isPublic: Bool { isIPv6 ? Self.isPublic(sixteen: bytes) : Self.isPublic(four: bytes[...]) }

    private static func isPublic(four address: ArraySlice<UInt8>) -> Bool {
        let value = address.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return !specialNetworks.contains { value >> (32 - $0.length) == $0.network >> (32 - $0.length) }
    }

    private static let specialNetworks: [(network: UInt32, length: UInt32)] = [
        (0x0000_0000, 8), (0x0A00_0000, 8), (0x6440_0000, 10), (0x7F00_0000, 8), (0xA9FE_0000, 16),
        (0xAC10_0000, 12), (0xC000_0000, 24), (0xC000_0200, 24), (0xC058_6300, 24), (0xC0A8_0000, 16),
        (0xC612_0000, 15), (0xC633_6400, 24), (0xCB00_7100, 24), (0xE000_0000, 4), (0xF000_0000, 4),
    ]

    private static func isPublic(sixteen bytes: [UInt8]) -> Bool {
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        // RFC 6052, section 2.1: what a translator makes of an IPv4 address.
        let isTranslated = bytes.starts(with: [0x00, 0x64, 0xFF, 0x9B]) && bytes[4..<12].allSatisfy { $0 == 0 }
        if isMapped || isTranslated { return isPublic(four: bytes[12...]) }
        guard bytes[0] & 0xE0 == 0x20 else { return false }
        // 6to4 and Teredo hide an IPv4 address; 2001::/23 is for protocols, the others for documents.
        let isSpecial =
            bytes.starts(with: [0x20, 0x02]) || bytes.starts(with: [0x20, 0x01]) && bytes[2] < 2
            || bytes.starts(with: [0x20, 0x01, 0x0D, 0xB8])
            || bytes.starts(with: [0x3F, 0xFF]) && bytes[2] < 0x10
        return !isSpecial
    }
}
