package import BerthCatalog
import BerthModel
import Logging

/// One line of the audit log: who did what to what, from where, and whether it was done.
package struct AuditEntry: Sendable {
    package let happenedAt: Int64
    /// A principal's text, or `operator` for a command on the machine itself.
    package let actor: String
    /// As in `user.add`.
    package let action: String
    package let target: String
    /// The client's address, `unix` or `local`.
    package let address: String
    package let isDone: Bool
    /// Names of what was changed, never secret values.
    package let detail: String

    /// No text of a client's takes more bytes.
    private static let longest = 512

    init(
        _ at: Int64, _ actor: Actor, _ action: String, _ target: String, isDone: Bool = true, detail: String = ""
    ) {
        happenedAt = at
        self.actor = Self.cut(actor.name)
        self.action = action
        self.target = Self.cut(Self.hidingSecrets(target))
        address = Self.cut(actor.address)
        self.isDone = isDone
        self.detail = Self.cut(detail)
    }

    fileprivate init(_ row: SQLRow) throws(CatalogError) {
        happenedAt = try row.integer(1)
        (actor, action, target) = (try row.text(2), try row.text(3), try row.text(4))
        (address, isDone, detail) = (try row.text(5), try row.bool(6), try row.text(7))
    }

    /// Some paste a token where a name belongs.
    private static func hidingSecrets(_ text: String) -> String {
        SecretText.isOne(text) ? SecretText.start + "***" : text
    }

    /// Whoever fails to log in chooses what stands here, and people read the table on terminals.
    private static func cut(_ text: String) -> String {
        let text = text.showingSteering()
        return text.utf8.count <= longest ? text : String(decoding: text.utf8.prefix(longest), as: UTF8.self)
    }
}

/// Who makes a change, and from where.
package struct Actor: Sendable {
    package let name: String
    package let address: String

    package init(name: String, address: String) { (self.name, self.address) = (name, address) }

    /// Whoever administers the machine.
    package static let `operator` = Actor(name: "operator", address: "local")
}

/// The log stream beside the table: a line for each entry, for those who collect logs.
struct AuditLog: Sendable {
    private let log: Logger

    init(_ log: Logger) { self.log = log }

    func tell(_ entry: AuditEntry) {
        log.notice(
            "audit",
            metadata: [
                "actor": "\(entry.actor)", "action": "\(entry.action)", "target": "\(entry.target)",
                "address": "\(entry.address)", "outcome": entry.isDone ? "done" : "refused",
                "detail": "\(entry.detail)",
            ])
    }
}

extension Access {
    /// Notes what was refused or handed out; nobody waits for it.
    func note(_ entry: AuditEntry) {
        audit.tell(entry)
        database.enqueue({ t throws(CatalogError) in try t.insert(entry) }, settled: { _ in })
    }

    /// Notes something that was done outside of this room; it is kept when this returns. Where that fails, the log stream
    /// alone tells of it.
    package func note(_ action: String, _ target: String, _ detail: String, by actor: Actor) async {
        let entry = AuditEntry(now, actor, action, target, detail: detail)
        audit.tell(entry)
        do throws(CatalogError) {
            try await database.write(.small, { t throws(CatalogError) in try t.insert(entry) }, settled: { _ in })
        } catch { log.error("an entry of the audit log was not kept", metadata: ["cause": "\(error)"]) }
    }

    /// The newest entries first, at most `limit`, older than the one with the id `before`.
    package func auditEntries(
        before: Int64?, limit: Int
    ) async throws(CatalogError) -> [(id: Int64, entry: AuditEntry)] {
        let found = try await database.read { t throws(CatalogError) -> [NumberedEntry] in
            try t.rows(
                """
                SELECT id, happened_at, actor, action, target, address, outcome, detail
                FROM audit
                WHERE id < ?
                ORDER BY id DESC
                LIMIT ?
                """, [.integer(before ?? .max), .integer(Int64(max(0, min(limit, 1_000))))]
            ).map { row throws(CatalogError) in
                NumberedEntry(id: try row.integer(0), entry: try AuditEntry(row))
            }
        }
        return found.map { ($0.id, $0.entry) }
    }
}

private struct NumberedEntry: Sendable {
    let id: Int64
    let entry: AuditEntry
}

extension SQLTransaction {
    func insert(_ entry: AuditEntry) throws(CatalogError) {
        try execute(
            """
            INSERT INTO audit (happened_at, actor, action, target, address, outcome, detail)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(entry.happenedAt), .text(entry.actor), .text(entry.action), .text(entry.target),
                .text(entry.address), .bool(entry.isDone), .text(entry.detail),
            ])
    }
}
