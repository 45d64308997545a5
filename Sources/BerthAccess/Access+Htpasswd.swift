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
        let change = try await changing { t, entries throws(CatalogError) in
            var change = HtpasswdChange()
            try t.close(at: now)
            if try t.setFollowsFile(true) {
                entries.append(AuditEntry(now, Self.actor, "htpasswd.begin", "registry"))
            }
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
        if change.changed + change.gone > 0 { await forgetRefreshTokens() }
        return change
    }

    /// What became of the users of a file that is named no more.
    package struct HtpasswdEnd: Sendable, Equatable {
        /// Users who keep the last password that the file gave them.
        package var kept = 0
        /// Users who were gone from it, and stay disabled.
        package var disabled = 0
    }

    /// No file is named any more. Its users keep the last password, and commands may change them; who was gone from it
    /// stays disabled until somebody enables him by name. It is remembered who they are: a later start with the file
    /// goes on where it was. Nil where no file was followed.
    package func endHtpasswd() async throws(AccessError) -> HtpasswdEnd? {
        guard snapshot.followsFile else { return nil }
        let now = self.now
        return try await changing { t, entries throws(CatalogError) -> HtpasswdEnd? in
            guard try t.setFollowsFile(false) else { return nil }
            entries.append(AuditEntry(now, Self.actor, "htpasswd.end", "registry"))
            var end = HtpasswdEnd()
            for row in try t.rows(
                """
                SELECT access_user.name, access_file_user.is_absent
                FROM access_file_user
                JOIN access_user ON access_user.id = access_file_user.user_id
                ORDER BY access_user.id
                """, [])
            {
                guard try row.bool(1) else {
                    end.kept += 1
                    continue
                }
                end.disabled += 1
                entries.append(
                    AuditEntry(now, Self.actor, "user.change", try row.text(0), detail: "stays disabled"))
            }
            return end
        }
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
    /// False where it was so already.
    fileprivate func setFollowsFile(_ follows: Bool) throws(CatalogError) -> Bool {
        try execute(
            "UPDATE access_state SET follows_file = ? WHERE id = 1 AND follows_file <> ?",
            [.bool(follows), .bool(follows)]) > 0
    }

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
    }
}
