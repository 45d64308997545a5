/// Tags that stay what they are once they are set: they can be neither moved nor deleted, with their manifest neither.
package struct TagRule: Hashable, Sendable {
    /// What people call it; refusals say it.
    package let name: RuleName
    package let repositories: RepositoryPattern
    /// Of these at least one has to fit.
    package let tags: [TagPattern]
    /// And of these none may.
    package let exceptions: [TagPattern]

    package init(
        name: RuleName, repositories: RepositoryPattern, tags: [TagPattern], exceptions: [TagPattern]
    ) throws(TagRuleError) {
        guard !tags.isEmpty else { throw .noPattern }
        guard tags.count + exceptions.count <= Self.mostPatterns else { throw .tooManyPatterns }
        (self.name, self.repositories, self.tags, self.exceptions) = (name, repositories, tags, exceptions)
    }

    private static let mostPatterns = 64

    package func covers(_ tag: Tag) -> Bool {
        tags.contains { $0.matches(tag) } && !exceptions.contains { $0.matches(tag) }
    }
}

package enum TagRuleError: Error, Hashable {
    case noPattern
    case tooManyPatterns

    /// For a person, without a full stop.
    package var message: String {
        switch self {
        case .noPattern: "a rule names at least one pattern of tags, as in v*"
        case .tooManyPatterns: "a rule has at most 64 patterns"
        }
    }
}

/// What a rule is called: lower-case letters, digits and `-`, at most 64, the first one no `-`.
package struct RuleName: Hashable, Sendable, CustomStringConvertible {
    package let text: String
    package var description: String { text }

    /// Nil for any other text.
    package init?(_ text: String) {
        let bytes = text.utf8
        guard (1...64).contains(bytes.count), bytes.first != UInt8(ascii: "-"),
            bytes.allSatisfy({ $0.isLowerLetter || $0.isDigit || $0 == UInt8(ascii: "-") })
        else { return nil }
        self.text = text
    }
}
