/// What a client's certificate says that the TLS handshake has found good. Nothing else than a handshake makes one.
package struct ClientCertificate: Hashable, Sendable {
    /// Its subject alternative names that can be a rule's; wildcards and other kinds are left out.
    package let names: [CertificateName]
    /// Seconds since 1970 from which on it counts no more, also on a connection that goes on.
    package let expires: Int64

    package init(names: [CertificateName], expires: Int64) {
        (self.names, self.expires) = (names, expires)
    }
}

/// A subject alternative name of a client's certificate: `dns:ci.example.org`, or `uri:spiffe://example.org/ci`.
/// RFC 5280, section 4.2.1.6. Equal names are the same bytes, and so are those of a DNS name whatever its case was.
package struct CertificateName: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: String, Sendable, CaseIterable { case dns, uri }

    package let kind: Kind
    /// In lower case for a DNS name; of a URI exactly what was written.
    package let text: String
    package var description: String { "\(kind.rawValue):\(text)" }

    private static let longestURI = 2_048

    /// Nil for what no rule may name: wildcards, what is not ASCII, and what is neither a host nor a URI.
    package init?(_ kind: Kind, _ bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        switch kind {
        case .dns:
            guard (1...253).contains(bytes.count) else { return nil }
            let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            guard labels.allSatisfy({ Self.isLabel($0) }) else { return nil }
            text = String(decoding: bytes.map(\.asciiLowercased), as: UTF8.self)
        case .uri:
            guard bytes.count <= Self.longestURI, bytes.allSatisfy({ (0x21...0x7E).contains($0) }),
                let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes.first?.isLetter == true,
                bytes[..<colon].allSatisfy({ $0.isLetter || $0.isDigit || "+-.".utf8.contains($0) }),
                bytes.index(after: colon) != bytes.endIndex
            else { return nil }
            text = String(decoding: bytes, as: UTF8.self)
        }
        self.kind = kind
    }

    /// Reads what `description` gives; nil for anything else.
    package init?(_ text: String) {
        let bytes = text.utf8
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            let kind = Kind.allCases.first(where: { bytes[..<colon].elementsEqual($0.rawValue.utf8) })
        else { return nil }
        self.init(kind, bytes[bytes.index(after: colon)...])
    }

    private static func isLabel(_ label: ArraySlice<UInt8>) -> Bool {
        (1...63).contains(label.count) && label.first != UInt8(ascii: "-")
            && label.allSatisfy { $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }
}
