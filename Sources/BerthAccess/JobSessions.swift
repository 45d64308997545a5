import BerthCatalog
import BerthDigest
import BerthModel
import Synchronization

/// What a job has once it has presented a valid identity token: for a while, the token or the secret it got for it opens
/// the registry.
struct JobSession: Sendable {
    let ruleID: Int64
    /// The rule's, when the session began: it ends with that.
    let version: Int64
    let principal: Principal
    /// Microseconds since 1970.
    let expiresAt: Int64
}

/// The sessions, by the SHA-256 of what is presented. In memory, as they are asked for on every request; the table is
/// what outlives a restart.
final class JobSessions: Sendable {
    /// Sessions of one rule that are remembered at once; they are for as long as an upload may last.
    static let most = 50_000

    private struct State {
        var sessions: [Hash256: JobSession] = [:]
        var counts: [Int64: Int] = [:]
    }
    private let state = Mutex(State())

    subscript(hash: Hash256) -> JobSession? { state.withLock { $0.sessions[hash] } }

    func hasRoom(_ ruleID: Int64) -> Bool { state.withLock { $0.counts[ruleID, default: 0] < Self.most } }

    func add(_ session: JobSession, _ hash: Hash256) {
        state.withLock { state in
            if let former = state.sessions.updateValue(session, forKey: hash) {
                state.counts[former.ruleID, default: 1] -= 1
            }
            state.counts[session.ruleID, default: 0] += 1
        }
    }

    /// Forgets those that ended before.
    func forget(endedBefore moment: Int64) {
        state.withLock { state in
            state.sessions = state.sessions.filter { $0.value.expiresAt >= moment }
            state.counts = state.sessions.values.reduce(into: [:]) { $0[$1.ruleID, default: 0] += 1 }
        }
    }
}

/// A session with what finds it.
struct KeptSession: Sendable {
    let hash: Hash256
    let session: JobSession

    fileprivate init(_ row: SQLRow) throws(CatalogError) {
        guard let hash = Hash256(bytes: try row.bytes(0)) else { throw .damaged("a session's hash has no 32 bytes") }
        self.hash = hash
        session = JobSession(
            ruleID: try row.integer(1), version: try row.integer(2),
            principal: Principal(jobOf: try row.text(3), subject: try row.text(4)), expiresAt: try row.integer(5))
    }
}

extension SQLTransaction {
    /// Sessions as they are kept, also those that ended lately: uploads outlive them. A row that cannot be read is none.
    func jobSessions() throws(CatalogError) -> [KeptSession] {
        let rows = try rows(
            """
            SELECT s.hash, s.rule_id, s.version, r.name, s.subject, s.expires_at
            FROM trust_session s JOIN trust_rule r ON r.id = s.rule_id
            ORDER BY s.id
            """, [])
        return rows.compactMap { try? KeptSession($0) }
    }

    /// Keeps a session; false where its rule is gone or another one by now. One that is there under the same hash is
    /// replaced: its time was over, or somebody else was as quick.
    func insert(
        _ session: JobSession, _ hash: Hash256, subject: String, at now: Int64
    ) throws(CatalogError) -> Bool {
        try execute("DELETE FROM trust_session WHERE hash = ?", [.bytes(hash.bytes)])
        let count = try execute(
            """
            INSERT INTO trust_session (hash, rule_id, version, subject, created_at, expires_at)
            SELECT ?, id, version, ?, ?, ?
            FROM trust_rule
            WHERE id = ? AND version = ? AND is_disabled = 0
            """,
            [
                .bytes(hash.bytes), .text(subject), .integer(now), .integer(session.expiresAt),
                .integer(session.ruleID), .integer(session.version),
            ])
        guard count > 0 else { return false }
        try execute("UPDATE trust_rule SET last_used_at = ? WHERE id = ?", [.integer(now), .integer(session.ruleID)])
        return true
    }
}
