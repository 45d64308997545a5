import BerthModel

/// Everything that a decision needs, as it was at one version of the tables. Never changed: a change makes the next.
final class Snapshot: Sendable {
    let version: Int64
    /// Whether there are accounts. Once closed, a registry stays closed.
    let isClosed: Bool
    /// Whether a file holds the users that it has brought: then commands do not work against it.
    let followsFile: Bool
    /// The highest cost of a bcrypt hash that anybody has: whoever guesses at another name waits as long.
    let dearestBcrypt: Int?
    private let users: [String: User]
    private let robots: [String: Robot]
    let secrets: [String: StoredSecret]
    let secretsByID: [Int64: StoredSecret]
    let usersByID: [Int64: User]
    let robotsByID: [Int64: Robot]
    let certificates: [CertificateName: CertificateRule]
    let certificatesByID: [Int64: CertificateRule]
    /// In the order in which they are tried.
    let rules: [TrustRule]
    let rulesByID: [Int64: TrustRule]
    private let rulesByName: [String: TrustRule]
    let keys: KeyRing
    private let granted: [Principal: Rights]
    let everyone: Rights
    /// By trust rule: whatever job comes with it has the same.
    private let grantedToRules: [String: Rights]

    init(_ tables: AccessTables, keys: KeyRing) {
        version = tables.version
        (isClosed, followsFile) = (tables.isClosed, tables.followsFile)
        self.keys = keys
        dearestBcrypt = tables.users.compactMap { $0.password.flatMap(PasswordHash.bcryptCost) }.max()
        users = Dictionary(tables.users.map { ($0.name.text, $0) }) { first, _ in first }
        usersByID = Dictionary(tables.users.map { ($0.id, $0) }) { first, _ in first }
        robots = Dictionary(tables.robots.map { ($0.name.text, $0) }) { first, _ in first }
        robotsByID = Dictionary(tables.robots.map { ($0.id, $0) }) { first, _ in first }
        secrets = Dictionary(tables.secrets.map { ($0.prefix, $0) }) { first, _ in first }
        certificates = Dictionary(tables.certificates.map { ($0.name, $0) }) { first, _ in first }
        certificatesByID = Dictionary(tables.certificates.map { ($0.id, $0) }) { first, _ in first }
        secretsByID = Dictionary(tables.secrets.map { ($0.id, $0) }) { first, _ in first }
        rules = tables.rules
        rulesByID = Dictionary(tables.rules.map { ($0.id, $0) }) { first, _ in first }
        rulesByName = Dictionary(tables.rules.map { ($0.name.text, $0) }) { first, _ in first }
        var granted: [Principal: Rights] = [:]
        var grantedToRules: [String: Rights] = [:]
        var everyone = Rights()
        let members = Dictionary(tables.groups.filter { !$0.isDisabled }.map { ($0.name, $0.members) }) { first, _ in
            first
        }
        for grant in tables.grants where !grant.isDisabled {
            switch grant.subject {
            case .everyone: everyone.add(grant.role.actions, on: grant.pattern)
            case .user(let name): granted[.user(name.text), default: .none].add(grant.role.actions, on: grant.pattern)
            case .robot(let name): granted[.robot(name.text), default: .none].add(grant.role.actions, on: grant.pattern)
            case .trust(let name): grantedToRules[name.text, default: .none].add(grant.role.actions, on: grant.pattern)
            case .group(let name):
                for member in members[name] ?? [] {
                    guard let user = usersByID[member] else { continue }
                    granted[user.principal, default: .none].add(grant.role.actions, on: grant.pattern)
                }
            }
        }
        self.granted = granted
        self.everyone = everyone
        self.grantedToRules = grantedToRules
    }

    /// Names are ASCII. String's == would also find what Unicode takes for the same, as a KELVIN SIGN for a K.
    func user(named name: String) -> User? { name.utf8.allSatisfy { $0 < 0x80 } ? users[name] : nil }
    func robot(named name: String) -> Robot? { name.utf8.allSatisfy { $0 < 0x80 } ? robots[name] : nil }
    func rule(named name: String) -> TrustRule? { name.utf8.allSatisfy { $0 < 0x80 } ? rulesByName[name] : nil }

    /// What the principal itself may do, whatever credentials it shows.
    func allows(_ principal: Principal, _ wanted: ActionSet, on repository: RepositoryName) -> Bool {
        if everyone.allow(wanted, on: repository) { return true }
        switch principal {
        case .anonymous: return false
        case .user(let name):
            guard let user = self.user(named: name), !user.isDisabled else { return false }
            if user.isAdmin { return true }
        case .robot(let name):
            guard let robot = self.robot(named: name), !robot.isDisabled, robot.name.reaches(repository) else {
                return false
            }
        case .job(let name, _):
            guard let rule = self.rule(named: name), !rule.isDisabled else { return false }
            return grantedToRules[name]?.allow(wanted, on: repository) ?? false
        }
        return granted[principal]?.allow(wanted, on: repository) ?? false
    }

    func isAdministrator(_ principal: Principal) -> Bool {
        guard case .user(let name) = principal, let user = self.user(named: name) else { return false }
        return user.isAdmin && !user.isDisabled
    }
}
