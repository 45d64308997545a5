import HTTPTypes

/// Whom to believe about the client: reads what trusted proxies say, ignores what anybody else says.
struct ClientAddress {
    let trustedProxies: [CIDR]
    var trustsUnixSockets = false

    /// - Parameter connection: the other end of the connection itself; `address` is nil for a Unix socket.
    func peer(_ connection: Peer, address: IPAddress?, headers: HeaderFields) -> Peer {
        guard isProxy(connection, address) else { return connection }
        let client = client(behind: address, headers)
        return Peer(
            address: client == address ? connection.address : client?.description ?? connection.address,
            isSecure: isSecure(headers) ?? connection.isSecure,
            isUnixSocket: connection.isUnixSocket,
            isThroughProxy: true
        )
    }

    private func isProxy(_ connection: Peer, _ address: IPAddress?) -> Bool {
        if connection.isUnixSocket { return trustsUnixSockets }
        guard !trustedProxies.isEmpty, let address else { return false }
        return isTrusted(address)
    }

    private func isTrusted(_ address: IPAddress) -> Bool {
        trustedProxies.contains { $0.contains(address) }
    }

    /// The right-most address that no trusted proxy has. An entry that is no address ends the search: what stands
    /// left of it came through somebody unknown. `proxy` nil: a proxy on a Unix socket.
    private func client(behind proxy: IPAddress?, _ headers: HeaderFields) -> IPAddress? {
        var client = proxy
        let entries = headers.values(of: .forwardedFor).flatMap {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        for entry in entries.reversed() {
            guard client.map(isTrusted) ?? true, let address = Self.address(entry) else { break }
            client = address
        }
        return client
    }

    /// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`.
    private static func address(_ entry: Substring) -> IPAddress? {
        let text = entry.utf8.trimmed
        if text.first == UInt8(ascii: "[") {
            guard let end = text.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            return IPAddress(String(Substring(text[text.index(after: text.startIndex)..<end])))
        }
        let colons = text.count { $0 == UInt8(ascii: ":") }
        if colons == 1 { return IPAddress(String(Substring(text.prefix { $0 != UInt8(ascii: ":") }))) }
        return IPAddress(String(Substring(text)))
    }

    /// What the nearest proxy says: the last value.
    private func isSecure(_ headers: HeaderFields) -> Bool? {
        guard let last = headers.values(of: .forwardedProto).last?.utf8.commaSeparated.last else {
            return nil
        }
        if last.isCaseInsensitively("https") { return true }
        return last.isCaseInsensitively("http") ? false : nil
    }
}
