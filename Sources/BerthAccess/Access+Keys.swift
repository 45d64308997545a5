import BerthCatalog
import BerthDigest
import BerthModel

extension Access {
    package func keys() -> [KeyFact] {
        snapshot.keys.stored.map {
            KeyFact(id: $0.id, createdAt: $0.createdAt, signsFrom: $0.signsFrom, retiredAt: $0.retiredAt)
        }
    }

    /// Makes a key that is published now and signs in a quarter of an hour, when the others retire; they go on verifying
    /// what they have signed. Twice within that time is once. Throws `.invalid` where there are no accounts.
    package func rotateKey(by actor: Actor) async throws(AccessError) -> Addition {
        let now = self.now
        let signsFrom = now + AccessSettings.keyNoticeSeconds * 1_000_000
        let result = try await changing { t, entries throws(CatalogError) -> Addition? in
            guard try t.exists("SELECT 1 FROM access_state WHERE id = 1 AND is_closed = 1", []) else { return nil }
            if try t.exists("SELECT 1 FROM access_key WHERE signs_from > ?", [.integer(now)]) { return .thereAlready }
            try t.execute(
                "UPDATE access_key SET retired_at = ? WHERE retired_at IS NULL", [.integer(signsFrom)])
            let id = try t.makeKey(at: now, signsFrom: signsFrom)
            entries.append(AuditEntry(now, actor, "key.rotate", id))
            return .added
        }
        guard let result else { throw .invalid("there are no accounts, and so no keys") }
        return result
    }

    /// Removes a key that others may know: everything it has signed is refused from now on. A new one takes its place if
    /// it was the last. False where there is none.
    package func removeKey(_ id: String, by actor: Actor) async throws(AccessError) -> Bool {
        let now = self.now
        return try await changing { t, entries throws(CatalogError) -> Bool in
            guard try t.execute("DELETE FROM access_key WHERE kid = ?", [.text(id)]) > 0 else { return false }
            let others = try t.exists(
                "SELECT 1 FROM access_key WHERE signs_from <= ? AND (retired_at IS NULL OR retired_at > ?)",
                [.integer(now), .integer(now)])
            if !others { try t.makeKey(at: now, signsFrom: now) }
            entries.append(AuditEntry(now, actor, "key.remove", id))
            return true
        }
    }
}

extension SQLTransaction {
    @discardableResult
    func makeKey(at now: Int64, signsFrom: Int64) throws(CatalogError) -> String {
        let id = Base64URL.encode(randomBytes(12))
        try execute(
            "INSERT INTO access_key (kid, private_key, created_at, signs_from) VALUES (?, ?, ?, ?)",
            [.text(id), .text(KeyRing.makePrivateKey()), .integer(now), .integer(signsFrom)])
        return id
    }
}
