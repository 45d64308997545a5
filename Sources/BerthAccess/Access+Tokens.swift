import BerthDigest
import BerthModel
import BerthRegistry

/// A token as the token endpoint hands it out.
package struct IssuedToken: Sendable {
    package let text: String
    /// Seconds.
    package let lifetime: Int64
    /// Milliseconds since 1970.
    package let issuedAt: Int64
}

extension Access {
    /// Bytes of the claims of a token: in base64, with header and signature, it stays below 6 KiB.
    private static let mostClaimBytes = 4_400

    /// A token for what of `scopes` is allowed to `account` (nil: to everybody) right now: a bound, not a right.
    package func issue(_ account: Account?, _ scopes: RequestedScopes) throws(IdentityRefusal) -> IssuedToken {
        let caller = account?.caller ?? .anonymous
        let milliseconds = clock.milliseconds()
        let seconds = milliseconds / 1000
        let end = min(
            account?.ends ?? .max, account?.secret?.expiresAt.map { $0 / 1_000_000 } ?? .max,
            account?.certificate?.expires ?? .max)
        let token = BearerToken(for: account, notBefore: seconds, expires: min(seconds + settings.tokenSeconds, end))
        let names = BearerToken.Names(issuer: settings.issuer, audience: settings.service)
        let id = Base64URL.encode(randomBytes(16))
        let room = Self.mostClaimBytes - token.claims(names, id: id, access: []).count
        let claims = token.claims(names, id: id, access: granted(caller, scopes, room))
        guard let text = snapshot.keys.sign(claims, at: milliseconds * 1000) else { throw .unavailable }
        return IssuedToken(text: text, lifetime: token.expires - seconds, issuedAt: milliseconds)
    }

    /// What of it may be said in `room` bytes.
    private func granted(_ caller: Caller, _ scopes: RequestedScopes, _ room: Int) -> [GrantedScope] {
        var granted: [GrantedScope] = []
        var room = room
        if scopes.asksForCatalog, decide(caller, .pull, nil) {
            granted.append(GrantedScope(type: "registry", name: "catalog", actions: ["*"]))
            room -= granted[0].size
        }
        for (name, asked) in scopes.repositories {
            let actions = asked.actions.filter { decide(caller, $0, name) }.map(\.rawValue)
            guard !actions.isEmpty else { continue }
            let scope = GrantedScope(type: "repository", name: name.text, actions: actions)
            room -= scope.size
            guard room >= 0 else { break }
            granted.append(scope)
        }
        return granted
    }

    /// The public keys, as `/auth/keys` serves them.
    package func keyDocument() -> [UInt8] { snapshot.keys.document(at: now) }
}
