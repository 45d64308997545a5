import BerthAccess
import BerthModel
import HTTPTypes

extension AdminOperation {
    static let tokens: [AdminOperation] = [
        AdminOperation(.get, "/tokens", "listTokens", "Personal tokens and robots' secrets, without what they are.") {
            call throws(AccessError) in
            let tables = try await call.tables()
            return .list("tokens", tables.secrets) { $0.write($1, tables) }
        },
        AdminOperation(
            .post, "/tokens", "addToken", "Make a personal token or a robot's secret; it is shown once.",
            fields: [
                AdminField("owner", .string, required: true, "A user, or a robot as <namespace>+<name>."),
                AdminField("label", .string, "What it is for."),
                AdminField("scopes", .strings, "As pull,push:team/**; without any, all that the owner may do."),
                AdminField("expires_in", .integer, "Seconds; without it, it does not run out."),
            ], statuses: [201, 400, 404]
        ) { call throws(AccessError) in
            let owner = call.body.string("owner") ?? ""
            let holder = try SecretHolder(owner)
            let scopes = try call.body.strings("scopes")?.map { text throws(AccessError) in
                guard let scope = CredentialScope(text) else {
                    throw .invalid("'\(text)' is no scope; write as in pull,push:team/**")
                }
                return scope
            }
            let secret = try await call.access.addSecret(
                for: holder, label: call.body.string("label") ?? "", scopes: scopes,
                seconds: call.body.integer("expires_in"), by: call.actor)
            return AdminAnswer(.created) { json in
                json.beginObject()
                json.member("id", secret.prefix)
                json.member("owner", owner)
                json.member("secret", secret.text)
                json.endObject()
            }
        },
        AdminOperation(
            .get, "/tokens/{id}", "getToken", "One personal token or robot's secret.", statuses: [200, 404]
        ) { call throws(AccessError) in
            let tables = try await call.tables()
            guard let secret = tables.secrets.first(where: { hasSameBytes($0.prefix, call.parameters[0]) }) else {
                throw .unknown("personal token or robot's secret \(call.parameters[0])")
            }
            return AdminAnswer(.ok) { $0.write(secret, tables) }
        },
        AdminOperation(
            .patch, "/tokens/{id}", "changeToken",
            "Let a personal token or robot's secret rest, with what it has brought, or let it count again.",
            fields: [.disabled("Whether it opens nothing for now.")], statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            .changed(
                try await call.access.changeSecret(
                    prefix: call.parameters[0], isDisabled: call.isDisabled, by: call.actor))
        },
        AdminOperation(
            .get, "/logins/{owner}", "listLogins",
            "The refresh tokens of a user or robot: clients that stay logged in.",
            statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            .list("logins", try await call.access.refreshTokens(of: try SecretHolder(call.parameters[0]))) {
                $0.write($1)
            }
        },
        AdminOperation(
            .delete, "/tokens/{id}", "removeToken", "End a personal token, a robot's secret or a refresh token."
        ) { call throws(AccessError) in
            .changed(try await call.access.removeSecret(prefix: call.parameters[0], by: call.actor))
        },
    ]
}
