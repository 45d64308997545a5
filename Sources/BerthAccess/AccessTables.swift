import BerthCatalog
import BerthDigest
import BerthModel

/// The tables of this room, read whole in one transaction: accounts are thousands, not millions, and decisions are made
/// from memory alone.
package struct AccessTables: Sendable {
    package let version: Int64
    package let isClosed: Bool
    /// Whether the last start named a file that holds users.
    let followsFile: Bool
    package let users: [User]
    package let groups: [Group]
    package let robots: [Robot]
    /// In the order in which they were added, which is that in which they are tried.
    package let rules: [TrustRule]
    package let secrets: [StoredSecret]
    package let grants: [Grant]
    package let certificates: [CertificateRule]
    let keys: [StoredKey]
    /// Rows that cannot be read, in words. Who they are about has no rights by them; all others keep theirs.
    let damages: [String]

    init(_ transaction: any SQLTransaction) throws(CatalogError) {
        guard
            let state = try transaction.row(
                "SELECT version, is_closed, follows_file FROM access_state WHERE id = 1", [])
        else { throw .damaged("the state of accounts is missing") }
        (version, isClosed, followsFile) = (try state.integer(0), try state.bool(1), try state.bool(2))
        var rows = LenientRows()
        users = rows.read(
            try transaction.rows(
                """
                SELECT id, name, password, version, is_admin, is_disabled, created_at, last_used_at, is_absent
                FROM access_user
                LEFT JOIN access_file_user ON access_file_user.user_id = access_user.id
                ORDER BY name
                """, [])
        ) { row throws(CatalogError) in
            let file = try row.optionalInteger(8).map { $0 == 0 ? User.FileState.present : .absent }
            let isDisabled = try row.bool(5)
            return User(
                id: try row.integer(0), name: try row.accountName(1), password: try row.optionalText(2),
                version: try row.integer(3), isAdmin: try row.bool(4), isDisabled: isDisabled || file == .absent,
                createdAt: try row.integer(6), lastUsedAt: try row.optionalInteger(7), file: file)
        }
        robots = rows.read(
            try transaction.rows(
                "SELECT id, name, version, is_disabled, created_at FROM access_robot ORDER BY name", [])
        ) { row throws(CatalogError) in
            Robot(
                id: try row.integer(0), name: try row.robotName(1), version: try row.integer(2),
                isDisabled: try row.bool(3), createdAt: try row.integer(4))
        }
        groups = try Self.groups(transaction, &rows)
        rules = try Self.rules(transaction, &rows)
        secrets = try Self.secrets(transaction, &rows)
        keys = rows.read(
            try transaction.rows(
                "SELECT kid, private_key, created_at, signs_from, retired_at, is_disabled FROM access_key ORDER BY id",
                [])
        ) { row throws(CatalogError) in
            StoredKey(
                id: try row.text(0), privateKey: try row.text(1), createdAt: try row.integer(2),
                signsFrom: try row.integer(3), retiredAt: try row.optionalInteger(4), isDisabled: try row.bool(5))
        }
        certificates = rows.read(
            try transaction.rows(
                """
                SELECT id, name, user_id, robot_id, is_disabled, created_at, created_by
                FROM access_certificate
                ORDER BY name
                """, [])
        ) { row throws(CatalogError) in
            let user = try row.optionalInteger(2)
            let owner: SecretOwner =
                if let user { .user(id: user) } else { .robot(id: try row.integer(3)) }
            return CertificateRule(
                id: try row.integer(0), name: try row.certificateName(1), owner: owner, isDisabled: try row.bool(4),
                createdAt: try row.integer(5), createdBy: try row.text(6))
        }
        grants = try Self.grants(transaction, users, groups, robots, rules, &rows)
        damages = rows.damages
    }

    private static func groups(
        _ transaction: any SQLTransaction, _ rows: inout LenientRows
    ) throws(CatalogError) -> [Group] {
        var members: [Int64: [Int64]] = [:]
        for row in try transaction.rows(
            "SELECT group_id, user_id FROM access_group_member ORDER BY group_id, user_id", [])
        {
            members[try row.integer(0), default: []].append(try row.integer(1))
        }
        return rows.read(
            try transaction.rows("SELECT id, name, created_at, is_disabled FROM access_group ORDER BY name", [])
        ) { row throws(CatalogError) in
            let id = try row.integer(0)
            return Group(
                id: id, name: try row.accountName(1), createdAt: try row.integer(2), members: members[id] ?? [],
                isDisabled: try row.bool(3))
        }
    }

    private static func rules(
        _ transaction: any SQLTransaction, _ rows: inout LenientRows
    ) throws(CatalogError) -> [TrustRule] {
        rows.read(
            try transaction.rows(
                """
                SELECT id, name, issuer, audience, conditions, authority, keys, allows_private, version, is_disabled,
                    created_at, created_by, last_used_at
                FROM trust_rule
                ORDER BY id
                """, [])
        ) { row throws(CatalogError) in
            TrustRule(
                id: try row.integer(0), name: try row.accountName(1), issuer: try row.text(2),
                audience: try row.optionalText(3), conditions: try row.conditions(4),
                authority: try row.optionalText(5), keys: try row.optionalText(6), allowsPrivate: try row.bool(7),
                version: try row.integer(8), isDisabled: try row.bool(9), createdAt: try row.integer(10),
                createdBy: try row.text(11), lastUsedAt: try row.optionalInteger(12))
        }
    }

    private static func secrets(
        _ transaction: any SQLTransaction, _ rows: inout LenientRows
    ) throws(CatalogError) -> [StoredSecret] {
        rows.read(
            try transaction.rows(
                """
                SELECT id, prefix, hash, user_id, robot_id, label, scopes, created_at, expires_at, last_used_at,
                    is_disabled
                FROM access_secret
                ORDER BY id
                """, [])
        ) { row throws(CatalogError) in
            guard let hash = Hash256(bytes: try row.bytes(2)) else { throw .damaged("a secret's hash has no 32 bytes") }
            let user = try row.optionalInteger(3)
            let owner: SecretOwner =
                if let user { .user(id: user) } else { .robot(id: try row.integer(4)) }
            return StoredSecret(
                id: try row.integer(0), prefix: try row.text(1), hash: hash, owner: owner, label: try row.text(5),
                scopes: try row.scopes(6), createdAt: try row.integer(7), expiresAt: try row.optionalInteger(8),
                lastUsedAt: try row.optionalInteger(9), isDisabled: try row.bool(10))
        }
    }

    private static func grants(
        _ transaction: any SQLTransaction, _ users: [User], _ groups: [Group], _ robots: [Robot],
        _ rules: [TrustRule], _ rows: inout LenientRows
    ) throws(CatalogError) -> [Grant] {
        let users = Dictionary(users.map { ($0.id, $0.name) }) { first, _ in first }
        let groups = Dictionary(groups.map { ($0.id, $0.name) }) { first, _ in first }
        let robots = Dictionary(robots.map { ($0.id, $0.name) }) { first, _ in first }
        let rules = Dictionary(rules.map { ($0.id, $0.name) }) { first, _ in first }
        let found = rows.read(
            try transaction.rows(
                """
                SELECT id, subject_kind, subject_id, pattern, role, created_at, created_by, is_disabled
                FROM access_grant
                ORDER BY id
                """, [])
        ) { row throws(CatalogError) -> Grant? in
            let subject: GrantSubject? =
                switch (try row.integer(1), try row.integer(2)) {
                case (0, _): .everyone
                case (1, let id): users[id].map { .user($0) }
                case (2, let id): groups[id].map { .group($0) }
                case (3, let id): robots[id].map { .robot($0) }
                case (4, let id): rules[id].map { .trust($0) }
                default: nil
                }
            guard let subject, let role = Role(rawValue: try row.integer(4)) else { return nil }
            let text = try row.text(3)
            guard let pattern = try? RepositoryPattern(text) else { throw .damaged("'\(text)' is no pattern") }
            return Grant(
                id: try row.integer(0), subject: subject, pattern: pattern, role: role,
                createdAt: try row.integer(5), createdBy: try row.text(6), isDisabled: try row.bool(7))
        }
        return found.compactMap { $0 }
    }
}

