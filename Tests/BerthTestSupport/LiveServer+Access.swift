package import BerthAccess
import BerthModel
import BerthServer
import Foundation

/// The password of every user that a test makes.
package let testPassword = "correct horse"

extension LiveServer {
    private static let actor = Actor(name: "test", address: "local")

    package var access: Access { server.access }

    package func addUser(_ name: String, isAdmin: Bool = false) async throws {
        _ = try await access.addUser(
            AccountName(name), password: testPassword, isAdmin: isAdmin, by: Self.actor)
    }

    package func disable(_ name: String, _ isDisabled: Bool = true) async throws {
        var change = Access.UserChange()
        change.isDisabled = isDisabled
        try await access.changeUser(AccountName(name), change, by: Self.actor)
    }

    package func setPassword(_ name: String, _ password: String) async throws {
        var change = Access.UserChange()
        change.password = password
        try await access.changeUser(AccountName(name), change, by: Self.actor)
    }

    package func grant(_ subject: String, _ role: Role, on pattern: String) async throws {
        _ = try await access.addGrant(
            to: GrantSubject(subject), role, on: RepositoryPattern(pattern), by: Self.actor)
    }

    package func revoke(_ subject: String, on pattern: String) async throws {
        _ = try await access.removeGrant(from: GrantSubject(subject), on: RepositoryPattern(pattern), by: Self.actor)
    }

    /// A robot with its secret.
    package func addRobot(_ name: String) async throws -> NewSecret {
        _ = try await access.addRobot(RobotName(name), by: Self.actor)
        return try await access.addSecret(
            for: .robot(RobotName(name)), label: "", scopes: nil, seconds: nil, by: Self.actor)
    }

    package func addPersonalToken(
        _ name: String, scopes: [String]? = nil, seconds: Int64? = nil
    ) async throws -> NewSecret {
        try await access.addSecret(
            for: .user(AccountName(name)), label: "", scopes: scopes?.compactMap { CredentialScope($0) },
            seconds: seconds, by: Self.actor)
    }

    package func removeSecret(_ secret: NewSecret) async throws {
        _ = try await access.removeSecret(prefix: secret.prefix, by: Self.actor)
    }

    /// Asks the token endpoint. `credentials` nil: nobody.
    package func askToken(
        _ scopes: [String], as credentials: (String, String)? = nil, _ more: String = ""
    ) async throws -> Reply {
        let query = scopes.map { "scope=\($0.replacingOccurrences(of: " ", with: "+"))" }.joined(separator: "&")
        return try await get("/auth/token?service=berth&\(query)\(more)", credentials.map { [basic($0.0, $0.1)] } ?? [])
    }

    /// A header with a bearer token for these scopes.
    package func token(_ scopes: String..., as name: String? = nil) async throws -> (String, String) {
        let reply = try await askToken(scopes, as: name.map { ($0, testPassword) })
        guard let token = try reply.json()["token"] as? String else { throw TestFailure("no token: \(reply.text)") }
        return bearer(token)
    }

    package func bearer(_ token: String) -> (String, String) { ("Authorization", "Bearer \(token)") }
}

/// A header with name and password.
package func basic(_ name: String, _ password: String = testPassword) -> (String, String) {
    ("Authorization", "Basic \(Data("\(name):\(password)".utf8).base64EncodedString())")
}
