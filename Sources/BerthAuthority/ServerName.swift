import SwiftASN1
import X509

/// What a server is called: a DNS name in lower case, or an address as its bytes.
package enum ServerName: Hashable, Sendable {
    case dns(String)
    case address([UInt8])

    /// The same as certificates write it. RFC 5280, section 4.2.1.6.
    var general: GeneralName {
        switch self {
        case .dns(let name): .dnsName(name)
        case .address(let bytes): .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
        }
    }

    init?(_ name: GeneralName) {
        switch name {
        case .dnsName(let name): self = .dns(name)
        case .ipAddress(let octets): self = .address(Array(octets.bytes))
        default: return nil
        }
    }
}
