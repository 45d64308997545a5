/// Names of repositories, as a grant gives them: `team/app`, `team/*`, `team/**`, `*/cache`, `**`.
///
/// `*` stands for any characters but slashes within one part, `**` for one or more whole parts. A pattern always means
/// the whole name.
package struct RepositoryPattern: Hashable, Sendable, CustomStringConvertible {
    package let text: String
    /// The one repository that is meant, where nothing in the pattern is a wildcard.
    package let exact: RepositoryName?
    private let parts: [[UInt8]]

    package var description: String { text }

    package static let everything = RepositoryPattern(unchecked: "**", exact: nil)

    /// Throws for text that no repository's name could match.
    package init(_ text: some StringProtocol) throws(RepositoryPatternError) {
        let text = String(text)
        guard text.utf8.count <= RepositoryName.longest else { throw .tooLong(text.utf8.count) }
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count <= Self.mostParts else { throw .tooManyParts(parts.count) }
        var wildcards = 0
        for part in parts where !part.elementsEqual("**".utf8) {
            // With a letter for each wildcard it has to be a name's part: what cannot match is a mistake.
            let sample = part.map { $0 == UInt8(ascii: "*") ? UInt8(ascii: "a") : $0 }
            do { _ = try RepositoryName(String(decoding: sample, as: UTF8.self)) } catch {
                guard !part.isEmpty else { throw .emptyPart }
                throw .badPart(String(decoding: part, as: UTF8.self))
            }
            if part.containsTwoStars { throw .badPart(String(decoding: part, as: UTF8.self)) }
            wildcards += part.count { $0 == UInt8(ascii: "*") }
        }
        guard wildcards <= Self.mostWildcards else { throw .tooManyWildcards(wildcards) }
        self.init(unchecked: text, exact: try? RepositoryName(text))
    }

    /// The one repository of that name.
    package init(_ name: RepositoryName) { self.init(unchecked: name.text, exact: name) }

    private init(unchecked text: String, exact: RepositoryName?) {
        self.text = text
        self.exact = exact
        parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Array.init)
    }

    private static let mostParts = 32
    private static let mostWildcards = 8

    package func matches(_ name: RepositoryName) -> Bool {
        if let exact { return exact == name }
        if parts.count == 1, parts[0].elementsEqual("**".utf8) { return true }
        return Self.match(parts[...], name.text.utf8.split(separator: UInt8(ascii: "/"))[...])
    }

    /// With one place to go back to, the last `**`: no name costs more than the product of both lengths.
    private static func match(
        _ parts: ArraySlice<[UInt8]>, _ name: ArraySlice<Substring.UTF8View>
    ) -> Bool {
        var (pattern, rest) = (parts, name)
        var retry: (pattern: ArraySlice<[UInt8]>, rest: ArraySlice<Substring.UTF8View>)?
        while true {
            if let part = pattern.first, let component = rest.first {
                if part.elementsEqual("**".utf8) {
                    // At least one part is taken; more of them when the rest does not fit.
                    pattern = pattern.dropFirst()
                    rest = rest.dropFirst()
                    retry = (pattern, rest)
                    continue
                }
                if Wildcards.fit(part, component) {
                    pattern = pattern.dropFirst()
                    rest = rest.dropFirst()
                    continue
                }
            } else if pattern.isEmpty, rest.isEmpty {
                return true
            }
            guard let last = retry, !last.rest.isEmpty else { return false }
            pattern = last.pattern
            rest = last.rest.dropFirst()
            retry = (pattern, rest)
        }
    }
}

package enum RepositoryPatternError: Error, Hashable {
    /// Length in bytes.
    case tooLong(Int)
    case tooManyParts(Int)
    case tooManyWildcards(Int)
    case emptyPart
    case badPart(String)

    /// For a person, without a full stop.
    package var message: String {
        switch self {
        case .tooLong(let count): "a pattern has at most \(RepositoryName.longest) characters, not \(count)"
        case .tooManyParts(let count): "a pattern has at most 32 parts, not \(count)"
        case .tooManyWildcards(let count): "a pattern has at most 8 times a *, not \(count)"
        case .emptyPart: "a pattern has no empty part between its slashes"
        case .badPart(let part): "no repository's name can match the part \(quoted(part)); write as in team/**, */cache"
        }
    }
}

extension Substring.UTF8View {
    fileprivate var containsTwoStars: Bool {
        zip(self, dropFirst()).contains { $0 == UInt8(ascii: "*") && $1 == UInt8(ascii: "*") }
    }
}
