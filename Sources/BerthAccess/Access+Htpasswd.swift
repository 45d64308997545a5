import BerthCatalog

/// What a file with users changed.
package struct HtpasswdChange: Sendable, Equatable {
    package var added = 0
    /// Users with another password, and those who are there again.
    package var changed = 0
    /// Users who are in the file no more.
    package var gone = 0
    /// Names of users who were made otherwise, and stay as they are.
    package var others: [String] = []

    package var isNothing: Bool { added + changed + gone == 0 }
}

extension Access {
    private static let actor = Actor(name: "htpasswd", address: "local")

    /// Makes the users of the file those of the registry: new ones are added, passwords follow the file, and who is in it no
    /// more is disabled until he is there again. Users who were made otherwise stay as they are. Closes the registry, also
    /// with an empty file: whoever names a file wants logins.
    package func apply(_ file: HtpasswdFile) async throws(AccessError) -> HtpasswdChange {
        let now = self.now
        return try await changing { t, entries throws(CatalogError) in
            var change = HtpasswdChange()
            try t.close(at: now)
            var known: [String: FileUser] = [:]
            for row in try t.rows(
                """
                SELECT access_user.id, access_user.name, access_user.password, access_file_user.is_absent
                FROM access_user
                LEFT JOIN access_file_user ON access_file_user.user_id = access_user.id
                """, [])
            {
                let user = try FileUser(row)
                known[user.name] = user
            }
            for (name, hash) in file.users {
                guard let user = known.removeValue(forKey: name.text) else {
                    try t.add(name, hash, at: now)
                    entries.append(AuditEntry(now, Self.actor, "user.add", name.text))
                    change.added += 1
                    continue
                }
                guard let wasAbsent = user.isAbsent else {
                    change.others.append(name.text)
                    continue
                }
                guard wasAbsent || user.password != hash else { continue }
                try t.change(user.id, password: hash, isAbsent: false)
                entries.append(
                    AuditEntry(
                        now, Self.actor, "user.change", name.text, detail: wasAbsent ? "enabled" : "password"))
                change.changed += 1
            }
            for user in known.values.sorted(by: { $0.id < $1.id }) where user.isAbsent == false {
                try t.change(user.id, password: nil, isAbsent: true)
                entries.append(AuditEntry(now, Self.actor, "user.change", user.name, detail: "disabled"))
                change.gone += 1
            }
            return change
        }
    }

    /// No file holds users any more: they keep the last password, or have
    /// none if they were gone from it, and are users like others.
    package func forgetHtpasswd() async throws(AccessError) {
        guard snapshot.usersByID.values.contains(where: { $0.file != nil }) else { return }
        _ = try await changing { t, _ throws(CatalogError) in try t.execute("DELETE FROM access_file_user", []) }
    }
}

private struct FileUser: Sendable {
    let id: Int64
    let name: String
    let password: String?
    /// Nil: no user of a file.
    let isAbsent: Bool?

    init(_ row: SQLRow) throws(CatalogError) {
        (id, name, password) = (try row.integer(0), try row.text(1), try row.optionalText(2))
        isAbsent = try row.optionalInteger(3).map { $0 == 1 }
    }
}

extension SQLTransaction {
    fileprivate func add(_ name: AccountName, _ hash: String, at now: Int64) throws(CatalogError) {
        try execute(
            """
            INSERT INTO access_user (name, password, version, is_admin, is_disabled, created_at)
            VALUES (?, ?, 1, 0, 0, ?)
            """, [.text(name.text), .text(hash), .integer(now)])
        try execute(
            """
            INSERT INTO access_file_user (user_id, is_absent)
            SELECT id, 0
            FROM access_user
            WHERE name = ?
            """, [.text(name.text)])
    }

    /// What was issued before ends. Whoever was disabled by a command stays so, whatever the file says.
    fileprivate func change(_ id: Int64, password: String?, isAbsent: Bool) throws(CatalogError) {
        try execute(
            "UPDATE access_user SET password = ?, version = version + 1 WHERE id = ?",
            [.optional(password), .integer(id)])
        try execute("UPDATE access_file_user SET is_absent = ? WHERE user_id = ?", [.bool(isAbsent), .integer(id)])
        try execute("DELETE FROM access_refresh WHERE user_id = ?", [.integer(id)])
    }
}
