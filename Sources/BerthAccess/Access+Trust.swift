import BerthCatalog
import BerthFetch
import BerthModel
import Logging

extension Access {
    private static let mostConditions = 20
    private static let mostGrants = 50

    /// Adds a trust rule with what it grants. One of the same name that is as asked stays as it is, and gets the grants
    /// that it has not. Throws `.invalid`, or `.conflict` where there is another one of this name.
    package func addTrust(_ rule: NewTrustRule, by actor: Actor) async throws(AccessError) -> Addition {
        try mayClose()
        try await check(rule)
        let now = self.now
        let result = try await changing { t, entries throws(CatalogError) -> Addition? in
            var isNew = false
            if let row = try t.row(
                "SELECT issuer, audience, conditions, authority, keys, allows_private FROM trust_rule WHERE name = ?",
                [.text(rule.name.text)])
            {
                guard row.columns == rule.columns else { return nil }
            } else {
                try t.execute(
                    """
                    INSERT INTO trust_rule (
                        issuer, audience, conditions, authority, keys, allows_private, name, version, is_disabled,
                        created_at, created_by)
                    VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0, ?, ?)
                    """, rule.columns + [.text(rule.name.text), .integer(now), .text(actor.name)])
                try t.close(at: now)
                entries.append(AuditEntry(now, actor, "trust.add", rule.name.text, detail: rule.told))
                isNew = true
            }
            for (role, pattern) in rule.grants {
                let added = try t.grant(role, on: pattern, to: .trust(rule.name), at: now, by: actor, &entries)
                isNew = isNew || added == .added
            }
            return isNew ? .added : .thereAlready
        }
        guard let result else {
            throw .conflict("there is a rule \(rule.name) already that is another one; remove it, or take another name")
        }
        return result
    }

    /// What of a trust rule is to change; nil stays. What it believes cannot: that would be another rule.
    package struct TrustChange: Sendable {
        package var isDisabled: Bool?
        package var authority: String?
        package var keys: String?
        /// Whether sessions go on that other certificates or keys have let in. A disabling ends them in any case.
        package var keepsSessions = false

        package init() {}
    }

    /// Whether anything is otherwise than before. Throws `.unknown` or `.invalid`. A disabling ends the sessions and tokens
    /// of the rule's jobs, for good; so do other certificates and keys, for the former ones may be known to others.
    @discardableResult
    package func changeTrust(
        _ name: AccountName, _ change: TrustChange, by actor: Actor
    ) async throws(AccessError) -> Bool {
        try Self.check(authority: change.authority)
        try await Self.check(keys: change.keys)
        let now = self.now
        let isOther = change.authority != nil || change.keys != nil
        let made = try await changing { t, entries throws(CatalogError) -> MadeTrustChange? in
            guard let row = try t.row("SELECT id, is_disabled FROM trust_rule WHERE name = ?", [.text(name.text)])
            else {
                return nil
            }
            let (number, wasDisabled) = (try row.integer(0), try row.bool(1))
            let id = SQLValue.integer(number)
            let endsSessions = change.isDisabled == true && !wasDisabled || isOther && !change.keepsSessions
            var changed: [String] = []
            if let authority = change.authority {
                try t.execute("UPDATE trust_rule SET authority = ? WHERE id = ?", [.text(authority), id])
                changed.append("authority")
            }
            if let keys = change.keys {
                try t.execute("UPDATE trust_rule SET keys = ? WHERE id = ?", [.text(keys), id])
                changed.append("keys")
            }
            if let isDisabled = change.isDisabled, isDisabled != wasDisabled {
                try t.execute("UPDATE trust_rule SET is_disabled = ? WHERE id = ?", [.bool(isDisabled), id])
                changed.append(isDisabled ? "disabled" : "enabled")
            }
            if endsSessions {
                try t.execute("UPDATE trust_rule SET version = version + 1 WHERE id = ?", [id])
                changed.append("sessions ended")
            }
            if !changed.isEmpty {
                entries.append(
                    AuditEntry(now, actor, "trust.change", name.text, detail: changed.joined(separator: ", ")))
            }
            return MadeTrustChange(rule: number, isChange: !changed.isEmpty, endsSessions: endsSessions)
        }
        guard let made else { throw .unknown("trust rule \(name)") }
        if made.endsSessions { await forgetSessions(ofRule: made.rule, at: now) }
        return made.isChange
    }

    /// Removes a trust rule with its grants and its jobs' sessions; false where there is none.
    package func removeTrust(_ name: AccountName, by actor: Actor) async throws(AccessError) -> Bool {
        guard let id = try await remove(.trust, name.text, by: actor) else { return false }
        jobs.forget(rule: id, at: now)
        return true
    }

