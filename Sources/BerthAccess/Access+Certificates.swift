import BerthCatalog
package import BerthModel

/// Whose account the certificates with a certain name open.
package struct CertificateRule: Sendable {
    package let id: Int64
    package let name: CertificateName
    package let owner: SecretOwner
    package let isDisabled: Bool
    package let createdAt: Int64
    package let createdBy: String
}

extension Access {
    /// The account of a client's certificate; nil where no rule names it, its rule or account is disabled, it has expired,
    /// or its names lead to different accounts. Called on event loops, on every request without `Authorization`.
    package func account(_ certificate: ClientCertificate) -> Account? {
        guard isClosed, seconds < certificate.expires else { return nil }
        let snapshot = self.snapshot
        let rules = certificate.names.compactMap { snapshot.certificates[$0] }
        // Also where one of two is disabled: nobody becomes somebody else by that.
        guard let owner = rules.first?.owner, rules.allSatisfy({ $0.owner == owner }) else { return nil }
        guard let rule = rules.first(where: { !$0.isDisabled }) else { return nil }
        return account(of: rule, until: certificate.expires, snapshot)
    }

    private func account(of rule: CertificateRule, until end: Int64, _ snapshot: Snapshot) -> Account? {
        let shown = Account.Shown(rule: rule.id, expires: end)
        switch rule.owner {
        case .user(let id):
            guard let user = snapshot.usersByID[id], !user.isDisabled else { return nil }
            return Account(principal: user.principal, id: id, version: user.version, secret: nil, certificate: shown)
        case .robot(let id):
            guard let robot = snapshot.robotsByID[id], !robot.isDisabled else { return nil }
            return Account(principal: robot.principal, id: id, version: robot.version, secret: nil, certificate: shown)
        }
    }

    // MARK: - Changes

    /// Lets certificates with this name open an account. Throws `.unknown` for one that does not exist, `.conflict` where
    /// the name opens another one.
    package func addCertificate(
        _ name: CertificateName, for holder: SecretHolder, by actor: Actor
    ) async throws(AccessError) -> Addition {
        let now = self.now
        let result = try await changing { t, entries throws(CatalogError) -> CertificateChange in
            let (user, robot) = try t.ids(of: holder)
            guard user != nil || robot != nil else { return .holderUnknown }
            if let row = try t.row(
                "SELECT user_id, robot_id FROM access_certificate WHERE name = ?", [.text(name.description)])
            {
                let (knownUser, knownRobot) = (try row.optionalInteger(0), try row.optionalInteger(1))
                return knownUser == user && knownRobot == robot ? .same : .another
            }
            try t.execute(
                """
                INSERT INTO access_certificate (name, user_id, robot_id, is_disabled, created_at, created_by)
                VALUES (?, ?, ?, 0, ?, ?)
                """,
                [.text(name.description), .optional(user), .optional(robot), .integer(now), .text(actor.name)])
            entries.append(AuditEntry(now, actor, "certificate.add", name.description, detail: "\(holder)"))
            return .changed
        }
        switch result {
        case .changed: return .added
        case .same: return .thereAlready
        case .another:
            throw .conflict("certificates with the name \(name) open another account; remove that rule first")
        case .holderUnknown: throw .unknown("\(holder)")
        }
    }

    /// Lets a rule rest, or count again: whether it was otherwise before. Throws `.unknown`.
    @discardableResult
    package func changeCertificate(
        _ name: CertificateName, isDisabled: Bool, by actor: Actor
    ) async throws(AccessError) -> Bool {
        try await set(
            isDisabled, .certificate, name.description, unknown: "rule for certificates with the name \(name)",
            by: actor)
    }

    /// Ends a rule, with the tokens that it brought; false where there is none.
    package func removeCertificate(_ name: CertificateName, by actor: Actor) async throws(AccessError) -> Bool {
        let now = self.now
        return try await changing { t, entries throws(CatalogError) -> Bool in
            let count = try t.execute("DELETE FROM access_certificate WHERE name = ?", [.text(name.description)])
            guard count > 0 else { return false }
            entries.append(AuditEntry(now, actor, "certificate.remove", name.description))
            return true
        }
    }
}

private enum CertificateChange: Sendable { case changed, same, another, holderUnknown }
