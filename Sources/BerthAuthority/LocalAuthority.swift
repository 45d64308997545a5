import Crypto
import Foundation
import SwiftASN1
import X509

/// A certificate with its private key.
struct Identity: Sendable {
    let certificate: Certificate
    private let key: Certificate.PrivateKey

    fileprivate init(_ certificate: Certificate, _ key: Certificate.PrivateKey) {
        (self.certificate, self.key) = (certificate, key)
    }

    /// Reads what `pem` wrote; nil for anything else, and where the key is another certificate's.
    init?(pem: String) {
        guard let documents = try? PEMDocument.parseMultiple(pemString: pem), documents.count == 2,
            let key = try? Certificate.PrivateKey(pemDocument: documents[0]),
            let certificate = try? Certificate(pemDocument: documents[1]), certificate.publicKey == key.publicKey
        else { return nil }
        self.init(certificate, key)
    }

    /// Key and certificate in one text, so that a file is never half of a pair.
    func pem() throws(AuthorityError) -> String {
        do {
            return try key.serializeAsPEM().pemString + "\n" + certificate.serializeAsPEM().pemString + "\n"
        } catch { throw .failed("\(error)") }
    }

    func certificatePEM() throws(AuthorityError) -> String {
        do { return try certificate.serializeAsPEM().pemString + "\n" } catch { throw .failed("\(error)") }
    }

    var expires: Date { certificate.notValidAfter }

    /// Whether it is good for at least `time` seconds from `now` on.
    func lasts(_ time: TimeInterval, from now: Date) -> Bool {
        certificate.notValidBefore <= now && certificate.notValidAfter >= now.addingTimeInterval(time)
    }
}

/// An authority of one registry alone, and what it vouches for. Keys are on P-256: every client takes them.
struct LocalAuthority: Sendable {
    static let day: TimeInterval = 24 * 3600
    private static let authorityLife = 3650 * day
    /// What clients accept at most from the authorities that they know by themselves.
    private static let serverLife = 397 * day
    /// Clocks of clients that are late.
    private static let leeway = day

    let identity: Identity

    /// A new one, that nobody trusts yet.
    static func make(now: Date) throws(AuthorityError) -> LocalAuthority {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        // Two of them have two names: a client that knows the old one must not take it for the new one.
        let number = UInt32.random(in: .min ... .max)
        do {
            let name = try DistinguishedName { CommonName("Berth local authority \(String(number, radix: 16))") }
            let certificate = try Certificate(
                version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
                notValidBefore: now.addingTimeInterval(-leeway), notValidAfter: now.addingTimeInterval(authorityLife),
                issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                    Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                    SubjectKeyIdentifier(hash: key.publicKey)
                }, issuerPrivateKey: key)
            return LocalAuthority(identity: Identity(certificate, key))
        } catch { throw .failed("\(error)") }
    }

    /// A certificate for a server with these names. It does not outlive the authority.
    func issue(for names: [ServerName], now: Date) throws(AuthorityError) -> Identity {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let end = min(now.addingTimeInterval(Self.serverLife), identity.certificate.notValidAfter)
        do {
            let certificate = try Certificate(
                version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
                notValidBefore: now.addingTimeInterval(-Self.leeway), notValidAfter: end,
                issuer: identity.certificate.subject, subject: try DistinguishedName { CommonName("Berth") },
                signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    Critical(BasicConstraints.notCertificateAuthority)
                    Critical(KeyUsage(digitalSignature: true))
                    try ExtendedKeyUsage([.serverAuth])
                    SubjectAlternativeNames(names.map(\.general))
                    SubjectKeyIdentifier(hash: key.publicKey)
                    AuthorityKeyIdentifier(
                        keyIdentifier: SubjectKeyIdentifier(hash: identity.certificate.publicKey).keyIdentifier)
                }, issuerPrivateKey: identity.signingKey)
            return Identity(certificate, key)
        } catch { throw .failed("\(error)") }
    }

    /// Whether this authority has issued it.
    func hasIssued(_ server: Identity) -> Bool {
        server.certificate.issuer == identity.certificate.subject
            && identity.certificate.publicKey.isValidSignature(server.certificate.signature, for: server.certificate)
    }
}

extension Identity {
    fileprivate var signingKey: Certificate.PrivateKey { key }

    /// What it is for.
    var names: Set<ServerName> {
        let names = try? certificate.extensions.subjectAlternativeNames
        return Set((names.map { Array($0) } ?? []).compactMap { ServerName($0) })
    }
}
