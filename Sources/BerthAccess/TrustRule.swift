package import BerthModel

/// Whom the registry believes that a job is what it says: an issuer of identity tokens (OpenID Connect), and what has to
/// stand in a token. What such a job may do are grants to `trust:NAME`.
package struct TrustRule: Sendable {
    package let id: Int64
    package let name: AccountName
    /// As tokens carry it in `iss`, byte for byte.
    package let issuer: String
    /// Nil: the registry's own URL.
    package let audience: String?
    /// All of them have to hold.
    package let conditions: [ClaimCondition]
    /// PEM of the certificates that vouch for the issuer's hosts; nil: the machine's authorities.
    let authority: String?
    /// The issuer's keys as a JSON Web Key Set; nil: they are fetched.
    let keys: String?
    package let allowsPrivate: Bool
    /// Another one after each disabling: sessions and tokens of an earlier one have ended.
    let version: Int64
    package let isDisabled: Bool
    package let createdAt: Int64
    package let createdBy: String
    package let lastUsedAt: Int64?

    package var hasAuthority: Bool { authority != nil }
    package var hasKeys: Bool { keys != nil }
    var source: KeySource {
        KeySource(issuer: issuer, authority: authority, keys: keys, allowsPrivate: allowsPrivate)
    }
}

/// What a rule is to be, and what it grants at once.
package struct NewTrustRule: Sendable {
    package let name: AccountName
    package let issuer: String
    package let audience: String?
    package let conditions: [ClaimCondition]
    package var authority: String?
    package var keys: String?
    package var allowsPrivate = false
    package var grants: [(role: Role, pattern: RepositoryPattern)] = []

    package init(_ name: AccountName, issuer: String, audience: String?, conditions: [ClaimCondition]) {
        (self.name, self.issuer, self.audience, self.conditions) = (name, issuer, audience, conditions)
    }
}

/// A claim that has to be there, and what it has to look like: `repository=org/app`, `sub=repo:org/*:ref:refs/heads/main`.
package struct ClaimCondition: Hashable, Sendable, CustomStringConvertible {
    package let claim: String
    package let pattern: ClaimPattern
    package var description: String { "\(claim)=\(pattern.text)" }

    private static let longestClaim = 128

    /// Reads `claim=pattern`. Throws `.invalid`.
    package init(_ text: String) throws(AccessError) {
        guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")), let claim = String(text.utf8[..<equals]),
            let pattern = String(text.utf8[equals...].dropFirst()),
            (1...Self.longestClaim).contains(claim.utf8.count),
            claim.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw .invalid("a condition is written claim=pattern, as in repository=org/app") }
        self.claim = claim
        self.pattern = try ClaimPattern(pattern)
    }

    /// A claim that is a list or an object fits no pattern.
    func holds(in claims: JSONObject) -> Bool {
        switch claims[claim] {
        case .string(let text): pattern.matches(text)
        case .integer(let number): pattern.matches(String(number))
        case .bool(let value): pattern.matches(value ? "true" : "false")
        default: false
        }
    }

    /// Claims by which the usual issuers tell whose job it is.
    private static let projectClaims = [
        "sub", "repository", "repository_id", "repository_owner", "repository_owner_id", "project_path", "project_id",
        "namespace_path", "namespace_id", "organization_slug", "organization_id", "pipeline_id", "repositoryUuid",
        "workspaceUuid", "oidc.circleci.com/project-id", "oidc.circleci.com/org-id",
    ]

    /// Whether this tells apart who may come from everybody else whom the issuer knows: whole, or, where there is a path,
    /// up to its first slash. The issuer of a public CI system knows all the world. `sub` has several parts: without a
    /// path, the first two of them, as in `organization:acme:*`.
    var namesProject: Bool {
        guard Self.projectClaims.contains(where: { hasSameBytes($0, claim) }) else { return false }
        let star = UInt8(ascii: "*")
        var bytes = Array(pattern.text.utf8)
        // The slashes of a URL's beginning are no path's.
        if bytes.starts(with: "https://".utf8) { bytes.removeFirst("https://".utf8.count) }
        if let slash = bytes.firstIndex(of: UInt8(ascii: "/")) { return !bytes[..<slash].contains(star) }
        guard hasSameBytes(claim, "sub") else { return !bytes.contains(star) }
        let parts = bytes.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
        return !parts.prefix(parts.count == 3 ? 2 : 3).contains { $0.contains(star) || $0.isEmpty }
    }
}

/// What a claim has to look like: the same text, where `*` stands for any characters but `/` and `:`. A pattern always
/// means the whole claim.
package struct ClaimPattern: Hashable, Sendable {
    package let text: String
    private let bytes: [UInt8]

    private static let longest = 512
    private static let mostWildcards = 8
    private static let star = UInt8(ascii: "*")

    /// Throws `.invalid`.
    init(_ text: String) throws(AccessError) {
        let bytes = Array(text.utf8)
        guard (1...Self.longest).contains(bytes.count), !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw .invalid("a pattern has 1 to 512 bytes and no control characters")
        }
        guard bytes.count(where: { $0 == Self.star }) <= Self.mostWildcards else {
            throw .invalid("a pattern has at most 8 times a *")
        }
        (self.text, self.bytes) = (text, bytes)
    }

    /// With one place to go back to, the last `*`: whatever it cannot cross stands in the pattern itself, so an earlier
    /// one never has to take more.
    func matches(_ text: String) -> Bool {
        let text = Array(text.utf8)
        var (p, t) = (0, 0)
        var retry: (p: Int, t: Int)?
        while t < text.count || p < bytes.count {
            if p < bytes.count, bytes[p] == Self.star {
                retry = (p, t)
                p += 1
            } else if p < bytes.count, t < text.count, bytes[p] == text[t] {
                (p, t) = (p + 1, t + 1)
            } else if let last = retry, last.t < text.count, text[last.t] != UInt8(ascii: "/"),
                text[last.t] != UInt8(ascii: ":")
            {
                (p, t) = (last.p + 1, last.t + 1)
                retry = (last.p, last.t + 1)
            } else {
                return false
            }
        }
        return true
    }
}
