import BerthCatalog
import BerthDigest
import BerthModel

extension Access {
    package func keys() -> [KeyFact] {
        snapshot.keys.stored.map {
            KeyFact(
                id: $0.id, createdAt: $0.createdAt, signsFrom: $0.signsFrom, retiredAt: $0.retiredAt,
                isDisabled: $0.isDisabled)
        }
    }

    /// Makes a key that is published now and signs in a quarter of an hour, when the others retire; they go on verifying
    /// what they have signed. Twice within that time is once. Throws `.invalid` where there are no accounts.
    package func rotateKey(by actor: Actor) async throws(AccessError) -> Addition {
        let now = self.now
        let signsFrom = now + AccessSettings.keyNoticeSeconds * 1_000_000
        let result = try await changing { t, entries throws(CatalogError) -> Addition? in
            guard try t.exists("SELECT 1 FROM access_state WHERE id = 1 AND is_closed = 1", []) else { return nil }
            if try t.exists("SELECT 1 FROM access_key WHERE signs_from > ? AND is_disabled = 0", [.integer(now)]) {
                return .thereAlready
            }
            try t.execute(
                "UPDATE access_key SET retired_at = ? WHERE retired_at IS NULL", [.integer(signsFrom)])
            let id = try t.makeKey(at: now, signsFrom: signsFrom)
            entries.append(AuditEntry(now, actor, "key.rotate", id))
            return .added
        }
        guard let result else { throw .invalid("there are no accounts, and so no keys") }
        return result
    }

    /// Takes a key out of use for now, or back into it: whether it was otherwise before. A disabled one signs nothing, and
    /// what it has signed is refused; it keeps its place and its times, so that an enabling undoes all of that. One that
    /// is published and waits signs at once where no other can.
    ///
    /// Throws `.unknown`, or `.conflict` for the only key that goes on signing.
    @discardableResult
    package func changeKey(_ id: String, isDisabled: Bool, by actor: Actor) async throws(AccessError) -> Bool {
        let now = self.now
        let outcome = try await changing { t, entries throws(CatalogError) -> DisablingOutcome? in
            let hasSuccessor = try t.exists(
                "SELECT 1 FROM access_key WHERE retired_at IS NULL AND is_disabled = 0 AND kid <> ?", [.text(id)])
            if isDisabled, !hasSuccessor, try t.exists("SELECT 1 FROM access_key WHERE kid = ?", [.text(id)]) {
                return nil
            }
            let outcome = try t.set(isDisabled, .key, [.text(id)])
            if case .changed = outcome { entries.append(AuditEntry(now, actor, .key, id, isDisabled)) }
            return outcome
        }
        guard let outcome else {
            throw .conflict("no other key could sign instead of \(id); make one first with berth key add, or remove it")
        }
        return try outcome.isChange(orUnknown: "key \(id)")
    }

    /// Removes a key that others may know: everything it has signed is refused from now on. A new one takes its place if
    /// no other goes on signing. False where there is none.
    package func removeKey(_ id: String, by actor: Actor) async throws(AccessError) -> Bool {
        let now = self.now
        return try await changing { t, entries throws(CatalogError) -> Bool in
            guard try t.execute("DELETE FROM access_key WHERE kid = ?", [.text(id)]) > 0 else { return false }
            if try !t.hasLastingKey() { try t.makeKey(at: now, signsFrom: now) }
            entries.append(AuditEntry(now, actor, "key.remove", id))
            return true
        }
    }
}

extension SQLTransaction {
    /// Whether a key signs, now or once its time has come, and does not retire.
    func hasLastingKey() throws(CatalogError) -> Bool {
        try exists("SELECT 1 FROM access_key WHERE retired_at IS NULL AND is_disabled = 0", [])
    }

    /// Its id does not begin as options of commands do.
    @discardableResult
    func makeKey(at now: Int64, signsFrom: Int64) throws(CatalogError) -> String {
        var id = Base64URL.encode(randomBytes(12))
        while id.hasPrefix("-") { id = Base64URL.encode(randomBytes(12)) }
        try execute(
            "INSERT INTO access_key (kid, private_key, created_at, signs_from) VALUES (?, ?, ?, ?)",
            [.text(id), .text(KeyRing.makePrivateKey()), .integer(now), .integer(signsFrom)])
        return id
    }
}
