import BerthCatalog
import BerthDigest
import BerthModel
import Logging

/// A refresh token as people see it: a client that stays logged in.
package struct RefreshFact: Sendable {
    /// By which it is ended.
    package let prefix: String
    /// The personal token or robot's secret that brought it, by its prefix; nil: a password.
    package let secret: String?
    /// Microseconds since 1970.
    package let createdAt: Int64
    package let lastUsedAt: Int64
}

extension Access {
    /// Refresh tokens that one account may have by its password, and by each of its personal tokens or secrets; beyond it,
    /// one that was never used goes, else the one that was not used for longest.
    static let mostRefreshTokens: Int64 = 100

    /// A token that goes on working until it is revoked, its account is disabled or gets a new password, or it is not
    /// used for 30 days. Clients keep the first one for ever, so it is not replaced when it is used.
    ///
    /// Throws `.credentials` where what the account has shown has ended meanwhile.
    package func makeRefreshToken(
        _ account: Account, from address: String
    ) async throws(IdentityRefusal) -> String {
        guard let secret = SecretText(new: .refresh) else { throw .unavailable }
        let now = self.now
        let isKept: Bool
        do throws(CatalogError) {
            isKept = try await database.write(
                .small,
                { t throws(CatalogError) in
                    guard try t.insert(secret, of: account, at: now) else { return false }
                    try t.dropRefreshTokens(of: account, except: secret)
                    return true
                }, settled: { _ in })
        } catch {
            log.error("no refresh token was made", metadata: ["cause": "\(error)"])
            throw .unavailable
        }
        guard isKept else { throw .credentials }
        refreshTokens.count(account.principal.text)
        log.info("refresh token issued", metadata: ["actor": "\(account.principal)", "address": "\(address)"])
        return secret.text
    }

    /// The account of a refresh token.
    package func account(refreshToken: String, from address: String) async throws(IdentityRefusal) -> Account {
        guard let text = SecretText(refreshToken), text.kind == .refresh else {
            try refuseSecret("refresh", "", address)
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
            let account = account(row), account.version == row.version
        else { try refuseSecret("refresh", text.prefix, address) }
        // Whether it was used at all counts as well.
        if now - row.lastUsedAt > 60_000_000 || row.lastUsedAt <= row.createdAt {
            database.enqueue(
                { t throws(CatalogError) in
                    try t.execute(
                        "UPDATE access_refresh SET last_used_at = ? WHERE id = ?",
                        [.integer(max(now, row.createdAt + 1)), .integer(row.id)])
                }, settled: { _ in })
        }
        return account
    }

    /// The refresh tokens of an account, at most a thousand, the newest first. Throws `.unknown`.
    package func refreshTokens(of holder: SecretHolder) async throws(AccessError) -> [RefreshFact] {
        let found: [RefreshFact]?
        do throws(CatalogError) {
            found = try await database.read { t throws(CatalogError) in try t.refreshTokens(of: holder) }
        } catch { throw .failed(error) }
        guard let found else { throw .unknown("\(holder)") }
        return found
    }

    private func account(_ row: RefreshRow) -> Account? {
        let snapshot = self.snapshot
        if let id = row.secretID { return snapshot.secretsByID[id].flatMap { account($0, snapshot) } }
        if let id = row.userID {
            guard let user = snapshot.usersByID[id], !user.isDisabled else { return nil }
            return Account(principal: user.principal, id: id, version: user.version, secret: nil)
        }
        guard let id = row.robotID, let robot = snapshot.robotsByID[id], !robot.isDisabled else { return nil }
        return Account(principal: robot.principal, id: id, version: robot.version, secret: nil)
    }

    /// Writes into the audit log how many refresh tokens each account was given since the last time: clients that log in
    /// on every call would fill it with a line each.
    func noteRefreshTokens() {
        let now = self.now
        for (principal, count) in refreshTokens.take().sorted(by: { $0.key < $1.key }) {
            note(AuditEntry(now, Actor(name: principal, address: ""), "refresh.add", principal, detail: "\(count)"))
        }
    }
}

extension SQLTransaction {
    /// Nil where there is no such account.
    fileprivate func refreshTokens(of holder: SecretHolder) throws(CatalogError) -> [RefreshFact]? {
        let (user, robot) = try ids(of: holder)
        guard let id = user ?? robot else { return nil }
        let rows =
            if user != nil {
                try self.rows(
                    """
                    SELECT r.prefix, s.prefix, r.created_at, r.last_used_at
                    FROM access_refresh r LEFT JOIN access_secret s ON s.id = r.secret_id
                    WHERE r.user_id = ?
                    ORDER BY r.id DESC
                    LIMIT 1000
                    """, [.integer(id)])
            } else {
                try self.rows(
                    """
                    SELECT r.prefix, s.prefix, r.created_at, r.last_used_at
                    FROM access_refresh r LEFT JOIN access_secret s ON s.id = r.secret_id
                    WHERE r.robot_id = ?
                    ORDER BY r.id DESC
                    LIMIT 1000
                    """, [.integer(id)])
            }
        return try rows.map { row throws(CatalogError) in
            RefreshFact(
                prefix: try row.text(0), secret: try row.optionalText(1), createdAt: try row.integer(2),
                lastUsedAt: try row.integer(3))
        }
    }

