import BerthAccess
import BerthCatalog
import BerthModel
import HTTPTypes

extension AdminOperation {
    static let users: [AdminOperation] = [
        AdminOperation(.get, "/users", "listUsers", "All users.") { call throws(AccessError) in
            let tables = try await call.tables()
            return .list("users", tables.users) { $0.write($1, tables) }
        },
        AdminOperation(
            .post, "/users", "addUser", "Add a user. The first account closes the registry.",
            fields: [
                AdminField("name", .string, required: true, "Letters, digits and . _ @ -"),
                AdminField("password", .string, "At least 8 characters; without one, only tokens open the account."),
                AdminField("hash", .string, "Instead of a password: its bcrypt or yescrypt hash."),
                AdminField("admin", .boolean, "Whether the user administers the registry."),
            ], statuses: [200, 201, 400, 409]
        ) { call throws(AccessError) in
            let name = try AccountName(call.body.string("name") ?? "")
            let isAdmin = call.body.bool("admin") ?? false
            if let hash = call.body.string("hash") {
                return .added(
                    try await call.access.addUser(name, hash: hash, isAdmin: isAdmin, by: call.actor), name.text)
            }
            return .added(
                try await call.access.addUser(
                    name, password: call.body.string("password"), isAdmin: isAdmin, by: call.actor), name.text)
        },
        AdminOperation(.get, "/users/{name}", "getUser", "One user.", statuses: [200, 404]) {
            call throws(AccessError) in
            let name = try call.account()
            let tables = try await call.tables()
            guard let user = tables.users.first(where: { $0.name == name }) else { throw .unknown("user \(name)") }
            return AdminAnswer(.ok) { $0.write(user, tables) }
        },
        AdminOperation(
            .patch, "/users/{name}", "changeUser", "Change a user.",
            fields: [
                AdminField("password", .string, "A new password; it ends all logins with the old one."),
                AdminField("admin", .boolean, "Whether the user administers the registry."),
                AdminField("disabled", .boolean, "Whether the account is closed for now."),
            ], statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            var change = Access.UserChange()
            change.password = call.body.string("password")
            change.isAdmin = call.body.bool("admin")
            change.isDisabled = call.body.bool("disabled")
            try await call.access.changeUser(try call.account(), change, by: call.actor)
            return .changed(true)
        },
        AdminOperation(
            .delete, "/users/{name}", "removeUser", "Remove a user with tokens and grants."
        ) { call throws(AccessError) in
            .changed(try await call.access.removeUser(try call.account(), by: call.actor))
        },
    ]

    static let groups: [AdminOperation] = [
        AdminOperation(.get, "/groups", "listGroups", "All groups with their members.") { call throws(AccessError) in
            let tables = try await call.tables()
            return .list("groups", tables.groups) { $0.write($1, tables) }
        },
        AdminOperation(
            .post, "/groups", "addGroup", "Add a group.",
            fields: [AdminField("name", .string, required: true, "Letters, digits and . _ @ -")],
            statuses: [200, 201, 400]
        ) { call throws(AccessError) in
            let name = try AccountName(call.body.string("name") ?? "")
            return .added(try await call.access.addGroup(name, by: call.actor), name.text)
        },
        AdminOperation(.get, "/groups/{name}", "getGroup", "One group.", statuses: [200, 404]) {
            call throws(AccessError) in
            let name = try call.account()
            let tables = try await call.tables()
            guard let group = tables.groups.first(where: { $0.name == name }) else { throw .unknown("group \(name)") }
            return AdminAnswer(.ok) { $0.write(group, tables) }
        },
        AdminOperation(
            .delete, "/groups/{name}", "removeGroup", "Remove a group with its grants."
        ) { call throws(AccessError) in
            .changed(try await call.access.removeGroup(try call.account(), by: call.actor))
        },
        AdminOperation(
            .put, "/groups/{name}/members/{user}", "addMember", "Make a user a member.", statuses: [200, 404]
        ) { call throws(AccessError) in
            .changed(
                try await call.access.setMember(try call.account(1), of: try call.account(), true, by: call.actor))
        },
        AdminOperation(
            .delete, "/groups/{name}/members/{user}", "removeMember", "End a membership.", statuses: [200, 404]
        ) { call throws(AccessError) in
            .changed(
                try await call.access.setMember(try call.account(1), of: try call.account(), false, by: call.actor))
        },
    ]