    /// What a disabling has ended takes room no more. Where that fails it is told alone: nothing of it counts, and
    /// housekeeping forgets it once its time is over.
    private func forgetSessions(ofRule id: Int64, at now: Int64) async {
        jobs.forget(rule: id, at: now)
        do throws(CatalogError) { try await deleteSessions(ofRule: id) } catch {
            log.error("ended sessions not forgotten", metadata: ["cause": "\(error)"])
        }
    }

    /// Gets the keys of a rule's issuer now, whatever is kept of them: what there is, or why there is nothing. Throws
    /// `.unknown`.
    package func checkTrust(_ name: AccountName) async throws(AccessError) -> TrustCheck {
        guard let rule = snapshot.rule(named: name.text) else { throw .unknown("trust rule \(name)") }
        switch await issuers.keys(of: rule.source) {
        case .success(let keys):
            return TrustCheck(problem: nil, keys: keys.map { ($0.id, $0.algorithms.keys.sorted()) })
        case .failure(let error): return TrustCheck(problem: "\(error)", keys: [])
        }
    }

    /// What an issuer publishes.
    package struct TrustCheck: Sendable {
        /// Why its keys are not there, for a person and without a full stop; nil: they are.
        package let problem: String?
        package let keys: [(id: String, algorithms: [String])]
    }

    // MARK: - What a rule has to be

    private func check(_ rule: NewTrustRule) async throws(AccessError) {
        let issuer = rule.issuer
        if rule.keys == nil {
            do throws(FetchError) { _ = try HTTPSAddress(issuer) } catch { throw .invalid("the issuer: \(error)") }
            guard !issuer.utf8.contains(UInt8(ascii: "?")) else { throw .invalid("an issuer's URL has no query") }
        }
        guard (1...512).contains(issuer.utf8.count), issuer.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .invalid("an issuer has 1 to 512 visible characters")
        }
        if let audience = rule.audience {
            guard (1...512).contains(audience.utf8.count), audience.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw .invalid("an audience has 1 to 512 visible characters")
            }
        } else if settings.audience == nil {
            throw .invalid("say the audience, or set http.external_url, which is the audience where none is said")
        }
        guard rule.conditions.count <= Self.mostConditions, rule.grants.count <= Self.mostGrants else {
            throw .invalid(
                "a rule has at most \(Self.mostConditions) conditions, and \(Self.mostGrants) grants at once")
        }
        let claims = rule.conditions.map(\.claim)
        guard
            !zip(claims.indices, claims).contains(where: { index, claim in
                claims[..<index].contains { hasSameBytes($0, claim) }
            })
        else { throw .invalid("a claim has one condition") }
        guard rule.conditions.contains(where: \.namesProject) else {
            throw .invalid(
                "a rule needs a condition that tells whose jobs are meant, on sub or on a claim as repository or "
                    + "project_path, without a * before its first slash (on sub without one, before its second colon): "
                    + "anybody may have jobs at the same issuer")
        }
        try Self.check(authority: rule.authority)
        try await Self.check(keys: rule.keys)
    }

    private static func check(authority: String?) throws(AccessError) {
        guard let authority else { return }
        guard authority.utf8.count <= Fetcher.mostBytes, Fetcher.isAuthority(authority) else {
            throw .invalid("the authority's certificates cannot be read: they are to be PEM")
        }
    }

    private static func check(keys: String?) async throws(AccessError) {
        guard let keys else { return }
        guard keys.utf8.count <= Fetcher.mostBytes, let found = try? await KeyDocuments.keys(in: Array(keys.utf8)),
            !found.isEmpty
        else { throw .invalid("the keys are no JSON Web Key Set with a key of RS256, PS256, ES256, ES384 or EdDSA") }
    }
}

private struct MadeTrustChange: Sendable {
    let rule: Int64
    let isChange: Bool
    let endsSessions: Bool
}

extension NewTrustRule {
    /// All of it that widens whom it lets in, for the audit log.
    fileprivate var told: String {
        var words = [issuer] + (audience.map { ["audience \($0)"] } ?? [])
        if allowsPrivate { words.append("private addresses") }
        if authority != nil { words.append("own authority") }
        if keys != nil { words.append("given keys") }
        return (words + conditions.map(\.description)).joined(separator: " ")
    }

    /// As the table keeps what a rule believes.
    fileprivate var columns: [SQLValue] {
        [
            .text(issuer), .optional(audience), .text(conditions.map(\.description).joined(separator: "\n")),
            .optional(authority), .optional(keys), .bool(allowsPrivate),
        ]
    }
}
