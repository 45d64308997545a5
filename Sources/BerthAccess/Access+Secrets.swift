import BerthCatalog
import BerthDigest
package import BerthModel

/// Whose secret is made: a user's is a personal token.
package enum SecretHolder: Hashable, Sendable, CustomStringConvertible {
    case user(AccountName)
    case robot(RobotName)

    package var description: String {
        switch self {
        case .user(let name): "user \(name)"
        case .robot(let name): "robot \(name)"
        }
    }
}

/// A secret as it is shown once.
package struct NewSecret: Sendable {
    package let text: String
    package let prefix: String
}

extension Access {
    /// Makes a personal token, or one more secret of a robot: several may be live, so that they can be changed one after
    /// the other. `seconds` nil: it does not run out. Throws `.unknown`, or `.invalid` for a lifetime of nothing.
    package func addSecret(
        for holder: SecretHolder, label: String, scopes: [CredentialScope]?, seconds: Int64?, by actor: Actor
    ) async throws(AccessError) -> NewSecret {
        let kind: SecretText.Kind
        switch holder {
        case .user: kind = .personal
        case .robot: kind = .robot
        }
        guard seconds.map({ (1...Self.longestLife).contains($0) }) ?? true else {
            throw .invalid("a token lives from one second to ten years")
        }
        guard label.utf8.count <= 100, !label.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw .invalid("a label has at most 100 bytes and no control characters")
        }
        guard (scopes?.count ?? 1) > 0, (scopes?.count ?? 0) <= 50 else {
            throw .invalid("a token has 1 to 50 scopes, or none for all that its owner may do")
        }
        guard let secret = SecretText(new: kind) else { throw .busy }
        let now = self.now
        let isKnown = try await changing { t, entries throws(CatalogError) -> Bool in
            let (user, robot) = try t.ids(of: holder)
            guard user != nil || robot != nil else { return false }
            try t.execute(
                """
                INSERT INTO access_secret (prefix, hash, user_id, robot_id, label, scopes, created_at, expires_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    .text(secret.prefix), .bytes(secret.hash.bytes), .optional(user), .optional(robot), .text(label),
                    .optional(scopes.map { $0.map(\.description).joined(separator: "\n") }), .integer(now),
                    .optional(seconds.map { now + $0 * 1_000_000 }),
                ])
            let words = [
                "\(holder)", scopes.map { $0.map(\.description).joined(separator: " ") } ?? "all that he may do",
                seconds.map { "for \($0) s" } ?? "for ever",
            ]
            entries.append(
                AuditEntry(now, actor, "token.add", secret.prefix, detail: words.joined(separator: ", ")))
            return true
        }
        guard isKnown else { throw .unknown("\(holder)") }
        return NewSecret(text: secret.text, prefix: secret.prefix)
    }

    private static let longestLife: Int64 = 3650 * 24 * 3600

    /// Lets a personal token or robot's secret rest, with the tokens that it has brought, or count again: whether it was
    /// otherwise before. Throws `.unknown`, also for a refresh token, which can be ended alone.
    @discardableResult
    package func changeSecret(prefix: String, isDisabled: Bool, by actor: Actor) async throws(AccessError) -> Bool {
        try await set(
            isDisabled, .secret, prefix, unknown: "personal token or robot's secret \(prefix)", by: actor)
    }

    /// Ends a personal token or robot's secret, with the refresh tokens that it brought, or a single refresh token; false
    /// where there is none. Bearer tokens that the last one has brought go on until they end, as they do by themselves soon.
    package func removeSecret(prefix: String, by actor: Actor) async throws(AccessError) -> Bool {
        let now = self.now
        return try await changing { t, entries throws(CatalogError) -> Bool in
            if try t.execute("DELETE FROM access_secret WHERE prefix = ?", [.text(prefix)]) > 0 {
                entries.append(AuditEntry(now, actor, "token.remove", prefix))
                return true
            }
            guard try t.execute("DELETE FROM access_refresh WHERE prefix = ?", [.text(prefix)]) > 0 else {
                return false
            }
            entries.append(AuditEntry(now, actor, "refresh.remove", prefix))
            return true
        }
    }
}

extension SQLTransaction {
    func ids(of holder: SecretHolder) throws(CatalogError) -> (user: Int64?, robot: Int64?) {
        switch holder {
        case .user(let name):
            (try row("SELECT id FROM access_user WHERE name = ?", [.text(name.text)])?.integer(0), nil)
        case .robot(let name):
            (nil, try row("SELECT id FROM access_robot WHERE name = ?", [.text(name.text)])?.integer(0))
        }
    }
}