    /// False where the account is another one by now than the one that has shown itself.
    fileprivate func insert(_ secret: SecretText, of account: Account, at now: Int64) throws(CatalogError) -> Bool {
        if let shown = account.secret?.id,
            try !exists("SELECT 1 FROM access_secret WHERE id = ? AND is_disabled = 0", [.integer(shown)])
        {
            return false
        }
        let values: [SQLValue] = [
            .text(secret.prefix), .bytes(secret.hash.bytes), .optional(account.secret?.id), .integer(now),
            .integer(now), .integer(account.id), .integer(account.version),
        ]
        switch account.principal {
        case .anonymous, .job: return false
        case .user:
            return try execute(
                """
                INSERT INTO access_refresh (prefix, hash, user_id, secret_id, version, created_at, last_used_at)
                SELECT ?, ?, id, ?, version, ?, ?
                FROM access_user
                WHERE id = ? AND version = ? AND is_disabled = 0
                """, values) > 0
        case .robot:
            return try execute(
                """
                INSERT INTO access_refresh (prefix, hash, robot_id, secret_id, version, created_at, last_used_at)
                SELECT ?, ?, id, ?, version, ?, ?
                FROM access_robot
                WHERE id = ? AND version = ? AND is_disabled = 0
                """, values) > 0
        }
    }

    /// Makes room for the newest one, whatever the clock says: those go first that were never used.
    fileprivate func dropRefreshTokens(of account: Account, except newest: SecretText) throws(CatalogError) {
        let (id, shown) = (SQLValue.integer(account.id), SQLValue.integer(account.secret?.id ?? 0))
        let values = [
            id, shown, .text(newest.prefix), id, shown, .text(newest.prefix), .integer(Access.mostRefreshTokens - 1),
        ]
        if case .robot = account.principal {
            try execute(
                """
                DELETE FROM access_refresh
                WHERE robot_id = ? AND COALESCE(secret_id, 0) = ? AND prefix <> ? AND id NOT IN (
                    SELECT id
                    FROM access_refresh
                    WHERE robot_id = ? AND COALESCE(secret_id, 0) = ? AND prefix <> ?
                    ORDER BY CASE WHEN last_used_at > created_at THEN 1 ELSE 0 END DESC, last_used_at DESC, id DESC
                    LIMIT ?)
                """, values)
        } else {
            try execute(
                """
                DELETE FROM access_refresh
                WHERE user_id = ? AND COALESCE(secret_id, 0) = ? AND prefix <> ? AND id NOT IN (
                    SELECT id
                    FROM access_refresh
                    WHERE user_id = ? AND COALESCE(secret_id, 0) = ? AND prefix <> ?
                    ORDER BY CASE WHEN last_used_at > created_at THEN 1 ELSE 0 END DESC, last_used_at DESC, id DESC
                    LIMIT ?)
                """, values)
        }
    }
}

private struct RefreshRow: Sendable {
    let id: Int64
    let hash: Hash256
    let userID: Int64?
    let robotID: Int64?
    let secretID: Int64?
    /// The account's, when the token was made.
    let version: Int64
    let createdAt: Int64
    let lastUsedAt: Int64

    /// Nil where there is none, or its account has another version by now: also where memory does not know that yet.
    init?(_ prefix: String, _ t: any SQLTransaction) throws(CatalogError) {
        guard
            let row = try t.row(
                """
                SELECT r.id, r.hash, r.user_id, r.robot_id, r.secret_id, r.version, r.created_at, r.last_used_at
                FROM access_refresh r
                LEFT JOIN access_user u ON u.id = r.user_id
                LEFT JOIN access_robot b ON b.id = r.robot_id
                WHERE r.prefix = ? AND r.version = COALESCE(u.version, b.version)
                """, [.text(prefix)]), let hash = Hash256(bytes: try row.bytes(1))
        else { return nil }
        self.hash = hash
        (id, userID, robotID) = (try row.integer(0), try row.optionalInteger(2), try row.optionalInteger(3))
        (secretID, version) = (try row.optionalInteger(4), try row.integer(5))
        (createdAt, lastUsedAt) = (try row.integer(6), try row.integer(7))
    }
}
