package import BerthCatalog
import BerthDigest
import BerthFetch
package import BerthModel
package import BerthRegistry
package import Logging
import NIOPosix
import Synchronization

/// What the operator can choose about access, and what names the registry in its tokens.
package struct AccessSettings: Sendable {
    /// What everybody may do as long as there are no accounts.
    package var open = OpenAccess(.nothing)
    /// `iss` of tokens: the registry itself.
    package var issuer = "berth"
    /// `aud` of tokens and `service` of challenges.
    package var service = "berth"
    /// Seconds that a bearer token lives.
    package var tokenSeconds: Int64 = 900
    /// Seconds by which clocks may differ.
    package var skewSeconds: Int64 = 60
    /// Seconds that a retired key goes on verifying beyond a token's life: uploads last as long.
    package var uploadSeconds: Int64 = 24 * 3600
    /// Seconds that a job's session lives.
    package var sessionSeconds: Int64 = 3600
    /// What identity tokens are to be meant for, where a trust rule does not say: the registry's URL; nil: none is known.
    package var audience: String?
    /// Seconds for which entries of the audit log are kept.
    package var auditSeconds: Int64 = 400 * 24 * 3600
    /// Why the registry must not get its first account, for a person and without a full stop; nil: it may.
    package var objectionToClosing: String?
    var auditBounds = AuditBounds()

    package init() {}

    /// Seconds before a new key signs, for those who keep the public keys.
    static let keyNoticeSeconds: Int64 = 900
    /// Seconds for which a verified password is remembered.
    static let passwordSeconds: Int64 = 60
    /// Seconds without use after which a refresh token ends.
    static let refreshSeconds: Int64 = 30 * 24 * 3600
}

