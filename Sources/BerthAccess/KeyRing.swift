import BerthModel
import JWTKit

/// A key as the table keeps it; its id is in every token that it signs.
struct StoredKey: Sendable, Equatable {
    let id: String
    /// PEM.
    let privateKey: String
    let createdAt: Int64
    /// From when on it signs: it is published before, so that whoever caches the public keys knows it in time.
    let signsFrom: Int64
    /// When a later one took over; it goes on verifying for a while.
    let retiredAt: Int64?
    /// Whether it neither signs nor verifies for now.
    let isDisabled: Bool
}

/// A key as people see it.
package struct KeyFact: Sendable {
    package let id: String
    package let createdAt: Int64
    package let signsFrom: Int64
    package let retiredAt: Int64?
    package let isDisabled: Bool
    /// False: what is kept of it is damaged, and it neither signs nor verifies.
    package let isReadable: Bool
}

/// The keys that sign and verify tokens: ES256 (RFC 7518, section 3.4) and nothing else. What algorithm a token names
/// for itself decides nothing.
struct KeyRing: Sendable {
    static let empty = KeyRing(stored: [], keys: [], retention: 0)

    private struct Key: Sendable {
        let stored: StoredKey
        let algorithm: any JWTAlgorithm
        /// The public point, as a JWK gives it.
        let x: String
        let y: String
    }
    /// All that are kept, also those that cannot be read.
    let stored: [StoredKey]
    private let keys: [Key]
    /// Microseconds for which a retired key goes on verifying.
    private let retention: Int64

    private init(stored: [StoredKey], keys: [Key], retention: Int64) {
        (self.stored, self.keys, self.retention) = (stored, keys, retention)
    }

    /// Keys that cannot be read are named, and do nothing.
    init(_ stored: [StoredKey], retention: Int64, unreadable: (StoredKey) -> Void) async {
        var keys: [Key] = []
        for key in stored {
            guard let read = await Self.read(key) else {
                unreadable(key)
                continue
            }
            keys.append(read)
        }
        self.init(stored: stored, keys: keys, retention: retention)
    }

    private static func read(_ stored: StoredKey) async -> Key? {
        guard let (key, x, y) = parse(stored.privateKey) else { return nil }
        let collection = JWTKeyCollection()
        let id = JWKIdentifier(string: stored.id)
        await collection.add(ecdsa: key, kid: id)
        guard let algorithm = try? await collection.getKey(for: id) else { return nil }
        return Key(stored: stored, algorithm: algorithm, x: Base64URL.encode(x), y: Base64URL.encode(y))
    }

    private static func parse(_ text: String) -> (key: ES256PrivateKey, x: [UInt8], y: [UInt8])? {
        guard let key = try? ES256PrivateKey(pem: text), let point = key.parameters, let x = decodeBase64(point.x),
            let y = decodeBase64(point.y)
        else { return nil }
        return (key, x, y)
    }

    /// Whether a private key in PEM can be read.
    static func canRead(_ text: String) -> Bool { parse(text) != nil }

    /// A new private key, in PEM.
    static func makePrivateKey() -> String { ES256PrivateKey().pemRepresentation }

    func reads(_ id: String) -> Bool { keys.contains { hasSameBytes($0.stored.id, id) } }

    /// Whether a key signs, now or once its time has come, and does not retire.
    var hasLastingKey: Bool { keys.contains { $0.stored.retiredAt == nil && !$0.stored.isDisabled } }

    /// The newest key whose time has come; before that of the first, or while that is disabled, the next.
    private func signer(at now: Int64) -> Key? {
        let keys = keys.filter { !$0.stored.isDisabled }
        return keys.filter { $0.stored.signsFrom <= now && ($0.stored.retiredAt.map { now < $0 } ?? true) }
            .max { $0.stored.signsFrom < $1.stored.signsFrom }
            ?? keys.filter { $0.stored.retiredAt == nil }.min { $0.stored.signsFrom < $1.stored.signsFrom }
    }

    private func isGood(_ key: Key, at now: Int64) -> Bool {
        !key.stored.isDisabled
            && (key.stored.retiredAt.map { now < $0.addingReportingOverflow(retention).partialValue } ?? true)
    }

    /// `header.claims.signature`; nil without a key that could sign.
    func sign(_ claims: [UInt8], at now: Int64) -> String? {
        guard let key = signer(at: now) else { return nil }
        var header = JSONWriter(reservingCapacity: 96)
        header.beginObject()
        header.key("alg")
        header.string("ES256")
        header.key("kid")
        header.string(key.stored.id)
        header.key("typ")
        header.string("JWT")
        header.endObject()
        let content = "\(Base64URL.encode(header.bytes)).\(Base64URL.encode(claims))"
        guard let signature = try? key.algorithm.sign(Array(content.utf8)) else { return nil }
        return "\(content).\(Base64URL.encode(signature))"
    }

    /// Whether the key of this id is here and verifies at this moment.
    func verifies(_ id: String, at now: Int64) -> Bool {
        keys.contains { hasSameBytes($0.stored.id, id) && isGood($0, at: now) }
    }

    /// The claims of a token, and the id of the key of ours that has signed it; nil for any other text. Of the header,
    /// only `alg` and `kid` are looked at: keys and addresses of keys in it mean nothing.
    func claims(of token: some StringProtocol, at now: Int64) -> (claims: JSONObject, key: String)? {
        let token = String(token)
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), let signature = Base64URL.decode(parts[2]),
            signature.count == 64, case .string(let name)? = header["alg"], hasSameBytes(name, "ES256"),
            case .string(let id)? = header["kid"], header["crit"] == nil,
            let key = keys.first(where: { hasSameBytes($0.stored.id, id) }), isGood(key, at: now)
        else { return nil }
        let signed = Array(token.utf8[..<parts[1].endIndex])
        guard (try? key.algorithm.verify(signature, signs: signed)) == true else { return nil }
        return Self.object(parts[1]).map { ($0, key.stored.id) }
    }

    private static func object(_ part: Substring.UTF8View) -> JSONObject? {
        guard let bytes = Base64URL.decode(part) else { return nil }
        var limits = JSONLimits()
        limits.depth = 8
        limits.children = 256
        limits.values = 4_096
        guard case .object(let object)? = try? JSONValue(parsing: bytes, limits: limits) else { return nil }
        return object
    }

    /// The public keys, also of those that do not sign yet or no more. RFC 7517, section 5.
    func document(at now: Int64) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("keys")
        json.beginArray()
        for key in keys where isGood(key, at: now) {
            json.beginObject()
            for (name, value) in [
                ("kty", "EC"), ("crv", "P-256"), ("alg", "ES256"), ("use", "sig"), ("kid", key.stored.id),
                ("x", key.x), ("y", key.y),
            ] {
                json.key(name)
                json.string(value)
            }
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}
