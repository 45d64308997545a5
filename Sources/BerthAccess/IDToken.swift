import BerthModel

/// An identity token (OpenID Connect Core 1.0, section 2) taken apart. Nothing in it is believed yet.
struct IDToken: Sendable {
    let algorithm: String
    let keyID: String
    let claims: JSONObject
    let issuer: String
    let subject: String
    let audiences: [String]
    /// Seconds since 1970.
    let expires: Int64
    let notBefore: Int64?
    /// What the signature is over.
    let signed: [UInt8]
    let signature: [UInt8]

    static let longest = 12 << 10
    /// OpenID Connect says 255; some issuers put a branch's name into it.
    private static let longestSubject = 512
    private static let times: ClosedRange<Int64> = 0...(1 << 40)

    /// The algorithms that are known: for each, keys of one type.
    static let algorithms = ["RS256", "PS256", "ES256", "ES384", "EdDSA"]

    /// Nil unless it has three parts with what an identity token has to have. Of the header, only `alg` and `kid` mean
    /// something: keys, and addresses of keys, are none of the sender's business.
    init?(_ text: String) {
        guard text.utf8.count <= Self.longest else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), let claims = Self.object(parts[1]),
            let signature = Base64URL.decode(parts[2]), !signature.isEmpty,
            case .string(let algorithm)? = header["alg"], case .string(let keyID)? = header["kid"],
            header["crit"] == nil,
            case .string(let issuer)? = claims["iss"], case .string(let subject)? = claims["sub"],
            (1...Self.longestSubject).contains(subject.utf8.count),
            case .integer(let expires)? = claims["exp"], Self.times.contains(expires)
        else { return nil }
        switch claims["nbf"] {
        case nil: notBefore = nil
        case .integer(let time)? where Self.times.contains(time): notBefore = time
        default: return nil
        }
        switch claims["aud"] {
        case .string(let audience)?: audiences = [audience]
        case .array(let items)?: audiences = items.compactMap { if case .string(let text) = $0 { text } else { nil } }
        default: return nil
        }
        (self.algorithm, self.keyID, self.claims, self.signature) = (algorithm, keyID, claims, signature)
        (self.issuer, self.subject, self.expires) = (issuer, subject, expires)
        signed = Array(text.utf8[..<parts[1].endIndex])
    }

    private static func object(_ part: Substring.UTF8View) -> JSONObject? {
        guard let bytes = Base64URL.decode(part) else { return nil }
        var limits = JSONLimits()
        limits.depth = 16
        limits.children = 256
        limits.values = 4_096
        guard case .object(let object)? = try? JSONValue(parsing: bytes, limits: limits) else { return nil }
        return object
    }
}

/// Why an identity token opens nothing. The texts are for the audit log; the client is told no more than that it is so.
enum IDTokenProblem: Error, Hashable, CustomStringConvertible {
    case malformed
    case noRule(issuer: String)
    case audience(expected: String)
    case expired
    case notYetValid
    case condition(rule: String, claim: String)
    case algorithm(String)
    case unknownKey(String)
    case signature
    case keys(String)
    /// The rule, the subject or the token itself has as many sessions as it may.
    case tooManySessions

    var description: String {
        switch self {
        case .malformed: "it is no identity token"
        case .noRule(let issuer): "no rule trusts the issuer \(issuer)"
        case .audience(let expected): "it is not meant for \(expected)"
        case .expired: "it has expired before it was first presented"
        case .notYetValid: "it is not valid yet"
        case .condition(let rule, let claim): "the rule \(rule) has a condition on \(claim) that does not hold"
        case .algorithm(let name): "the algorithm \(name) is not taken"
        case .unknownKey(let id): "its issuer has no key \(id)"
        case .signature: "its signature is wrong"
        case .keys(let why): "the issuer's keys cannot be had: \(why)"
        case .tooManySessions: "its rule, its subject or itself has too many sessions at once"
        }
    }
}