/// Who there is, and who may do what. The one place where that is decided, from memory; changes go through the tables
/// and are in force when they return.
package final class Access: AccessPolicy {
    let database: any SQLDatabase
    let clock: any WallClock
    let log: Logger
    let audit: AuditLog
    package let settings: AccessSettings
    let passwords = PasswordQueue()
    let passwordChecks = SharedChecks<[UInt8]>()
    let attempts = Attempts()
    /// Tokens found genuine, by their SHA-256; the memory is bounded, however much one of them may say.
    let tokens = RecentCache<Hash256, BearerToken>(weight: 32 << 20) { $0.weight }
    let anonymousTokens = RecentCache<Hash256, BearerToken>(weight: 2 << 20) { $0.weight }
    /// By a keyed hash of name and password.
    let basics = RecentCache<[UInt8], RememberedPassword>(weight: 4_096) { _ in 1 }
    let basicKey = SealKey.random()
    let markSalt = HeaderMark.Salt()
    /// Refresh tokens handed out, by account.
    let refreshTokens = RecentCounts()
    let jobs = JobSessions()
    let issuers: Issuers
    private let uses = Mutex<[Int64: Int64]>([:])
    private let current: Mutex<Snapshot>
    /// What the snapshot says of it, without its lock: asked before all else, also where nobody has an account.
    private let closed = Atomic(false)
    let force = ChangeForce()
    /// Notes outside of the catalog that the registry is closed.
    private let markClosed: @Sendable () throws -> Void
    private let isMarked = Atomic(false)

    /// Reads the accounts; makes a key where there are accounts and none that goes on signing.
    ///
    /// - Parameter markClosed: notes durably, outside of the catalog, that the registry is closed; called before the
    ///   first account is acknowledged, and at each start of a closed registry.
    ///   - fetch: gets what issuers of identity tokens publish.
    package static func open(
        _ catalog: Catalog, settings: AccessSettings, clock: any WallClock = SystemWallClock(), logger: Logger,
        markClosed: @escaping @Sendable () throws -> Void = {}, fetch: KeyFetch? = nil
    ) async throws(CatalogError) -> Access {
        try await open(catalog.database, settings, clock, logger, markClosed, fetch)
    }

    static func open(
        _ database: any SQLDatabase, _ settings: AccessSettings, _ clock: any WallClock, _ logger: Logger,
        _ markClosed: @escaping @Sendable () throws -> Void = {}, _ fetch: KeyFetch? = nil
    ) async throws(CatalogError) -> Access {
        let tables = try await database.read { t throws(CatalogError) in try AccessTables(t) }
        let issuers: Issuers
        if let fetch { issuers = Issuers(clock, fetch) } else { issuers = Issuers(clock, fetcher: Fetcher()) }
        let access = Access(database, tables, settings, clock, logger, issuers, markClosed)
        for kept in try await database.read({ t throws(CatalogError) in try t.jobSessions() }) {
            access.jobs.add(kept.session, kept.hash)
        }
        try await access.reload()
        if access.isClosed, !access.snapshot.keys.hasLastingKey {
            _ = try await access.write { t, _ throws(CatalogError) in
                try t.makeKey(at: access.now, signsFrom: access.now)
            }
        }
        try access.noteClosed()
        return access
    }

    private init(
        _ database: any SQLDatabase, _ tables: AccessTables, _ settings: AccessSettings, _ clock: any WallClock,
        _ log: Logger, _ issuers: Issuers, _ markClosed: @escaping @Sendable () throws -> Void
    ) {
        (self.markClosed, self.issuers) = (markClosed, issuers)
        (self.database, self.settings, self.clock, self.log) = (database, settings, clock, log)
        audit = AuditLog(log)
        current = Mutex(Snapshot(tables, keys: .empty))
    }

    /// Microseconds since 1970, as the tables count.
    var now: Int64 { clock.milliseconds() * 1000 }
    var seconds: Int64 { clock.milliseconds() / 1000 }
    var snapshot: Snapshot { current.withLock { $0 } }

    /// Whether there are accounts, so that everybody has to say who he is.
    package var isClosed: Bool { closed.load(ordering: .acquiring) }

    package func decide(_ caller: Caller, _ action: Action, _ repository: RepositoryName?) -> Bool {
        guard isClosed else { return settings.open.decide(caller, action, repository) }
        let snapshot = self.snapshot
        let wanted = ActionSet(action)
        guard let repository else { return decide(caller, wanted, snapshot) }
        if let token = caller.token, token.repositories[repository]?.contains(wanted) != true { return false }
        if let scopes = caller.credential,
            !scopes.contains(where: { $0.actions.contains(wanted) && $0.pattern.matches(repository) })
        {
            return false
        }
        return snapshot.allows(caller.principal, wanted, on: repository)
    }

    /// About the registry as a whole: its catalog is for everybody who says who he is, the rest for administrators.
    private func decide(_ caller: Caller, _ wanted: ActionSet, _ snapshot: Snapshot) -> Bool {
        if wanted == .pull { return caller.principal != .anonymous && caller.token?.readsCatalog != false }
        if let scopes = caller.credential,
            !scopes.contains(where: { $0.actions.contains(wanted) && $0.pattern == .everything })
        {
            return false
        }
        return caller.token == nil && snapshot.isAdministrator(caller.principal)
    }

    // MARK: - Changes

    /// Runs one change as one transaction, and returns once decisions are made by it.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLTransaction, inout [AuditEntry]) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        let changed = try await database.write(
            .small,
            { t throws(CatalogError) -> Changed<Value> in
                var entries: [AuditEntry] = []
                let value = try body(t, &entries)
                try t.execute("UPDATE access_state SET version = version + 1 WHERE id = 1", [])
                for entry in entries { try t.insert(entry) }
                return Changed(value: value, entries: entries)
            }, settled: { _ in })
        for entry in changed.entries { audit.tell(entry) }
        do throws(CatalogError) { try await reload() } catch {
            log.critical("a change to accounts is made, but not in force yet", metadata: ["cause": "\(error)"])
            force.missed()
            throw error
        }
        try noteClosed()
        return changed.value
    }

    /// The first account closes the registry, and a catalog that is lost must not open it again. Blocks, once.
    private func noteClosed() throws(CatalogError) {
        guard isClosed, !isMarked.load(ordering: .acquiring) else { return }
        do { try markClosed() } catch { throw .unavailable("it cannot be noted that the registry is closed: \(error)") }
        isMarked.store(true, ordering: .releasing)
    }

    private struct Changed<Value: Sendable>: Sendable {
        let value: Value
        let entries: [AuditEntry]
    }

    /// Everything in the tables as it is now, with what lists show beside.
    package func tables() async throws(CatalogError) -> AccessTables {
        try await database.read { t throws(CatalogError) in try AccessTables(t) }
    }

    /// Reads the tables again. Of two at once, the newer version stays.
    func reload() async throws(CatalogError) {
        let tables = try await tables()
        for damage in tables.damages {
            log.critical("a row about accounts cannot be read and gives no rights", metadata: ["cause": "\(damage)"])
        }
        let old = snapshot
        let keys: KeyRing
        if old.keys.stored == tables.keys {
            keys = old.keys
        } else {
            let retention = (settings.uploadSeconds + settings.tokenSeconds + settings.skewSeconds) * 1_000_000
            keys = await KeyRing(tables.keys, retention: retention) { key in
                log.error("a signing key cannot be read", metadata: ["key": "\(key.id)"])
            }
        }
        let new = Snapshot(tables, keys: keys)
        current.withLock { current in
            guard new.version >= current.version else { return }
            current = new
            closed.store(new.isClosed, ordering: .releasing)
        }
    }

    /// Notes that a secret was used, at most once a minute; nobody waits for it.
    func noteUse(ofSecret id: Int64) {
        let now = self.now
        let isDue = uses.withLock { uses in
            if let last = uses[id], now - last < 60_000_000 { return false }
            if uses.count > 10_000 { uses = [:] }
            uses[id] = now
            return true
        }
        guard isDue else { return }
        database.enqueue(
            { t throws(CatalogError) in
                try t.execute("UPDATE access_secret SET last_used_at = ? WHERE id = ?", [.integer(now), .integer(id)])
            }, settled: { _ in })
    }

    func noteUse(ofUser id: Int64) {
        let now = self.now
        database.enqueue(
            { t throws(CatalogError) in
                try t.execute("UPDATE access_user SET last_used_at = ? WHERE id = ?", [.integer(now), .integer(id)])
            }, settled: { _ in })
    }
}
