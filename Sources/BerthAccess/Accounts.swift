import BerthDigest
package import BerthModel

// What the tables hold, as values. All times are microseconds since 1970.

package struct User: Sendable {
    package let id: Int64
    package let name: AccountName
    /// As crypt(5) writes it; nil: no password opens this account.
    let password: String?
    /// Another one after each change of the password and each disabling: what was issued under an earlier one has ended.
    let version: Int64
    package let isAdmin: Bool
    package let isDisabled: Bool
    package let createdAt: Int64
    package let lastUsedAt: Int64?
    /// Whether an htpasswd file holds, or held when there last was one, the password; nil for a user who was made otherwise.
    package let file: FileState?

    package enum FileState: Sendable {
        case present
        /// In the file no more, and disabled for that.
        case absent
    }
    package var hasPassword: Bool { password != nil }
    var principal: Principal { .user(name.text) }
}

package struct Group: Sendable {
    package let id: Int64
    package let name: AccountName
    package let createdAt: Int64
    /// Ids of users, rising.
    package let members: [Int64]
    /// Whether its members have nothing by it for now.
    package let isDisabled: Bool
}

package struct Robot: Sendable {
    package let id: Int64
    package let name: RobotName
    /// Another one after each disabling.
    let version: Int64
    package let isDisabled: Bool
    package let createdAt: Int64
    var principal: Principal { .robot(name.text) }
}

/// A personal token or a robot's secret, as it is kept: not the secret itself.
package struct StoredSecret: Sendable {
    package let id: Int64
    /// The public part, by which it is found and named.
    package let prefix: String
    let hash: Hash256
    package let owner: SecretOwner
    package let label: String
    /// Nil: all that the owner may do.
    package let scopes: [CredentialScope]?
    package let createdAt: Int64
    /// Nil: never.
    package let expiresAt: Int64?
    package let lastUsedAt: Int64?
    /// Whether it opens nothing for now, and neither does what it has brought.
    package let isDisabled: Bool

    func isLive(at now: Int64) -> Bool { !isDisabled && (expiresAt.map { now < $0 } ?? true) }
}

package enum SecretOwner: Hashable, Sendable {
    case user(id: Int64)
    case robot(id: Int64)
}

/// What a grant allows. Each allows all that those before it do.
package enum Role: Int64, Sendable, CaseIterable {
    case reader, writer, maintainer, admin

    package init?(_ word: String) {
        guard let role = Role.allCases.first(where: { hasSameBytes($0.word, word) }) else { return nil }
        self = role
    }

    package var word: String {
        switch self {
        case .reader: "reader"
        case .writer: "writer"
        case .maintainer: "maintainer"
        case .admin: "admin"
        }
    }

    package var actions: ActionSet {
        switch self {
        case .reader: .pull
        case .writer: [.pull, .push]
        case .maintainer: [.pull, .push, .delete, .manage]
        case .admin: .all
        }
    }
}

/// Whom a grant is for, by name.
package enum GrantSubject: Hashable, Sendable, CustomStringConvertible {
    case everyone
    case user(AccountName)
    case group(AccountName)
    case robot(RobotName)
    /// The jobs that a trust rule lets in.
    case trust(AccountName)

    /// Reads `everyone`, `user:ann`, `group:team`, `robot:team+ci` or `trust:github`.
    package init(_ text: String) throws(AccessError) {
        if hasSameBytes(text, "everyone") {
            self = .everyone
            return
        }
        let halves = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        let name = halves.count == 2 ? String(Substring(halves[1])) : ""
        switch String(Substring(halves[0])) {
        case "user" where halves.count == 2: self = .user(try AccountName(name))
        case "group" where halves.count == 2: self = .group(try AccountName(name))
        case "robot" where halves.count == 2: self = .robot(try RobotName(name))
        case "trust" where halves.count == 2: self = .trust(try AccountName(name))
        default: throw .invalid("a grant is for everyone, user:NAME, group:NAME, robot:NAMESPACE+NAME or trust:NAME")
        }
    }

    package var description: String {
        switch self {
        case .everyone: "everyone"
        case .user(let name): "user:\(name)"
        case .group(let name): "group:\(name)"
        case .robot(let name): "robot:\(name)"
        case .trust(let name): "trust:\(name)"
        }
    }

    var kind: Int64 {
        switch self {
        case .everyone: 0
        case .user: 1
        case .group: 2
        case .robot: 3
        case .trust: 4
        }
    }
}

package struct Grant: Sendable {
    package let id: Int64
    package let subject: GrantSubject
    package let pattern: RepositoryPattern
    package let role: Role
    package let createdAt: Int64
    package let createdBy: String
    /// Whether it gives nothing for now.
    package let isDisabled: Bool
}
