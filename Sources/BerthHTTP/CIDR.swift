/// A block of addresses, as in `10.0.0.0/8`, `fd00::/8` or, for a single address, `192.0.2.1`.
package struct CIDR: Sendable, Hashable, CustomStringConvertible {
    private let network: IPAddress
    private let prefixLength: Int

    /// nil unless `text` is an address, or an address and a prefix length within its width.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let network = IPAddress(String(first)) else { return nil }
        let width = network.bytes.count * 8
        if parts.count == 2 {
            guard parts[1].utf8.count <= 3, parts[1].utf8.allSatisfy(\.isASCIIDigit),
                let length = Int(parts[1]),
                length <= width
            else { return nil }
            self.prefixLength = length
        } else {
            self.prefixLength = width
        }
        self.network = network
    }

    package func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == network.bytes.count else { return false }
        let whole = prefixLength / 8
        guard address.bytes.prefix(whole) == network.bytes.prefix(whole) else { return false }
        let rest = prefixLength % 8
        guard rest > 0, whole < network.bytes.count else { return true }
        let mask = ~(UInt8.max >> UInt8(rest))
        return address.bytes[whole] & mask == network.bytes[whole] & mask
    }

    package var description: String { "\(network)/\(prefixLength)" }
}
