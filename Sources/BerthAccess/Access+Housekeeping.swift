import BerthCatalog
import BerthModel
import Logging

extension Access {
    /// Rows that one transaction deletes.
    static let mostRows: Int64 = 1_000
    /// Transactions of one round of housekeeping: what is left waits for the next.
    static let mostSteps = 50

    /// Forgets refresh tokens that nobody has used for too long, sessions that no upload outlives, keys that verify
    /// nothing any more, and what is too old or too much of the audit log.
    package func keepHouse() async {
        guard isClosed else { return }
        let now = self.now
        noteRefreshTokens()
        await boundAudit()
        let oldest = now - AccessSettings.refreshSeconds * 1_000_000
        let keysUntil =
            now - (settings.uploadSeconds + settings.tokenSeconds + settings.skewSeconds) * 1_000_000
        let sessionsUntil = now - settings.uploadSeconds * 1_000_000
        jobs.forget(endedBefore: sessionsUntil, at: now)
        do throws(CatalogError) {
            try await delete(
                """
                DELETE FROM trust_session
                WHERE id IN (
                    SELECT id
                    FROM trust_session
                    WHERE expires_at < ?
                    ORDER BY expires_at
                    LIMIT ?)
                """, where: sessionsUntil, steps: Self.mostSteps)
            try await delete(
                """
                DELETE FROM access_refresh
                WHERE id IN (
                    SELECT id
                    FROM access_refresh
                    WHERE last_used_at < ?
                    ORDER BY last_used_at
                    LIMIT ?)
                """, where: oldest, steps: Self.mostSteps)
            try await delete(
                """
                DELETE FROM access_key
                WHERE id IN (
                    SELECT id
                    FROM access_key
                    WHERE retired_at IS NOT NULL AND retired_at < ?
                    ORDER BY id
                    LIMIT ?)
                """, where: keysUntil, steps: Self.mostSteps)
        } catch {
            log.error("ended tokens and keys not forgotten", metadata: ["cause": "\(error)"])
        }
    }

    /// Forgets the sessions of a rule that count no more, as many as there are.
    func deleteSessions(ofRule id: Int64) async throws(CatalogError) {
        try await delete(
            """
            DELETE FROM trust_session
            WHERE id IN (
                SELECT trust_session.id
                FROM trust_session
                JOIN trust_rule ON trust_rule.id = trust_session.rule_id
                WHERE trust_session.rule_id = ? AND trust_session.version <> trust_rule.version
                LIMIT ?)
            """, where: id, steps: .max)
    }

    /// Deletes what a statement names that takes a value and the number of rows, step for step until no more are left.
    func delete(_ sql: StaticString, where value: Int64, steps: Int) async throws(CatalogError) {
        for _ in 0..<steps {
            let count = try await database.write(
                .background,
                { t throws(CatalogError) -> Int in try t.execute(sql, [.integer(value), .integer(Self.mostRows)]) },
                settled: { _ in })
            guard count == Self.mostRows else { return }
        }
    }
}