    static let robots: [AdminOperation] = [
        AdminOperation(.get, "/robots", "listRobots", "All robots.") { call throws(AccessError) in
            .list("robots", try await call.tables().robots) { $0.write($1) }
        },
        AdminOperation(
            .post, "/robots", "addRobot", "Add a robot to a namespace.",
            fields: [AdminField("name", .string, required: true, "<namespace>+<name>, as in team+ci")],
            statuses: [200, 201, 400]
        ) { call throws(AccessError) in
            let name = try RobotName(call.body.string("name") ?? "")
            return .added(try await call.access.addRobot(name, by: call.actor), name.text)
        },
        AdminOperation(.get, "/robots/{name}", "getRobot", "One robot.", statuses: [200, 404]) {
            call throws(AccessError) in
            let name = try call.robot()
            guard let robot = try await call.tables().robots.first(where: { $0.name == name }) else {
                throw .unknown("robot \(name)")
            }
            return AdminAnswer(.ok) { $0.write(robot) }
        },
        AdminOperation(
            .patch, "/robots/{name}", "changeRobot", "Close a robot's account, or open it again.",
            fields: [AdminField("disabled", .boolean, required: true, "Whether the account is closed for now.")],
            statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            try await call.access.changeRobot(
                try call.robot(), isDisabled: call.body.bool("disabled") ?? true, by: call.actor)
            return .changed(true)
        },
        AdminOperation(
            .delete, "/robots/{name}", "removeRobot", "Remove a robot with secrets and grants."
        ) { call throws(AccessError) in
            .changed(try await call.access.removeRobot(try call.robot(), by: call.actor))
        },
    ]
}

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

    private static let grantFields = [
        AdminField(
            "subject", .string, required: true, "everyone, user:NAME, group:NAME, robot:NAMESPACE+NAME or trust:NAME"),
        AdminField("pattern", .string, required: true, "Repositories, as team/app, team/**, */cache"),
    ]

    static let grants: [AdminOperation] = [
        AdminOperation(.get, "/grants", "listGrants", "All grants.") { call throws(AccessError) in
            .list("grants", try await call.tables().grants) { $0.write($1) }
        },
        AdminOperation(
            .post, "/grants", "addGrant", "Grant a role; another one on the same pattern is replaced.",
            fields: grantFields + [
                AdminField("role", .string, required: true, "reader, writer, maintainer or admin")
            ], statuses: [200, 201, 400, 404]
        ) { call throws(AccessError) in
            guard let role = Role(call.body.string("role") ?? "") else {
                throw .invalid("a role is reader, writer, maintainer or admin")
            }
            let subject = try GrantSubject(call.body.string("subject") ?? "")
            return .added(
                try await call.access.addGrant(to: subject, role, on: try call.pattern(), by: call.actor), "\(subject)")
        },
        AdminOperation(
            .post, "/grants/remove", "removeGrant", "Take back what was granted on exactly this pattern.",
            fields: grantFields, statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            .changed(
                try await call.access.removeGrant(
                    from: try GrantSubject(call.body.string("subject") ?? ""), on: try call.pattern(), by: call.actor))
        },
    ]
}

extension AdminCall {
    func tables() async throws(AccessError) -> AccessTables {
        do { return try await access.tables() } catch { throw .failed(error) }
    }

    fileprivate func pattern() throws(AccessError) -> RepositoryPattern {
        do { return try RepositoryPattern(body.string("pattern") ?? "") } catch { throw .invalid(error.message) }
    }
}
