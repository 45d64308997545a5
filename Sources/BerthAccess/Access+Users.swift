import BerthCatalog
import BerthModel
import Logging

/// What became of something that was to be added, so that a command can be run twice.
package enum Addition: Sendable, Equatable {
    case added, thereAlready
}

extension Access {
    /// Adds a user, who may do nothing yet unless an administrator. `password` nil: no password opens the account.
    /// One of the same name that is as asked stays as it is, its password too. Throws `.conflict` for another one, and
    /// for the first account where `AccessSettings.objectionToClosing` says so.
    package func addUser(
        _ name: AccountName, password: String?, isAdmin: Bool, by actor: Actor
    ) async throws(AccessError) -> Addition {
        var hash: String?
        if let password { hash = try await passwords.make(password) }
        return try await addUser(name, hash: hash, isAdmin: isAdmin, by: actor)
    }

    /// The same with a password that is stretched already, as an htpasswd file holds it.
    package func addUser(
        _ name: AccountName, hash: String?, isAdmin: Bool, by actor: Actor
    ) async throws(AccessError) -> Addition {
        let name = try AccountName(new: name.text)
        try mayClose()
        if let hash, !PasswordHash.isKnown(hash) {
            throw .invalid("the password of \(name) is not kept as yescrypt, or as bcrypt of a cost from 4 to 14")
        }
        let now = self.now
        let added = try await changing { t, entries throws(CatalogError) -> Bool? in
            if let row = try t.row("SELECT is_admin FROM access_user WHERE name = ?", [.text(name.text)]) {
                return try row.bool(0) == isAdmin ? false : nil
            }
            try t.execute(
                """
                INSERT INTO access_user (name, password, version, is_admin, is_disabled, created_at)
                VALUES (?, ?, 1, ?, 0, ?)
                """, [.text(name.text), .optional(hash), .bool(isAdmin), .integer(now)])
            try t.close(at: now)
            entries.append(
                AuditEntry(now, actor, "user.add", name.text, detail: isAdmin ? "administrator" : ""))
            return true
        }
        guard let added else {
            throw .conflict(
                "there is a user \(name) already, who is \(isAdmin ? "no" : "an") administrator; change that instead")
        }
        return added ? .added : .thereAlready
    }

    /// What of a user is to change; nil stays.
    package struct UserChange: Sendable {
        package var password: String?
        package var isAdmin: Bool?
        package var isDisabled: Bool?

        package init() {}
    }

    /// Whether anything is otherwise than before. Throws `.unknown`. A new password and a disabling end what was issued
    /// before.
    @discardableResult
    package func changeUser(
        _ name: AccountName, _ change: UserChange, by actor: Actor
    ) async throws(AccessError) -> Bool {
        var hash: String?
        if let password = change.password { hash = try await passwords.make(password) }
        let now = self.now
        let made = try await changing { [hash] t, entries throws(CatalogError) -> MadeUserChange in
            guard
                let row = try t.row(
                    """
                    SELECT access_user.id, is_admin, is_disabled, is_absent, follows_file
                    FROM access_user
                    JOIN access_state ON access_state.id = 1
                    LEFT JOIN access_file_user ON access_file_user.user_id = access_user.id
                    WHERE name = ?
                    """, [.text(name.text)])
            else { return .unknown }
            let number = try row.integer(0)
            let id = SQLValue.integer(number)
            let (wasAdmin, wasDisabled, wasAbsent) = (try row.bool(1), try row.bool(2), try row.optionalInteger(3) == 1)
            // Asked here and not of memory, where the file may have been read since.
            if try row.bool(4), !row.isNull(3) {
                if hash != nil { return .keptInFile }
                if change.isDisabled == false, wasAbsent { return .goneFromFile }
            }
            var changed: [String] = []
            if let hash {
                try t.execute(
                    "UPDATE access_user SET password = ?, version = version + 1 WHERE id = ?",
                    [.text(hash), id])
                changed.append("password")
            }
            if let isAdmin = change.isAdmin, isAdmin != wasAdmin {
                try t.execute("UPDATE access_user SET is_admin = ? WHERE id = ?", [.bool(isAdmin), id])
                changed.append(isAdmin ? "administrator" : "no administrator")
            }
            // Who is gone from the file is disabled by that, and by a command besides.
            if let isDisabled = change.isDisabled, isDisabled != wasDisabled || !isDisabled && wasAbsent {
                try t.execute(
                    "UPDATE access_user SET is_disabled = ?, version = version + ? WHERE id = ?",
                    [.bool(isDisabled), .bool(isDisabled), id])
                if !isDisabled {
                    // Only where there is no file any more: who was gone from the last one is let in by name alone.
                    try t.execute("UPDATE access_file_user SET is_absent = 0 WHERE user_id = ?", [id])
                }
                changed.append(isDisabled ? "disabled" : "enabled")
            }
            guard !changed.isEmpty else { return .same }
            entries.append(
                AuditEntry(now, actor, "user.change", name.text, detail: changed.joined(separator: ", ")))
            return .changed(id: number)
        }
        switch made {
        case .unknown: throw .unknown("user \(name)")
        case .keptInFile: throw .conflict("the password of \(name) is kept in the htpasswd file (access.htpasswd)")
        case .goneFromFile: throw .conflict("\(name) is in the htpasswd file (access.htpasswd) no more")
        case .same: return false
        case .changed(let id):
            await forgetRefreshTokens(ofUser: id)
            return true
        }
    }

    /// Removes a user with tokens and grants; false where there is none. What was pushed stays.
    package func removeUser(_ name: AccountName, by actor: Actor) async throws(AccessError) -> Bool {
        try await remove(
            .user, name.text, kept: "\(name) is in the htpasswd file (access.htpasswd); remove that line first",
            by: actor)
            != nil
    }

    /// A write whose failure is this room's.
    func changing<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction, inout [AuditEntry]) throws(CatalogError) -> Value
    ) async throws(AccessError) -> Value {
        do { return try await write(body) } catch {
            log.error("a change to accounts failed", metadata: ["cause": "\(error)"])
            throw .failed(error)
        }
    }
}

private enum MadeUserChange: Sendable {
    case unknown, same
    /// Whose password is to be another one is in the file.
    case keptInFile
    /// Who is to be enabled is in the file no more.
    case goneFromFile
    case changed(id: Int64)
}

extension Access {
    /// Throws `.conflict` where the first account would leave clients without a place to log in.
    func mayClose() throws(AccessError) {
        if !isClosed, let objection = settings.objectionToClosing { throw .conflict(objection) }
    }
}

extension SQLTransaction {
    /// The first account closes the registry, for good, and needs a key for its tokens.
    func close(at now: Int64) throws(CatalogError) {
        try execute("UPDATE access_state SET is_closed = 1 WHERE id = 1", [])
        if try !hasLastingKey() { try makeKey(at: now, signsFrom: now) }
    }
}
