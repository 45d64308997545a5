import Glibc

/// What an address counts as where clients are told apart by it: an IPv4 address itself, of an IPv6 address its first 64
/// bits, which is what one subscriber gets (RFC 6177, section 2).
enum Network {
    static func of(_ address: String) -> String {
        guard address.utf8.contains(UInt8(ascii: ":")) else { return address }
        var parsed = in6_addr()
        // A zone is this machine's name for a network, no part of the address (RFC 4007, section 11).
        guard inet_pton(AF_INET6, String(address.prefix { $0 != "%" }), &parsed) == 1 else { return address }
        let bytes = withUnsafeBytes(of: parsed) { Array($0) }
        // IPv4 in IPv6: RFC 4291, section 2.5.5.2.
        if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF {
            return bytes[12...].map(String.init).joined(separator: ".")
        }
        return bytes[..<8].map { String($0, radix: 16) }.joined(separator: ":") + "/64"
    }
}
