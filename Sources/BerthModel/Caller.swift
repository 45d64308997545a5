/// Who makes a request, and how far the credentials that were shown reach: never further than their owner.
package struct Caller: Sendable {
    package let principal: Principal
    /// What a personal token or a robot's secret was made for; nil: for all that its owner may do.
    package let credential: [CredentialScope]?
    /// What a bearer token was issued for; nil where none was shown.
    package let token: TokenReach?

    package static let anonymous = Caller(.anonymous)

    package init(_ principal: Principal, credential: [CredentialScope]? = nil, token: TokenReach? = nil) {
        self.principal = principal
        self.credential = credential
        self.token = token
    }

    /// The same without the bounds of its bearer token: what the next token could be issued for.
    package var withoutToken: Caller { token == nil ? self : Caller(principal, credential: credential) }
}

/// Part of what a personal token or a robot's secret may be used for, as in `pull,push:team/**`.
package struct CredentialScope: Hashable, Sendable, CustomStringConvertible {
    package let actions: ActionSet
    package let pattern: RepositoryPattern

    package init(_ actions: ActionSet, _ pattern: RepositoryPattern) {
        (self.actions, self.pattern) = (actions, pattern)
    }

    /// Reads `actions:pattern`; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let text = String(text)
        let halves = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard halves.count == 2, let pattern = try? RepositoryPattern(String(Substring(halves[1]))) else { return nil }
        var actions: ActionSet = []
        for word in halves[0].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            guard let action = Action(rawValue: String(Substring(word))) else { return nil }
            actions.insert(ActionSet(action))
        }
        self.init(actions, pattern)
    }

    package var description: String { "\(actions.text):\(pattern)" }
}

/// What a bearer token says it may be used for: the upper bound of what it is good for.
package struct TokenReach: Sendable, Equatable {
    package let repositories: [RepositoryName: ActionSet]
    package let readsCatalog: Bool

    package init(repositories: [RepositoryName: ActionSet] = [:], readsCatalog: Bool = false) {
        self.repositories = repositories
        self.readsCatalog = readsCatalog
    }
}
