import BerthCatalog
import BerthRegistry
import Logging

/// Entries of the audit log that are kept, the newest. Anybody can make entries by failing to log in: those are counted
/// apart, so that they push out no others.
struct AuditBounds: Sendable {
    var done: Int64 = 1_000_000
    var refused: Int64 = 100_000
}

extension Access {
    /// Notes that somebody was refused; beyond so many a second these are counted only.
    func noteRefusal(_ entry: AuditEntry) {
        guard attempts.takeNote(at: clock.milliseconds()) else { return }
        note(entry)
    }

    /// Forgets entries of the audit log that are too old or too many, and notes how many refusals were not noted.
    func boundAudit() async {
        let unnoted = attempts.takeUnnoted()
        if unnoted > 0 {
            let detail = "\(unnoted) more were refused, too many at once to note each"
            note(AuditEntry(now, Actor(name: "anonymous", address: ""), "login", "", isDone: false, detail: detail))
        }
        do throws(CatalogError) {
            for _ in 0..<Self.mostSteps {
                guard let surplus = try await auditSurplus() else { return }
                _ = try await database.write(
                    .background,
                    { t throws(CatalogError) -> Int in
                        try t.execute(
                            """
                            DELETE FROM audit
                            WHERE id IN (
                                SELECT id
                                FROM audit
                                WHERE outcome = ? AND id <= ?
                                ORDER BY id
                                LIMIT ?)
                            """, [.bool(surplus.isDone), .integer(surplus.last), .integer(Self.mostRows)])
                    }, settled: { _ in })
            }
        } catch { log.error("old entries of the audit log not forgotten", metadata: ["cause": "\(error)"]) }
    }

    /// Entries of one outcome up to this id go.
    private struct Surplus: Sendable {
        let isDone: Bool
        let last: Int64
    }

    private func auditSurplus() async throws(CatalogError) -> Surplus? {
        let oldest = now - settings.auditSeconds * 1_000_000
        let bounds = settings.auditBounds
        return try await database.read { t throws(CatalogError) -> Surplus? in
            for (isDone, most) in [(false, bounds.refused), (true, bounds.done)] {
                var last = try t.lastOfAudit(isDone: isDone, before: oldest, among: Self.mostRows)
                if last == nil { last = try t.lastOfAudit(isDone: isDone, beyond: most) }
                if let last { return Surplus(isDone: isDone, last: last) }
            }
            return nil
        }
    }
}

extension SQLTransaction {
    /// The last of the oldest entries, one after the other, that are from before a moment; nil where there is none.
    fileprivate func lastOfAudit(
        isDone: Bool, before moment: Int64, among count: Int64
    ) throws(CatalogError) -> Int64? {
        var last: Int64?
        for row in try rows(
            "SELECT id, happened_at FROM audit WHERE outcome = ? ORDER BY id LIMIT ?", [.bool(isDone), .integer(count)])
        {
            guard try row.integer(1) < moment else { break }
            last = try row.integer(0)
        }
        return last
    }

    /// The newest entry that is one too many; nil where there are not as many.
    fileprivate func lastOfAudit(isDone: Bool, beyond most: Int64) throws(CatalogError) -> Int64? {
        guard
            let ends = try row("SELECT min(id), max(id) FROM audit WHERE outcome = ?", [.bool(isDone)]),
            let first = try ends.optionalInteger(0), let last = try ends.optionalInteger(1), last - first >= most
        else { return nil }
        return try row(
            "SELECT id FROM audit WHERE outcome = ? ORDER BY id DESC LIMIT 1 OFFSET ?", [.bool(isDone), .integer(most)])?
            .integer(0)
    }
}
