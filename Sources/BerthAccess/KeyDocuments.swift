import BerthFetch
import BerthModel
import JWTKit

/// A public key, with what it verifies: the algorithm of a token is one of its key, never the token's own choice.
struct VerifyingKey: Sendable {
    let id: String
    let algorithms: [String: any JWTAlgorithm]
}

/// The documents in which an issuer tells its keys. OpenID Connect Discovery 1.0, section 4; RFC 7517, section 5.
enum KeyDocuments {
    private static let mostKeys = 100

    static func keys(of source: KeySource, _ fetch: KeyFetch) async -> Result<[VerifyingKey], FetchError> {
        do throws(FetchError) {
            if let given = source.keys { return .success(try await keys(in: Array(given.utf8))) }
            let issuer = source.issuer.utf8.last == UInt8(ascii: "/") ? String(source.issuer.dropLast()) : source.issuer
            let about = try await fetch(order("\(issuer)/.well-known/openid-configuration", source))
            let keys = try await fetch(order(try address(in: about, source), source))
            let found = try await Self.keys(in: keys)
            // For a moment only, perhaps: the last good ones are to serve until then.
            guard !found.isEmpty else { throw .failed("there is no key among its keys that can be used") }
            return .success(found)
        } catch { return .failure(error) }
    }

    private static func order(_ url: String, _ source: KeySource) throws(FetchError) -> FetchOrder {
        // Who gives an authority of his own means a host of his own.
        FetchOrder(
            try HTTPSAddress(url), authority: source.authority,
            allowsPrivate: source.allowsPrivate || source.authority != nil)
    }

    /// Where the keys are, by an issuer that calls itself as it is called.
    private static func address(in document: [UInt8], _ source: KeySource) throws(FetchError) -> String {
        guard let about = object(document), case .string(let issuer)? = about["issuer"],
            case .string(let address)? = about["jwks_uri"]
        else { throw .failed("its openid-configuration is none") }
        guard hasSameBytes(issuer, source.issuer) else {
            throw .failed("its openid-configuration is that of another issuer")
        }
        return address
    }

    /// The keys that can be used, of all that are there. Throws where the document is none.
    static func keys(in document: [UInt8]) async throws(FetchError) -> [VerifyingKey] {
        guard let set = object(document), case .array(let items)? = set["keys"] else {
            throw .failed("its keys are no JSON Web Key Set")
        }
        var keys: [VerifyingKey] = []
        for case .object(let item) in items.prefix(mostKeys) {
            if let key = await VerifyingKey(item) { keys.append(key) }
        }
        return keys
    }

    private static func object(_ bytes: [UInt8]) -> JSONObject? {
        guard case .object(let object)? = try? JSONValue(parsing: bytes) else { return nil }
        return object
    }
}

extension VerifyingKey {
    /// Modulus in bytes: 2048 to 8192 bits.
    private static let moduli = 256...1_025

    /// Nil for a key without an id, of another kind, or not for signatures. RFC 7517, section 4; RFC 7518, section 6;
    /// RFC 8037, section 2.
    init?(_ key: JSONObject) async {
        guard let id = key.text("kid"), (1...512).contains(id.utf8.count), let type = key.text("kty"),
            key["use"] == nil || key.text("use").map({ hasSameBytes($0, "sig") }) == true
        else { return nil }
        let collection = JWTKeyCollection()
        var algorithms: [String: any JWTAlgorithm] = [:]
        switch (type, key.text("crv")) {
        case ("RSA", _):
            guard let n = key.number("n"), let e = key.number("e"), Self.moduli.contains(n.bytes.count),
                (1...4).contains(e.bytes.count),
                let rsa = try? Insecure.RSA.PublicKey(modulus: n.text, exponent: e.text)
            else { return nil }
            await collection.add(rsa: rsa, digestAlgorithm: .sha256, kid: "RS256")
            await collection.add(pss: rsa, digestAlgorithm: .sha256, kid: "PS256")
            for name in ["RS256", "PS256"] {
                algorithms[name] = try? await collection.getKey(for: JWKIdentifier(string: name))
            }
        case ("EC", "P-256"?):
            guard let x = key.number("x"), let y = key.number("y"), x.bytes.count == 32, y.bytes.count == 32,
                let point = try? ES256PublicKey(parameters: (x.text, y.text))
            else { return nil }
            await collection.add(ecdsa: point, kid: "ES256")
            algorithms["ES256"] = try? await collection.getKey(for: "ES256")
        case ("EC", "P-384"?):
            guard let x = key.number("x"), let y = key.number("y"), x.bytes.count == 48, y.bytes.count == 48,
                let point = try? ES384PublicKey(parameters: (x.text, y.text))
            else { return nil }
            await collection.add(ecdsa: point, kid: "ES384")
            algorithms["ES384"] = try? await collection.getKey(for: "ES384")
        case ("OKP", "Ed25519"?):
            guard let x = key.number("x"), x.bytes.count == 32,
                let point = try? EdDSA.PublicKey(x: x.text, curve: .ed25519)
            else { return nil }
            await collection.add(eddsa: point, kid: "EdDSA")
            algorithms["EdDSA"] = try? await collection.getKey(for: "EdDSA")
        default: return nil
        }
        // A key may say that it is for one algorithm alone.
        if let only = key.text("alg") { algorithms = algorithms.filter { hasSameBytes($0.key, only) } }
        guard !algorithms.isEmpty else { return nil }
        (self.id, self.algorithms) = (id, algorithms)
    }
}

extension JSONObject {
    fileprivate func text(_ key: String) -> String? {
        if case .string(let text)? = self[key] { text } else { nil }
    }

    /// A number or coordinate in base64url, as it is written and as bytes.
    fileprivate func number(_ key: String) -> (text: String, bytes: [UInt8])? {
        guard let text = text(key), text.utf8.count <= 2_048, let bytes = Base64URL.decode(text), !bytes.isEmpty else {
            return nil
        }
        return (text, bytes)
    }
}
