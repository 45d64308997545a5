import BerthModel
import Foundation
package import JWTKit
import Synchronization

/// A key of an issuer of identity tokens, made for a test.
package struct IssuerKey: Sendable {
    package let id: String
    package let algorithm: String
    package let signer: any JWTAlgorithm
    /// The public part, as a JSON Web Key.
    package let document: [String: String]

    /// One for RS256, PS256, ES256, ES384 or EdDSA.
    package init(_ algorithm: String = "ES256", id: String = "first") async throws {
        let collection = JWTKeyCollection()
        let kid = JWKIdentifier(string: id)
        var document = ["kid": id, "use": "sig"]
        switch algorithm {
        case "RS256", "PS256":
            let key = try Insecure.RSA.PrivateKey(pem: await Self.rsa())
            let (n, e) = try key.publicKey.getKeyPrimitives()
            document.merge(["kty": "RSA", "n": Base64URL.encode(Array(n)), "e": Base64URL.encode(Array(e))]) { $1 }
            if algorithm == "RS256" {
                await collection.add(rsa: key, digestAlgorithm: .sha256, kid: kid)
            } else {
                await collection.add(pss: key, digestAlgorithm: .sha256, kid: kid)
            }
        case "ES256":
            let key = ES256PrivateKey()
            document.merge(try Self.point(key.parameters, "P-256")) { $1 }
            await collection.add(ecdsa: key, kid: kid)
        case "ES384":
            let key = ES384PrivateKey()
            document.merge(try Self.point(key.parameters, "P-384")) { $1 }
            await collection.add(ecdsa: key, kid: kid)
        case "EdDSA":
            let key = try EdDSA.PrivateKey()
            let x = Base64URL.encode(Array(key.publicKey.rawRepresentation))
            document.merge(["kty": "OKP", "crv": "Ed25519", "x": x]) { $1 }
            await collection.add(eddsa: key, kid: kid)
        default: throw TestFailure("no key is made for \(algorithm)")
        }
        (self.id, self.algorithm, self.document) = (id, algorithm, document)
        signer = try await collection.getKey(for: kid)
    }

    private static func point(_ point: (x: String, y: String)?, _ curve: String) throws -> [String: String] {
        guard let point, let x = decodeBase64(point.x), let y = decodeBase64(point.y) else {
            throw TestFailure("a key without a point")
        }
        return ["kty": "EC", "crv": curve, "x": Base64URL.encode(x), "y": Base64URL.encode(y)]
    }

    private static func rsa() async throws -> String {
        let made = try await runToEnd(
            ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            environment: ["PATH": "/usr/bin:/bin"])
        guard made.status == 0 else { throw TestFailure("openssl: \(made.complaint)") }
        return made.output
    }

    /// A JSON Web Key Set with these keys.
    package static func set(_ keys: [IssuerKey]) throws -> String {
        let data = try JSONSerialization.data(withJSONObject: ["keys": keys.map(\.document)])
        return String(decoding: data, as: UTF8.self)
    }
}

/// What a token says, and how it is signed: a good one, unless a test changes something.
package struct IdentityTokenDraft {
    package var header: [String: Any]
    package var claims: [String: Any]
    package let key: IssuerKey

    /// - Parameter seconds: when it is issued; it is good for five minutes.
    package init(_ key: IssuerKey, issuer: String, at seconds: Int64) {
        self.key = key
        header = ["alg": key.algorithm, "kid": key.id, "typ": "JWT"]
        claims = [
            "iss": issuer, "aud": "https://registry.test", "sub": "repo:org/app:ref:refs/heads/main",
            "repository": "org/app", "ref": "refs/heads/main", "jti": UUID().uuidString, "iat": seconds,
            "nbf": seconds, "exp": seconds + 300,
        ]
    }

    package func text() throws -> String {
        let header = try JSONSerialization.data(withJSONObject: header, options: .sortedKeys)
        let claims = try JSONSerialization.data(withJSONObject: claims, options: .sortedKeys)
        return try Self.sign(Array(header), Array(claims), key)
    }

    /// Signs whatever it is given.
    package static func sign(_ header: [UInt8], _ claims: [UInt8], _ key: IssuerKey) throws -> String {
        let content = "\(Base64URL.encode(header)).\(Base64URL.encode(claims))"
        return "\(content).\(Base64URL.encode(try key.signer.sign(Array(content.utf8))))"
    }
}
