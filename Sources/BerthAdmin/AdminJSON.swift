import BerthAccess
import BerthModel
import HTTPTypes

extension AdminAnswer {
    static func list<Item>(
        _ key: String, _ items: [Item], _ write: (inout JSONWriter, Item) -> Void
    ) -> AdminAnswer {
        AdminAnswer(.ok) { json in
            json.beginObject()
            json.member(key, items, write)
            json.endObject()
        }
    }
}

extension AccessTables {
    fileprivate func name(of owner: SecretOwner) -> String {
        switch owner {
        case .user(let id): users.first { $0.id == id }?.name.text ?? ""
        case .robot(let id): robots.first { $0.id == id }?.name.text ?? ""
        }
    }
}

extension JSONWriter {
    mutating func member(_ key: String, _ value: String) {
        self.key(key)
        string(value)
    }
    mutating func member(_ key: String, _ value: Bool) {
        self.key(key)
        bool(value)
    }
    mutating func member<Item>(_ key: String, _ items: [Item], _ write: (inout JSONWriter, Item) -> Void) {
        self.key(key)
        beginArray()
        for item in items { write(&self, item) }
        endArray()
    }
    mutating func member(_ key: String, _ values: [String]) { member(key, values) { $0.string($1) } }
    /// A moment, given in microseconds since 1970.
    mutating func member(_ key: String, at microseconds: Int64?) {
        self.key(key)
        if let microseconds { string(Timestamp.text(milliseconds: microseconds / 1000)) } else { null() }
    }

    mutating func write(_ user: User, _ tables: AccessTables) {
        beginObject()
        member("name", user.name.text)
        member("admin", user.isAdmin)
        member("disabled", user.isDisabled)
        member("password", user.hasPassword)
        member("htpasswd", user.file != nil)
        member("groups", tables.groups.filter { $0.members.contains(user.id) }.map(\.name.text))
        member("created_at", at: user.createdAt)
        member("last_used_at", at: user.lastUsedAt)
        endObject()
    }

    mutating func write(_ group: Group, _ tables: AccessTables) {
        let names = Dictionary(tables.users.map { ($0.id, $0.name.text) }) { first, _ in first }
        beginObject()
        member("name", group.name.text)
        member("disabled", group.isDisabled)
        member("members", group.members.compactMap { names[$0] })
        member("created_at", at: group.createdAt)
        endObject()
    }

    mutating func write(_ robot: Robot) {
        beginObject()
        member("name", robot.name.text)
        member("namespace", robot.name.namespace.text)
        member("disabled", robot.isDisabled)
        member("created_at", at: robot.createdAt)
        endObject()
    }

    mutating func write(_ secret: StoredSecret, _ tables: AccessTables) {
        beginObject()
        member("id", secret.prefix)
        member("owner", tables.name(of: secret.owner))
        member("label", secret.label)
        member("disabled", secret.isDisabled)
        member("scopes", (secret.scopes ?? []).map(\.description))
        member("created_at", at: secret.createdAt)
        member("expires_at", at: secret.expiresAt)
        member("last_used_at", at: secret.lastUsedAt)
        endObject()
    }

    mutating func write(_ login: RefreshFact) {
        beginObject()
        member("id", login.prefix)
        key("token")
        if let secret = login.secret { string(secret) } else { null() }
        member("created_at", at: login.createdAt)
        member("last_used_at", at: login.lastUsedAt)
        endObject()
    }

    mutating func write(_ rule: CertificateRule, _ tables: AccessTables) {
        beginObject()
        member("name", rule.name.description)
        member("owner", tables.name(of: rule.owner))
        member("disabled", rule.isDisabled)
        member("created_at", at: rule.createdAt)
        member("created_by", rule.createdBy)
        endObject()
    }

    mutating func write(_ grant: Grant) {
        beginObject()
        member("subject", grant.subject.description)
        member("role", grant.role.word)
        member("pattern", grant.pattern.text)
        member("disabled", grant.isDisabled)
        member("created_at", at: grant.createdAt)
        member("created_by", grant.createdBy)
        endObject()
    }

    mutating func write(_ key: KeyFact) {
        beginObject()
        member("id", key.id)
        member("disabled", key.isDisabled)
        member("readable", key.isReadable)
        member("created_at", at: key.createdAt)
        member("signs_from", at: key.signsFrom)
        member("retired_at", at: key.retiredAt)
        endObject()
    }

    mutating func write(_ entry: AuditEntry, id: Int64) {
        beginObject()
        key("id")
        int(id)
        member("at", at: entry.happenedAt)
        member("actor", entry.actor)
        member("action", entry.action)
        member("target", entry.target)
        member("address", entry.address)
        member("outcome", entry.isDone ? "done" : "refused")
        member("detail", entry.detail)
        endObject()
    }
}
