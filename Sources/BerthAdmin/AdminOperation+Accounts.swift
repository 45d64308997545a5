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
            ], statuses: [200, 201, 400, 409, 429]
        ) { call throws(AccessError) in
            let name = try AccountName(call.body.string("name") ?? "")
            let isAdmin = call.body.bool("admin") ?? false
            let addition =
                if let hash = call.body.string("hash") {
                    try await call.access.addUser(name, hash: hash, isAdmin: isAdmin, by: call.actor)
                } else {
                    try await call.access.addUser(
                        name, password: call.body.string("password"), isAdmin: isAdmin, by: call.actor)
                }
            return try await call.added(addition, name.text) { $0.users.contains { $0.name == name && $0.isDisabled } }
        },
        AdminOperation(.get, "/users/{name}", "getUser", "One user.", statuses: [200, 400, 404]) {
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
            ], statuses: [200, 400, 404, 409, 429]
        ) { call throws(AccessError) in
            var change = Access.UserChange()
            change.password = call.body.string("password")
            change.isAdmin = call.body.bool("admin")
            change.isDisabled = call.body.bool("disabled")
            return .changed(try await call.access.changeUser(try call.account(), change, by: call.actor))
        },
        AdminOperation(
            .delete, "/users/{name}", "removeUser", "Remove a user with tokens and grants.", statuses: [200, 400, 409]
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
            return try await call.added(try await call.access.addGroup(name, by: call.actor), name.text) {
                $0.groups.contains { $0.name == name && $0.isDisabled }
            }
        },
        AdminOperation(.get, "/groups/{name}", "getGroup", "One group.", statuses: [200, 400, 404]) {
            call throws(AccessError) in
            let name = try call.account()
            let tables = try await call.tables()
            guard let group = tables.groups.first(where: { $0.name == name }) else { throw .unknown("group \(name)") }
            return AdminAnswer(.ok) { $0.write(group, tables) }
        },
        AdminOperation(
            .patch, "/groups/{name}", "changeGroup", "Let what is granted to a group rest, or count again.",
            fields: [.disabled("Whether its members have nothing by it for now.")], statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            .changed(
                try await call.access.changeGroup(try call.account(), isDisabled: call.isDisabled, by: call.actor))
        },
        AdminOperation(
            .delete, "/groups/{name}", "removeGroup", "Remove a group with its grants.", statuses: [200, 400]
        ) { call throws(AccessError) in
            .changed(try await call.access.removeGroup(try call.account(), by: call.actor))
        },
        AdminOperation(
            .put, "/groups/{name}/members/{user}", "addMember", "Make a user a member.", statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            .changed(
                try await call.access.setMember(try call.account(1), of: try call.account(), true, by: call.actor))
        },
        AdminOperation(
            .delete, "/groups/{name}/members/{user}", "removeMember", "End a membership.", statuses: [200, 400, 404]
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
            statuses: [200, 201, 400, 409]
        ) { call throws(AccessError) in
            let name = try RobotName(call.body.string("name") ?? "")
            return try await call.added(try await call.access.addRobot(name, by: call.actor), name.text) {
                $0.robots.contains { $0.name == name && $0.isDisabled }
            }
        },
        AdminOperation(.get, "/robots/{name}", "getRobot", "One robot.", statuses: [200, 400, 404]) {
            call throws(AccessError) in
            let name = try call.robot()
            guard let robot = try await call.tables().robots.first(where: { $0.name == name }) else {
                throw .unknown("robot \(name)")
            }
            return AdminAnswer(.ok) { $0.write(robot) }
        },
        AdminOperation(
            .patch, "/robots/{name}", "changeRobot", "Close a robot's account, or open it again.",
            fields: [.disabled("Whether the account is closed for now.")], statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            .changed(
                try await call.access.changeRobot(try call.robot(), isDisabled: call.isDisabled, by: call.actor))
        },
        AdminOperation(
            .delete, "/robots/{name}", "removeRobot", "Remove a robot with secrets and grants.", statuses: [200, 400]
        ) { call throws(AccessError) in
            .changed(try await call.access.removeRobot(try call.robot(), by: call.actor))
        },
    ]
}

extension AdminField {
    /// The one field of what disables, and enables again.
    static func disabled(_ doc: String) -> AdminField { AdminField("disabled", .boolean, required: true, doc) }
}

extension AdminCall {
    var isDisabled: Bool { body.bool("disabled") ?? true }

    func tables() async throws(AccessError) -> AccessTables {
        do { return try await access.tables() } catch { throw .failed(error) }
    }

    /// What became of an addition; `isDisabled` says it of what was there before.
    func added(
        _ addition: Addition, _ name: String, isDisabled: (AccessTables) -> Bool
    ) async throws(AccessError) -> AdminAnswer {
        guard addition == .thereAlready else { return .added(addition, name, isDisabled: false) }
        return .added(addition, name, isDisabled: isDisabled(try await tables()))
    }
}
