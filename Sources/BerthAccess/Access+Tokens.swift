import BerthCatalog
import BerthDigest
import BerthModel
import BerthRegistry
import Logging

/// A token as the token endpoint hands it out.
package struct IssuedToken: Sendable {
    package let text: String
    /// Seconds.
    package let lifetime: Int64
    /// Milliseconds since 1970.
    package let issuedAt: Int64
}

extension Access {
    /// Bytes of `access` in a token: with the rest, and in base64, it stays below 6 KiB.
    private static let mostAccessBytes = 3_900

    /// A token for what of `scopes` is allowed to `account` (nil: to everybody) right now: a bound, not a right.
    package func issue(_ account: Account?, _ scopes: RequestedScopes) throws(IdentityRefusal) -> IssuedToken {
        let caller = account?.caller ?? .anonymous
        let milliseconds = clock.milliseconds()
        let token = BearerToken(
            caller.principal, accountID: account?.id ?? 0, secretID: account?.secretID, reach: TokenReach(),
            notBefore: milliseconds / 1000, expires: milliseconds / 1000 + settings.tokenSeconds)
        let claims = token.claims(
            BearerToken.Names(issuer: settings.issuer, audience: settings.service),
            id: Base64URL.encode(randomBytes(16)), access: granted(caller, scopes))
        guard let text = snapshot.keys.sign(claims, at: milliseconds * 1000) else { throw .unavailable }
        return IssuedToken(text: text, lifetime: settings.tokenSeconds, issuedAt: milliseconds)
    }

    private func granted(_ caller: Caller, _ scopes: RequestedScopes) -> [GrantedScope] {
        var granted: [GrantedScope] = []
        var room = Self.mostAccessBytes
        if scopes.asksForCatalog, decide(caller, .pull, nil) {
            granted.append(GrantedScope(type: "registry", name: "catalog", actions: ["*"]))
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

    /// A token that goes on working until it is revoked, its account is disabled, or it is not used for 30 days.
    /// Clients keep the first one for ever, so it is not replaced when it is used.
    package func makeRefreshToken(
        _ account: Account, from address: String
    ) async throws(IdentityRefusal) -> String {
        guard let secret = SecretText(new: .refresh) else { throw .unavailable }
        let now = self.now
        let (user, robot): (Int64?, Int64?) =
            if case .user = account.principal { (account.id, nil) } else { (nil, account.id) }
        let entry = AuditEntry(
            now, Actor(name: account.principal.text, address: address), "refresh.add", secret.prefix)
        do throws(CatalogError) {
            try await database.write(
                .small,
                { t throws(CatalogError) in
                    try t.execute(
                        """
                        INSERT INTO access_refresh
                            (prefix, hash, user_id, robot_id, secret_id, created_at, last_used_at)
                        VALUES (?, ?, ?, ?, ?, ?, ?)
                        """,
                        [
                            .text(secret.prefix), .bytes(secret.hash.bytes), .optional(user), .optional(robot),
                            .optional(account.secretID), .integer(now), .integer(now),
                        ])
                    try t.insert(entry)
                }, settled: { _ in })
        } catch {
            log.error("no refresh token was made", metadata: ["cause": "\(error)"])
            throw .unavailable
        }
        audit.tell(entry)
        return secret.text
    }

    /// The account of a refresh token.
    package func account(refreshToken: String, from address: String) async throws(IdentityRefusal) -> Account {
        guard let text = SecretText(refreshToken), text.kind == .refresh else {
            try refused("refresh", "", address)
        }
        let row: RefreshRow?
        do throws(CatalogError) {
            row = try await database.read { t throws(CatalogError) in try RefreshRow(text.prefix, t) }
        } catch {
            log.error("no refresh token was read", metadata: ["cause": "\(error)"])
            throw .unavailable
        }
        let now = self.now
        guard let row, row.hash.isSame(as: text.hash), now - row.lastUsedAt < AccessSettings.refreshSeconds * 1_000_000,
            let account = account(row)
        else { try refused("refresh", text.prefix, address) }
        if now - row.lastUsedAt > 60_000_000 {
            database.enqueue(
                { t throws(CatalogError) in
                    try t.execute(
                        "UPDATE access_refresh SET last_used_at = ? WHERE id = ?", [.integer(now), .integer(row.id)])
                }, settled: { _ in })
        }
        return account
    }

    private func account(_ row: RefreshRow) -> Account? {
        let snapshot = self.snapshot
        if let id = row.secretID { return snapshot.secretsByID[id].flatMap { account($0, snapshot) } }
        if let id = row.userID {
            guard let user = snapshot.usersByID[id], !user.isDisabled else { return nil }
            return Account(principal: user.principal, id: id, secretID: nil, credential: nil)
        }
        guard let id = row.robotID, let robot = snapshot.robotsByID[id], !robot.isDisabled else { return nil }
        return Account(principal: robot.principal, id: id, secretID: nil, credential: nil)
    }

    /// The public keys, as `/auth/keys` serves them.
    package func keyDocument() -> [UInt8] { snapshot.keys.document(at: now) }

    /// Forgets refresh tokens that nobody has used for too long, and keys that verify nothing any more.
    package func keepHouse() async {
        guard isClosed else { return }
        let now = self.now
        let oldest = now - AccessSettings.refreshSeconds * 1_000_000
        let keysUntil =
            now - (settings.uploadSeconds + settings.tokenSeconds + settings.skewSeconds) * 1_000_000
        do throws(CatalogError) {
            _ = try await database.write(
                .background,
                { t throws(CatalogError) -> Int in
                    try t.execute("DELETE FROM access_refresh WHERE last_used_at < ?", [.integer(oldest)])
                    return try t.execute(
                        "DELETE FROM access_key WHERE retired_at IS NOT NULL AND retired_at < ?",
                        [.integer(keysUntil)])
                }, settled: { _ in })
        } catch {
            log.error("ended tokens and keys not forgotten", metadata: ["cause": "\(error)"])
        }
    }
}

private struct RefreshRow: Sendable {
    let id: Int64
    let hash: Hash256
    let userID: Int64?
    let robotID: Int64?
    let secretID: Int64?
    let lastUsedAt: Int64

    /// Nil where there is none.
    init?(_ prefix: String, _ t: any SQLTransaction) throws(CatalogError) {
        guard
            let row = try t.row(
                "SELECT id, hash, user_id, robot_id, secret_id, last_used_at FROM access_refresh WHERE prefix = ?",
                [.text(prefix)]), let hash = Hash256(bytes: try row.bytes(1))
        else { return nil }
        self.hash = hash
        (id, userID, robotID) = (try row.integer(0), try row.optionalInteger(2), try row.optionalInteger(3))
        (secretID, lastUsedAt) = (try row.optionalInteger(4), try row.integer(5))
    }
}
