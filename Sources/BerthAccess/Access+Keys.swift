import BerthCatalog
import BerthDigest
import BerthModel

extension Access {
    package func keys() -> [KeyFact] {
        let keys = snapshot.keys
        return keys.stored.map {
            KeyFact(
                id: $0.id, createdAt: $0.createdAt, signsFrom: $0.signsFrom, retiredAt: $0.retiredAt,
                isDisabled: $0.isDisabled, isReadable: keys.reads($0.id))
        }
    }

    /// Makes a key that is published now and signs in a quarter of an hour, when the others retire; they go on verifying
    /// what they have signed. Twice within that time is once. Throws `.invalid` where there are no accounts.
    package func rotateKey(by actor: Actor) async throws(AccessError) -> Addition {
        let now = self.now
        let signsFrom = now + AccessSettings.keyNoticeSeconds * 1_000_000
        let result = try await changing { t, entries throws(CatalogError) -> Addition? in
            guard try t.exists("SELECT 1 FROM access_state WHERE id = 1 AND is_closed = 1", []) else { return nil }
            let waiting = try t.rows(
                "SELECT private_key FROM access_key WHERE signs_from > ? AND is_disabled = 0", [.integer(now)])
            if waiting.contains(where: \.isReadableKey) { return .thereAlready }
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
            if isDisabled, try !t.hasLastingKey(besides: id),
                try t.exists("SELECT 1 FROM access_key WHERE kid = ?", [.text(id)])
            {
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
            let successor = try t.hasLastingKey() ? nil : try t.makeKey(at: now, signsFrom: now)
            entries.append(
                AuditEntry(now, actor, "key.remove", id, detail: successor.map { "replaced by \($0)" } ?? ""))
            return true
        }
    }
}

extension SQLTransaction {
    /// Whether a key signs, now or once its time has come, and does not retire; one that cannot be read does not.
    func hasLastingKey(besides id: String = "") throws(CatalogError) -> Bool {
        try rows(
            "SELECT private_key FROM access_key WHERE retired_at IS NULL AND is_disabled = 0 AND kid <> ?", [.text(id)]
        ).contains(where: \.isReadableKey)
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

extension SQLRow {
    /// Whether the first column is a key that signs.
    fileprivate var isReadableKey: Bool { (try? text(0)).map(KeyRing.canRead) ?? false }
}
