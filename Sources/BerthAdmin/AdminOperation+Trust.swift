import BerthAccess
import BerthModel
import HTTPTypes

extension AdminOperation {
    static let trust: [AdminOperation] = [
        AdminOperation(.get, "/trust", "listTrust", "All trust rules, in the order in which they are tried.") {
            call throws(AccessError) in
            let tables = try await call.tables()
            return .list("rules", tables.rules) { $0.write($1, tables) }
        },
        AdminOperation(
            .post, "/trust", "addTrust", "Trust an issuer of identity tokens: jobs that fit may do what is granted.",
            fields: [
                AdminField("name", .string, required: true, "Letters, digits and . _ @ -"),
                AdminField("issuer", .string, required: true, "As tokens carry it in iss, byte for byte."),
                AdminField(
                    "conditions", .strings, required: true, "claim=pattern; one of them tells whose jobs are meant."),
                AdminField("audience", .string, "As tokens carry it in aud; without one, the registry's URL."),
                AdminField("grants", .strings, "role:pattern, as in writer:team/**"),
                AdminField("allow_private", .boolean, "Whether the issuer may have a private address."),
                AdminField("authority", .string, "PEM of certificates that vouch for the issuer's hosts."),
                AdminField("keys", .string, "The issuer's keys as a JSON Web Key Set, instead of fetching them."),
            ], statuses: [200, 201, 400, 409]
        ) { call throws(AccessError) in
            let name = try AccountName(call.body.string("name") ?? "")
            var rule = NewTrustRule(
                name, issuer: call.body.string("issuer") ?? "", audience: call.body.string("audience"),
                conditions: try (call.body.strings("conditions") ?? []).map { text throws(AccessError) in
                    try ClaimCondition(text)
                })
            rule.authority = call.body.string("authority")
            rule.keys = call.body.string("keys")
            rule.allowsPrivate = call.body.bool("allow_private") ?? false
            rule.grants = try (call.body.strings("grants") ?? []).map { text throws(AccessError) in
                try Self.grant(text)
            }
            let addition = try await call.access.addTrust(rule, by: call.actor)
            let tables = try await call.tables()
            let resting = tables.grants.filter { grant in
                grant.isDisabled && grant.subject == .trust(name)
                    && rule.grants.contains { $0.pattern == grant.pattern }
            }
            return AdminAnswer(addition == .added ? .created : .ok) { json in
                json.beginObject()
                json.member("name", name.text)
                json.member("changed", addition == .added)
                json.member("disabled", tables.rules.contains { $0.name == name && $0.isDisabled })
                json.member("disabled_grants", resting.map(\.pattern.text))
                json.endObject()
            }
        },
        AdminOperation(.get, "/trust/{name}", "getTrust", "One trust rule.", statuses: [200, 400, 404]) {
            call throws(AccessError) in
            let name = try call.account()
            let tables = try await call.tables()
            guard let rule = tables.rules.first(where: { $0.name == name }) else {
                throw .unknown("trust rule \(name)")
            }
            return AdminAnswer(.ok) { $0.write(rule, tables) }
        },
        AdminOperation(
            .patch, "/trust/{name}", "changeTrust",
            "Disable a trust rule, or give it other certificates or keys; its sessions end.",
            fields: [
                AdminField("disabled", .boolean, "Whether nobody comes by it for now; its sessions end for good."),
                AdminField("authority", .string, "PEM of certificates that vouch for the issuer's hosts."),
                AdminField("keys", .string, "The issuer's keys as a JSON Web Key Set."),
                AdminField("keep_sessions", .boolean, "Whether sessions go on that the former keys have let in."),
            ], statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            var change = Access.TrustChange()
            change.isDisabled = call.body.bool("disabled")
            change.authority = call.body.string("authority")
            change.keys = call.body.string("keys")
            change.keepsSessions = call.body.bool("keep_sessions") ?? false
            return .changed(try await call.access.changeTrust(try call.account(), change, by: call.actor))
        },
        AdminOperation(
            .post, "/trust/{name}/check", "checkTrust", "Get the keys of a rule's issuer now, and tell what came.",
            statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            let check = try await call.access.checkTrust(try call.account())
            return AdminAnswer(.ok) { json in
                json.beginObject()
                json.key("problem")
                if let problem = check.problem { json.string(problem) } else { json.null() }
                json.member("keys", check.keys) { json, key in
                    json.beginObject()
                    json.member("id", key.id)
                    json.member("algorithms", key.algorithms)
                    json.endObject()
                }
                json.endObject()
            }
        },
        AdminOperation(
            .delete, "/trust/{name}", "removeTrust", "Remove a trust rule with its grants; its sessions end.",
            statuses: [200, 400]
        ) { call throws(AccessError) in
            .changed(try await call.access.removeTrust(try call.account(), by: call.actor))
        },
    ]

    /// Reads `role:pattern`.
    private static func grant(_ text: String) throws(AccessError) -> (role: Role, pattern: RepositoryPattern) {
        let halves = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, let role = Role(String(Substring(halves[0]))) else {
            throw .invalid("a grant is written role:pattern, as in writer:team/**")
        }
        do { return (role, try RepositoryPattern(String(Substring(halves[1])))) } catch {
            throw .invalid(error.message)
        }
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ rule: TrustRule, _ tables: AccessTables) {
        beginObject()
        member("name", rule.name.text)
        member("issuer", rule.issuer)
        key("audience")
        if let audience = rule.audience { string(audience) } else { null() }
        member("conditions", rule.conditions.map(\.description))
        member(
            "grants",
            tables.grants.filter { $0.subject == .trust(rule.name) && !$0.isDisabled }.map {
                "\($0.role.word):\($0.pattern)"
            })
        member("disabled", rule.isDisabled)
        member("allow_private", rule.allowsPrivate)
        member("authority", rule.hasAuthority)
        member("keys", rule.hasKeys)
        member("created_at", at: rule.createdAt)
        member("created_by", rule.createdBy)
        member("last_used_at", at: rule.lastUsedAt)
        endObject()
    }
}
