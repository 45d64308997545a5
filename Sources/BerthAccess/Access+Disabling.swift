import BerthCatalog
import BerthModel

// What is disabled stays where it is and gives nothing, from the next request on and until it is enabled again.

/// A kind of thing that can be disabled: how one is found, and how it is changed.
struct Disabling: Sendable {
    /// As the audit log calls it: `key.change`.
    let action: String
    /// Gives `id` and `is_disabled`.
    let find: StaticString
    /// Takes `is_disabled` and `id`.
    let set: StaticString

    /// A disabling ends what was issued before.
    static let user = Disabling(
        action: "user.change", find: "SELECT id, is_disabled FROM access_user WHERE name = ?",
        set: "UPDATE access_user SET is_disabled = ?, version = version + 1 - is_disabled WHERE id = ?")
    static let group = Disabling(
        action: "group.change", find: "SELECT id, is_disabled FROM access_group WHERE name = ?",
        set: "UPDATE access_group SET is_disabled = ? WHERE id = ?")
    /// A disabling ends what was issued before.
    static let robot = Disabling(
        action: "robot.change", find: "SELECT id, is_disabled FROM access_robot WHERE name = ?",
        set: "UPDATE access_robot SET is_disabled = ?, version = version + 1 - is_disabled WHERE id = ?")
    /// A disabling ends the sessions.
    static let trust = Disabling(
        action: "trust.change", find: "SELECT id, is_disabled FROM trust_rule WHERE name = ?",
        set: "UPDATE trust_rule SET is_disabled = ?, version = version + 1 - is_disabled WHERE id = ?")
    static let secret = Disabling(
        action: "token.change", find: "SELECT id, is_disabled FROM access_secret WHERE prefix = ?",
        set: "UPDATE access_secret SET is_disabled = ? WHERE id = ?")
    static let certificate = Disabling(
        action: "certificate.change", find: "SELECT id, is_disabled FROM access_certificate WHERE name = ?",
        set: "UPDATE access_certificate SET is_disabled = ? WHERE id = ?")
    static let grant = Disabling(
        action: "grant.change",
        find: """
            SELECT id, is_disabled
            FROM access_grant
            WHERE subject_kind = ? AND subject_id = ? AND pattern = ?
            """,
        set: "UPDATE access_grant SET is_disabled = ? WHERE id = ?")
    static let key = Disabling(
        action: "key.change", find: "SELECT id, is_disabled FROM access_key WHERE kid = ?",
        set: "UPDATE access_key SET is_disabled = ? WHERE id = ?")
}

/// What became of a disabling, or of an enabling.
enum DisablingOutcome: Sendable, Equatable {
    case unknown
    /// It was so already.
    case same
    case changed(id: Int64)
}

extension Access {
    /// Disables what has this name, or enables it again: whether it was otherwise before. Throws `.unknown` with what
    /// `unknown` calls it.
    func set(
        _ isDisabled: Bool, _ kind: Disabling, _ name: String, unknown: String, by actor: Actor
    ) async throws(AccessError) -> Bool {
        let now = self.now
        let outcome = try await changing { t, entries throws(CatalogError) in
            let outcome = try t.set(isDisabled, kind, [.text(name)])
            if case .changed = outcome { entries.append(AuditEntry(now, actor, kind, name, isDisabled)) }
            return outcome
        }
        return try outcome.isChange(orUnknown: unknown)
    }
}

extension DisablingOutcome {
    /// Throws `.unknown`.
    func isChange(orUnknown name: String) throws(AccessError) -> Bool {
        switch self {
        case .unknown: throw .unknown(name)
        case .same: return false
        case .changed: return true
        }
    }
}

extension AuditEntry {
    /// Of a disabling or an enabling; `detail` says of what, where the target alone does not.
    init(_ at: Int64, _ actor: Actor, _ kind: Disabling, _ target: String, _ isDisabled: Bool, of detail: String = "") {
        let word = isDisabled ? "disabled" : "enabled"
        self.init(at, actor, kind.action, target, detail: detail.isEmpty ? word : "\(word) \(detail)")
    }
}

extension SQLTransaction {
    func set(
        _ isDisabled: Bool, _ kind: Disabling, _ key: [SQLValue]
    ) throws(CatalogError) -> DisablingOutcome {
        guard let row = try row(kind.find, key) else { return .unknown }
        guard try row.bool(1) != isDisabled else { return .same }
        let id = try row.integer(0)
        try execute(kind.set, [.bool(isDisabled), .integer(id)])
        return .changed(id: id)
    }
}
