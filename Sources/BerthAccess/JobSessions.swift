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
    /// Sessions that may live at once.
    struct Bounds {
        /// Of one rule.
        var rule = 50_000
        /// Of one subject: all the jobs of a branch may be one.
        var subject = 5_000
        /// Of one identity token, however often it is exchanged.
        var token = 8
        /// Of one rule, of those that have ended: uploads outlive them.
        var ended = 50_000
    }

    fileprivate struct Kept {
        let session: JobSession
        /// The identity token's; not known of what an earlier process has begun.
        let token: Hash256?
    }
    fileprivate struct State {
        var sessions: [Hash256: Kept] = [:]
        /// Of those that were alive at the last count.
        var rules: [Int64: Int] = [:]
        var subjects: [Principal: Int] = [:]
        var tokens: [Hash256: Int] = [:]
        /// Microseconds since 1970.
        var countedAt: Int64 = 0
    }
    private let state = Mutex(State())
    private let bounds: Bounds

    init(_ bounds: Bounds = Bounds()) { self.bounds = bounds }

    subscript(hash: Hash256) -> JobSession? { state.withLock { $0.sessions[hash]?.session } }

    var count: Int { state.withLock { $0.sessions.count } }

    /// Begins a session for `token`, so that many at once are no more than many in turn; false where there are as many as
    /// may be.
    func begin(_ session: JobSession, _ hash: Hash256, for token: Hash256, at now: Int64) -> Bool {
        state.withLock { state in
            if let known = state.sessions[hash]?.session, now < known.expiresAt, known.version == session.version {
                return true
            }
            if !state.hasRoom(session, token, bounds) {
                // Some may have ended since; whoever is at the bound does not make it count on every request.
                guard !(0..<1_000_000).contains(now - state.countedAt) else { return false }
                state.count(at: now, bounds)
                guard state.hasRoom(session, token, bounds) else { return false }
            }
            state.add(session, hash, token)
            return true
        }
    }

    /// One that is kept: for `token`, or nil where an earlier process has begun it.
    func add(_ session: JobSession, _ hash: Hash256, for token: Hash256? = nil) {
        state.withLock { $0.add(session, hash, token) }
    }

    /// One that could not be kept.
    func forget(_ hash: Hash256) {
        state.withLock { state in
            if let former = state.sessions.removeValue(forKey: hash) { state.count(former, -1) }
        }
    }

    /// Forgets those that ended before.
    func forget(endedBefore moment: Int64, at now: Int64) {
        state.withLock { state in
            state.sessions = state.sessions.filter { $0.value.session.expiresAt >= moment }
            state.count(at: now, bounds)
        }
    }

    /// Forgets all of a rule: it has another version now, or is gone.
    func forget(rule: Int64, at now: Int64) {
        state.withLock { state in
            state.sessions = state.sessions.filter { $0.value.session.ruleID != rule }
            state.count(at: now, bounds)
        }
    }
}

extension JobSessions.State {
    fileprivate func hasRoom(_ session: JobSession, _ token: Hash256, _ bounds: JobSessions.Bounds) -> Bool {
        rules[session.ruleID, default: 0] < bounds.rule && subjects[session.principal, default: 0] < bounds.subject
            && tokens[token, default: 0] < bounds.token
    }

    fileprivate mutating func add(_ session: JobSession, _ hash: Hash256, _ token: Hash256?) {
        let kept = JobSessions.Kept(session: session, token: token)
        if let former = sessions.updateValue(kept, forKey: hash) { count(former, -1) }
        count(kept, 1)
    }

    fileprivate mutating func count(_ kept: JobSessions.Kept, _ difference: Int) {
        rules.add(difference, kept.session.ruleID)
        subjects.add(difference, kept.session.principal)
        if let token = kept.token { tokens.add(difference, token) }
    }

    /// Counts those that live, and forgets of those that have ended the oldest beyond what may be kept.
    fileprivate mutating func count(at now: Int64, _ bounds: JobSessions.Bounds) {
        (rules, subjects, tokens, countedAt) = ([:], [:], [:], now)
        var ended: [Int64: [(hash: Hash256, at: Int64)]] = [:]
        for (hash, kept) in sessions {
            if now < kept.session.expiresAt {
                count(kept, 1)
            } else {
                ended[kept.session.ruleID, default: []].append((hash, kept.session.expiresAt))
            }
        }
        for var those in ended.values where those.count > bounds.ended {
            those.sort { $0.at < $1.at }
            for one in those.prefix(those.count - bounds.ended) { sessions[one.hash] = nil }
        }
    }
}

extension Dictionary where Value == Int {
    /// What is counted no more takes no room.
    fileprivate mutating func add(_ difference: Int, _ key: Key) {
        let sum = self[key, default: 0] + difference
        self[key] = sum > 0 ? sum : nil
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
    /// Sessions as they are kept, also those that ended lately: uploads outlive them. Those that a change of their rule has
    /// ended are none, and neither is a row that cannot be read.
    func jobSessions() throws(CatalogError) -> [KeptSession] {
        let rows = try rows(
            """
            SELECT s.hash, s.rule_id, s.version, r.name, s.subject, s.expires_at
            FROM trust_session s JOIN trust_rule r ON r.id = s.rule_id AND r.version = s.version
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
