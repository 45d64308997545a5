import BerthCatalog
import BerthModel

extension Access {
    package func addGroup(_ name: AccountName, by actor: Actor) async throws(AccessError) -> Addition {
        let now = self.now
        return try await changing { t, entries throws(CatalogError) -> Addition in
            if try t.exists("SELECT 1 FROM access_group WHERE name = ?", [.text(name.text)]) { return .thereAlready }
            try t.execute(
                "INSERT INTO access_group (name, created_at) VALUES (?, ?)", [.text(name.text), .integer(now)])
            entries.append(AuditEntry(now, actor, "group.add", name.text))
            return .added
        }
    }

    /// Lets what is granted to a group rest, or count again: whether it was otherwise before. Its members and what is
    /// granted to them otherwise stay. Throws `.unknown`.
    @discardableResult
    package func changeGroup(
        _ name: AccountName, isDisabled: Bool, by actor: Actor
    ) async throws(AccessError) -> Bool {
        try await set(isDisabled, .group, name.text, unknown: "group \(name)", by: actor)
    }

    /// Removes a group with its grants; false where there is none. Its members stay users.
    package func removeGroup(_ name: AccountName, by actor: Actor) async throws(AccessError) -> Bool {
        try await remove(.group, name.text, by: actor) != nil
    }

    /// Makes a user a member of a group, or no more. False where that was so already. Throws `.unknown`.
    package func setMember(
        _ user: AccountName, of group: AccountName, _ isMember: Bool, by actor: Actor
    ) async throws(AccessError) -> Bool {
        let now = self.now
        let result = try await changing { t, entries throws(CatalogError) -> MemberChange in
            guard let groupRow = try t.row("SELECT id FROM access_group WHERE name = ?", [.text(group.text)])
            else { return .groupUnknown }
            guard let userRow = try t.row("SELECT id FROM access_user WHERE name = ?", [.text(user.text)])
            else { return .userUnknown }
            let ids = [SQLValue.integer(try groupRow.integer(0)), .integer(try userRow.integer(0))]
            let wasMember = try t.exists(
                "SELECT 1 FROM access_group_member WHERE group_id = ? AND user_id = ?", ids)
            guard wasMember != isMember else { return .same }
            if isMember {
                try t.execute("INSERT INTO access_group_member (group_id, user_id) VALUES (?, ?)", ids)
            } else {
                try t.execute("DELETE FROM access_group_member WHERE group_id = ? AND user_id = ?", ids)
            }
            entries.append(
                AuditEntry(
                    now, actor, isMember ? "group.member.add" : "group.member.remove", group.text, detail: user.text))
            return .changed
        }
        switch result {
        case .changed: return true
        case .same: return false
        case .groupUnknown: throw .unknown("group \(group)")
        case .userUnknown: throw .unknown("user \(user)")
        }
    }
}

private enum MemberChange: Sendable { case changed, same, groupUnknown, userUnknown }
