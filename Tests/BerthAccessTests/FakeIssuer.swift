import BerthCatalog
import BerthFetch
import BerthModel
import BerthTestSupport
import Logging
import Synchronization

@testable import BerthAccess

/// An issuer without a network: answers what a fetch asks for, or fails.
final class FakeIssuer: Sendable {
    private struct State {
        var keys: [IssuerKey]
        var isDown = false
        var asked: [String] = []
        var documents: [String: String] = [:]
    }
    static let url = "https://issuer.example"
    private let state: Mutex<State>

    init(_ keys: [IssuerKey]) { state = Mutex(State(keys: keys)) }

    var asked: [String] { state.withLock { $0.asked } }
    func publish(_ keys: [IssuerKey]) { state.withLock { $0.keys = keys } }
    func isDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }
    func answer(_ path: String, _ text: String) { state.withLock { $0.documents[Self.url + path] = text } }

    @Sendable func fetch(_ order: FetchOrder) async throws(FetchError) -> [UInt8] {
        let url = order.address.description
        let (document, isDown, keys) = state.withLock { state in
            state.asked.append(url)
            return (state.documents[url], state.isDown, state.keys)
        }
        if isDown { throw .timedOut }
        if let document { return Array(document.utf8) }
        switch url {
        case Self.url + "/.well-known/openid-configuration":
            return Array(#"{"issuer":"\#(Self.url)","jwks_uri":"\#(Self.url)/keys"}"#.utf8)
        case Self.url + "/keys":
            guard let set = try? IssuerKey.set(keys) else { throw .timedOut }
            return Array(set.utf8)
        default: throw .status(404)
        }
    }
}

/// A registry that trusts an issuer's jobs of `org/app`.
struct JobWorld: Sendable {
    let access: Access
    let issuer: FakeIssuer
    let key: IssuerKey
    let clock: ManualClock
    let address = "192.0.2.1"

    var seconds: Int64 { clock.milliseconds() / 1000 }

    func draft(_ key: IssuerKey? = nil) -> IdentityTokenDraft {
        IdentityTokenDraft(key ?? self.key, issuer: FakeIssuer.url, at: seconds)
    }

    func token(_ change: (inout IdentityTokenDraft) -> Void = { _ in }) throws -> String {
        var draft = draft()
        change(&draft)
        return try draft.text()
    }

    /// What a request with this as the password of `oidc` is told.
    func verdict(_ token: String) async -> String {
        switch await access.identify(.basic(name: "oidc", password: token), from: address) {
        case .caller(let caller): caller.principal.text
        case .expired: "expired"
        case .refused(.credentials): "refused"
        case .refused(let refusal): "\(refusal)"
        }
    }

    /// The newest reason in the audit log.
    func reason() async throws -> String {
        // What nobody waits for goes with the next commit.
        _ = try await access.addGroup(AccountName("g\(UInt32.random(in: 0 ... .max))"), by: .operator)
        let entries = try await access.auditEntries(before: nil, limit: 50).map(\.entry)
        return entries.first { $0.action == "job.login" && !$0.isDone }?.detail ?? ""
    }

    static let job = "job:ci:repo:org/app:ref:refs/heads/main"
    static let conditions = ["repository=org/app", "ref=refs/heads/*"]
}

func newRule(_ name: String = "ci", _ conditions: [String] = JobWorld.conditions) throws -> NewTrustRule {
    NewTrustRule(
        try AccountName(name), issuer: FakeIssuer.url, audience: nil,
        conditions: try conditions.map { try ClaimCondition($0) })
}

func withJobs(
    algorithm: String = "ES256", _ body: (JobWorld) async throws -> Void
) async throws {
    try await withTemporaryFolder { folder in
        let key = try await IssuerKey(algorithm)
        try await withJobs(in: folder, FakeIssuer([key]), key, ManualClock()) { world async throws in
            var rule = try newRule()
            rule.grants = [(.writer, try RepositoryPattern("team/**"))]
            _ = try await world.access.addTrust(rule, by: .operator)
            try await body(world)
        }
    }
}

/// The same on a catalog that may be there already, as after a restart.
func withJobs(
    in folder: String, _ issuer: FakeIssuer, _ key: IssuerKey, _ clock: ManualClock,
    _ body: (JobWorld) async throws -> Void
) async throws {
    let catalog = try await Catalog.open(path: folder + "/berth.db", snapshots: folder, sync: .never)
    var settings = AccessSettings()
    settings.audience = "https://registry.test"
    let access = try await Access.open(
        catalog, settings: settings, clock: clock,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, fetch: issuer.fetch)
    try await body(JobWorld(access: access, issuer: issuer, key: key, clock: clock))
    try await catalog.close()
}
