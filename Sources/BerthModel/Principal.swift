/// Who makes a request. Recorded in every row that says who, and sealed into every upload's location.
package enum Principal: Hashable, Sendable, CustomStringConvertible {
    /// Nobody in particular; a kind of its own, never a user.
    case anonymous
    case user(String)

    /// One line without spaces, the same for the same principal for ever: it is stored and sealed.
    package var text: String {
        switch self {
        case .anonymous: "anonymous"
        case .user(let name): "user:\(name)"
        }
    }
    package var description: String { text }

    /// Reads back what `text` gave; nil for anything else.
    package init?(_ text: String) {
        if hasSameBytes(text, "anonymous") {
            self = .anonymous
        } else if text.utf8.starts(with: "user:".utf8) && text.utf8.count > 5 {
            self = .user(String(Substring(text.utf8.dropFirst(5))))  // bytes: a Character may span the colon
        } else {
            return nil
        }
    }
}

/// What a principal may want to do with a repository.
package enum Action: String, Hashable, Sendable, CaseIterable {
    case pull, push, delete, manage, admin
}
