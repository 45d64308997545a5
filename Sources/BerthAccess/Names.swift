package import BerthModel

/// The name of a user or a group: `ann`, `ann@example.org`. Compared as bytes; never a robot's, which has a `+`.
package struct AccountName: Hashable, Sendable, CustomStringConvertible {
    package let text: String
    package var description: String { text }

    /// Names that mean something else.
    private static let reserved = ["anonymous", "everyone", "oidc"]

    /// Names under which the registry's own doings are put down. Nobody gets one; who has got one earlier keeps it.
    private static let ours = ["operator", "htpasswd"]

    /// The same for a new account.
    package init(new text: some StringProtocol) throws(AccessError) {
        try self.init(text)
        guard !Self.ours.contains(text.lowercased()) else { throw .invalid("the name '\(text)' is taken") }
    }

    package init(_ text: some StringProtocol) throws(AccessError) {
        let bytes = text.utf8
        let isPlain = bytes.allSatisfy { $0.isLetter || $0.isDigit || "._@-".utf8.contains($0) }
        guard (1...64).contains(bytes.count), isPlain, bytes.first.map({ $0.isLetter || $0.isDigit }) == true else {
            throw .invalid("a name has 1 to 64 letters, digits and . _ @ -, and starts with a letter or digit")
        }
        guard !Self.reserved.contains(text.lowercased()) else { throw .invalid("the name '\(text)' is taken") }
        self.text = String(text)
    }
}

/// The name of a robot, as in `team/apps+ci`: the namespace it belongs to, and its own name there.
package struct RobotName: Hashable, Sendable, CustomStringConvertible {
    package let text: String
    package let namespace: RepositoryName
    package var description: String { text }

    package init(_ text: some StringProtocol) throws(AccessError) {
        let text = String(text)
        let halves = text.utf8.split(separator: UInt8(ascii: "+"), omittingEmptySubsequences: false)
        guard halves.count == 2, let namespace = try? RepositoryName(String(Substring(halves[0]))),
            (1...64).contains(halves[1].count), halves[1].first != UInt8(ascii: "-"),
            halves[1].allSatisfy({ $0.isLowerLetter || $0.isDigit || "._-".utf8.contains($0) })
        else {
            throw .invalid("a robot is named <namespace>+<name>, as in team+ci: lower-case letters, digits and . _ -")
        }
        self.text = text
        self.namespace = namespace
    }

    /// Whether `repository` lies in the robot's namespace.
    func reaches(_ repository: RepositoryName) -> Bool {
        let (name, space) = (repository.text.utf8, namespace.text.utf8)
        guard name.starts(with: space) else { return false }
        return name.count == space.count || name.dropFirst(space.count).first == UInt8(ascii: "/")
    }
}
