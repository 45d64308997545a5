import BerthAccess
import BerthModel
import HTTPTypes

extension AdminOperation {
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
            .post, "/grants", "addGrant",
            "Grant a role; another one on the same pattern is replaced, and stays disabled where it is.",
            fields: grantFields + [
                AdminField("role", .string, required: true, "reader, writer, maintainer or admin")
            ], statuses: [200, 201, 400, 404]
        ) { call throws(AccessError) in
            guard let role = Role(call.body.string("role") ?? "") else {
                throw .invalid("a role is reader, writer, maintainer or admin")
            }
            let subject = try GrantSubject(call.body.string("subject") ?? "")
            let pattern = try RepositoryPattern(read: call.body.string("pattern") ?? "")
            let addition = try await call.access.addGrant(to: subject, role, on: pattern, by: call.actor)
            let grant = try await call.tables().grant(to: subject, on: pattern)
            return .added(addition, "\(subject)", isDisabled: grant?.isDisabled ?? false)
        },
        AdminOperation(
            .get, "/grants/{subject}/{pattern}", "getGrant", "What is granted on exactly this pattern.",
            statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            let (subject, pattern) = try call.grant()
            guard let grant = try await call.tables().grant(to: subject, on: pattern) else {
                throw .unknown("grant to \(subject) on \(pattern)")
            }
            return AdminAnswer(.ok) { $0.write(grant) }
        },
        AdminOperation(
            .patch, "/grants/{subject}/{pattern}", "changeGrant",
            "Let what is granted on exactly this pattern rest, or count again.",
            fields: [.disabled("Whether it gives nothing for now.")], statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            let (subject, pattern) = try call.grant()
            return .changed(
                try await call.access.changeGrant(
                    to: subject, on: pattern, isDisabled: call.isDisabled, by: call.actor))
        },
        AdminOperation(
            .post, "/grants/remove", "removeGrant", "Take back what was granted on exactly this pattern.",
            fields: grantFields, statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            .changed(
                try await call.access.removeGrant(
                    from: try GrantSubject(call.body.string("subject") ?? ""),
                    on: try RepositoryPattern(read: call.body.string("pattern") ?? ""), by: call.actor))
        },
    ]
}

extension AdminCall {
    /// Whom and what the path names.
    fileprivate func grant() throws(AccessError) -> (subject: GrantSubject, pattern: RepositoryPattern) {
        (try GrantSubject(parameters[0]), try RepositoryPattern(read: parameters[1]))
    }
}

extension AccessTables {
    fileprivate func grant(to subject: GrantSubject, on pattern: RepositoryPattern) -> Grant? {
        grants.first { $0.subject == subject && $0.pattern == pattern }
    }
}

extension RepositoryPattern {
    fileprivate init(read text: String) throws(AccessError) {
        do { self = try RepositoryPattern(text) } catch { throw .invalid(error.message) }
    }
}