/// Reads rows one by one: one that is damaged must cost its own account its rights, and not keep a change of all others
/// from coming into force.
private struct LenientRows {
    var damages: [String] = []

    mutating func read<Value>(_ rows: [SQLRow], _ value: (SQLRow) throws(CatalogError) -> Value) -> [Value] {
        var values: [Value] = []
        for row in rows {
            do throws(CatalogError) { values.append(try value(row)) } catch { damages.append("\(error)") }
        }
        return values
    }
}

extension SQLRow {
    func optionalInteger(_ index: Int) throws(CatalogError) -> Int64? { isNull(index) ? nil : try integer(index) }

    func accountName(_ index: Int) throws(CatalogError) -> AccountName {
        let text = try text(index)
        do { return try AccountName(text) } catch { throw .damaged("'\(text)' is no account's name") }
    }
    func robotName(_ index: Int) throws(CatalogError) -> RobotName {
        let text = try text(index)
        do { return try RobotName(text) } catch { throw .damaged("'\(text)' is no robot's name") }
    }
    fileprivate func certificateName(_ index: Int) throws(CatalogError) -> CertificateName {
        let text = try text(index)
        guard let name = CertificateName(text) else { throw .damaged("'\(text)' is no certificate's name") }
        return name
    }
    /// One condition a line; a rule without any would let in everybody.
    fileprivate func conditions(_ index: Int) throws(CatalogError) -> [ClaimCondition] {
        let conditions = try text(index).split(separator: "\n").map { line throws(CatalogError) in
            do { return try ClaimCondition(String(line)) } catch { throw .damaged("'\(line)' is no condition") }
        }
        guard !conditions.isEmpty else { throw .damaged("a trust rule has no condition") }
        return conditions
    }
    /// One scope a line.
    fileprivate func scopes(_ index: Int) throws(CatalogError) -> [CredentialScope]? {
        guard let text = try optionalText(index) else { return nil }
        return try text.split(separator: "\n").map { line throws(CatalogError) in
            guard let scope = CredentialScope(line) else { throw .damaged("'\(line)' is no scope") }
            return scope
        }
    }
}

extension SQLValue {
    static func optional(_ number: Int64?) -> SQLValue { number.map(SQLValue.integer) ?? .null }
}
