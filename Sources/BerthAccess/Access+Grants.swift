import BerthCatalog
package import BerthModel

extension Access {
    /// Grants a role on all repositories that match, also those that do not exist yet. One subject has one role on one
    /// pattern: another one replaces it. What is disabled stays so. Throws `.unknown`, or `.invalid` for what everybody
    /// may not have.
    package func addGrant(
        to subject: GrantSubject, _ role: Role, on pattern: RepositoryPattern, by actor: Actor
    ) async throws(AccessError) -> Addition {
        if case .everyone = subject, role != .reader {
            throw .invalid("everyone may be a reader and nothing more: who pushes has to say who he is")
        }
        let now = self.now
        let result = try await changing { t, entries throws(CatalogError) -> Addition? in
            try t.grant(role, on: pattern, to: subject, at: now, by: actor, &entries)
        }
        guard let result else { throw .unknown("\(subject)") }
        return result
    }

    /// Lets a grant on exactly this pattern rest, or count again: whether it was otherwise before. Throws `.unknown`.
    @discardableResult
    package func changeGrant(
        to subject: GrantSubject, on pattern: RepositoryPattern, isDisabled: Bool, by actor: Actor
    ) async throws(AccessError) -> Bool {
        let now = self.now
        let outcome = try await changing { t, entries throws(CatalogError) -> DisablingOutcome in
            guard let id = try t.id(of: subject) else { return .unknown }
            let outcome = try t.set(isDisabled, .grant, [.integer(subject.kind), .integer(id), .text(pattern.text)])
            if case .changed = outcome {
                entries.append(
                    AuditEntry(now, actor, .grant, subject.description, isDisabled, of: pattern.text))
            }
            return outcome
        }
        return try outcome.isChange(orUnknown: "grant to \(subject) on \(pattern)")
    }

    /// Takes back what was granted on exactly this pattern; false where nothing was. Throws `.unknown`.
    package func removeGrant(
        from subject: GrantSubject, on pattern: RepositoryPattern, by actor: Actor
    ) async throws(AccessError) -> Bool {
        let now = self.now
        let result = try await changing { t, entries throws(CatalogError) -> Bool? in
            guard let id = try t.id(of: subject) else { return nil }
            let count = try t.execute(
                "DELETE FROM access_grant WHERE subject_kind = ? AND subject_id = ? AND pattern = ?",
                [.integer(subject.kind), .integer(id), .text(pattern.text)])
            guard count > 0 else { return false }
            entries.append(AuditEntry(now, actor, "grant.remove", subject.description, detail: pattern.text))
            return true
        }
        guard let result else { throw .unknown("\(subject)") }
        return result
    }
}

extension SQLTransaction {
    /// Nil where the subject does not exist.
    func grant(
        _ role: Role, on pattern: RepositoryPattern, to subject: GrantSubject, at now: Int64, by actor: Actor,
        _ entries: inout [AuditEntry]
    ) throws(CatalogError) -> Addition? {
        guard let id = try id(of: subject) else { return nil }
        let key = [SQLValue.integer(subject.kind), .integer(id), .text(pattern.text)]
        let present = try row(
            "SELECT role FROM access_grant WHERE subject_kind = ? AND subject_id = ? AND pattern = ?", key)
        if let present {
            if try present.integer(0) == role.rawValue { return .thereAlready }
            try execute(
                """
                UPDATE access_grant
                SET role = ?, created_at = ?, created_by = ?
                WHERE subject_kind = ? AND subject_id = ? AND pattern = ?
                """, [.integer(role.rawValue), .integer(now), .text(actor.name)] + key)
        } else {
            try execute(
                """
                INSERT INTO access_grant (subject_kind, subject_id, pattern, role, created_at, created_by)
                VALUES (?, ?, ?, ?, ?, ?)
                """, key + [.integer(role.rawValue), .integer(now), .text(actor.name)])
        }
        entries.append(AuditEntry(now, actor, "grant.add", subject.description, detail: "\(role.word) \(pattern)"))
        return .added
    }

    /// 0 for everyone; nil for somebody who does not exist.
    fileprivate func id(of subject: GrantSubject) throws(CatalogError) -> Int64? {
        switch subject {
        case .everyone: 0
        case .user(let name):
            try row("SELECT id FROM access_user WHERE name = ?", [.text(name.text)])?.integer(0)
        case .group(let name):
            try row("SELECT id FROM access_group WHERE name = ?", [.text(name.text)])?.integer(0)
        case .robot(let name):
            try row("SELECT id FROM access_robot WHERE name = ?", [.text(name.text)])?.integer(0)
        case .trust(let name):
            try row("SELECT id FROM trust_rule WHERE name = ?", [.text(name.text)])?.integer(0)
        }
    }
}
