/// What people say a repository is, in one line; empty where nobody has said anything.
package struct RepositoryDescription: Hashable, Sendable, CustomStringConvertible {
    /// In bytes.
    package static let longest = 1_000
    package static let none = RepositoryDescription(unchecked: "")

    package let text: String
    package var description: String { text }

    private init(unchecked text: String) { self.text = text }

    package init(_ text: String) throws(RepositoryDescriptionError) {
        let count = text.utf8.count
        guard count <= Self.longest else { throw .tooLong(count) }
        // Control characters of ASCII and of Latin-1, and the separators of lines and paragraphs.
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
            guard !isControl, scalar.value != 0x2028, scalar.value != 0x2029 else { throw .notOneLine }
        }
        self.text = text
    }
}

package enum RepositoryDescriptionError: Error, Hashable {
    /// Length in bytes.
    case tooLong(Int)
    /// A line break or another control character.
    case notOneLine

    /// For a person, without a full stop.
    package var message: String {
        switch self {
        case .tooLong(let count):
            "a description has at most \(RepositoryDescription.longest) bytes, not \(count)"
        case .notOneLine: "a description is one line, without control characters"
        }
    }
}
