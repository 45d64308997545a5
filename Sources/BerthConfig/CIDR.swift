/// A network, as in `10.0.0.0/8`. A bare address is the network of that address alone.
package struct CIDR: Hashable, Sendable, CustomStringConvertible {
    package let network: IPAddress
    /// Leading bits that an address of this network shares with it.
    package let prefix: Int

    package init(_ text: some StringProtocol) throws(WrongValue) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { throw WrongValue() }
        let bits = address.bytes.count * 8
        var prefix = bits
        if parts.count == 2 {
            guard let written = wholeNumber(parts[1]), written <= bits else { throw WrongValue() }
            prefix = written
        }
        let network = Self.masked(address, prefix)
        guard network == address else {
            throw WrongValue("bits beyond the prefix are set; the network is \(network)/\(prefix)")
        }
        (self.network, self.prefix) = (network, prefix)
    }

    package func contains(_ address: IPAddress) -> Bool {
        address.bytes.count == network.bytes.count && Self.masked(address, prefix) == network
    }

    package var description: String { prefix == network.bytes.count * 8 ? "\(network)" : "\(network)/\(prefix)" }

    private static func masked(_ address: IPAddress, _ prefix: Int) -> IPAddress {
        let bytes = address.bytes.enumerated().map { index, byte in
            let kept = min(8, max(0, prefix - index * 8))
            return kept == 0 ? 0 : byte & (UInt8.max << UInt8(8 - kept))
        }
        return IPAddress(bytes: bytes) ?? address
    }
}
