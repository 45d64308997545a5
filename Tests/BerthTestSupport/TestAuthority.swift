import Crypto
import Foundation
import SwiftASN1
import X509

/// An authority that tests make certificates with.
package struct TestAuthority: Sendable {
    /// For whom a certificate may be shown. RFC 5280, section 4.2.1.12.
    package enum Usage: Sendable { case server, client }

    private let name: DistinguishedName
    private let key: Certificate.PrivateKey
    /// The authority's certificate, in PEM form.
    package let pem: String

    package init(_ text: String = "test authority") throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let name = try DistinguishedName { CommonName(text) }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: Date(timeIntervalSinceNow: -1e6), notValidAfter: Date(timeIntervalSinceNow: 1e6),
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
                SubjectKeyIdentifier(hash: key.publicKey)
            }, issuerPrivateKey: key)
        (self.key, self.name) = (key, name)
        pem = try certificate.serializeAsPEM().pemString + "\n"
    }

    /// A certificate with names as `dns:localhost`, `uri:spiffe://test/ci`, `ip:127.0.0.1`, `email:ann@example.org`.
    package func issue(
        _ names: [String], for usage: Usage = .server, common: String = "test", secondsLeft: Double = 9e5
    ) throws -> TestIdentity {
        let authority = key.publicKey
        let own = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: own.publicKey,
            notValidBefore: Date(timeIntervalSinceNow: -9e5), notValidAfter: Date(timeIntervalSinceNow: secondsLeft),
            issuer: name,
            subject: try DistinguishedName { CommonName(common) }, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([usage == .server ? .serverAuth : .clientAuth])
                if !names.isEmpty { SubjectAlternativeNames(try names.map(Self.name)) }
                AuthorityKeyIdentifier(keyIdentifier: SubjectKeyIdentifier(hash: authority).keyIdentifier)
            }, issuerPrivateKey: key)
        return TestIdentity(
            certificate: try certificate.serializeAsPEM().pemString + "\n",
            key: try own.serializeAsPEM().pemString + "\n")
    }

    private static func name(_ text: String) throws -> GeneralName {
        let halves = text.split(separator: ":", maxSplits: 1).map(String.init)
        switch halves[0] {
        case "dns": return .dnsName(halves[1])
        case "uri": return .uniformResourceIdentifier(halves[1])
        case "email": return .rfc822Name(halves[1])
        case "ip":
            return .ipAddress(
                ASN1OctetString(contentBytes: halves[1].split(separator: ".").compactMap { UInt8($0) }[...]))
        default: throw TestFailure("no name: \(text)")
        }
    }
}

/// A certificate and its key, in PEM form.
package struct TestIdentity: Sendable {
    package let certificate: String
    package let key: String

    /// Writes `NAME.crt` and `NAME.key`.
    package func write(to folder: String, _ name: String) throws {
        try writeFile(certificate, to: "\(folder)/\(name).crt")
        try writeFile(key, to: "\(folder)/\(name).key")
    }
}

/// Exchanges a file whole.
package func writeFile(_ text: String, to path: String) throws {
    try text.write(toFile: path, atomically: true, encoding: .utf8)
}
