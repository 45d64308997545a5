/// A name for a manifest in one repository, as in `latest`: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
///
/// Grammar: distribution specification, "Pulling manifests".
package struct Tag: Hashable, Sendable, Comparable, CustomStringConvertible {
    package static let longest = 128

    package let text: String
    package var description: String { text }

    package init(_ text: String) throws(TagError) {
        let bytes = text.utf8.span
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= Self.longest else { throw .tooLong(bytes.count) }
        let underscore = UInt8(ascii: "_")
        let first = bytes[0]
        guard first.isLetter || first.isDigit || first == underscore else { throw .badCharacter(offset: 0) }
        for offset in bytes.indices {
            let byte = bytes[offset]
            let isAllowed =
                byte.isLetter || byte.isDigit || byte == underscore || byte == UInt8(ascii: ".")
                || byte == UInt8(ascii: "-")
            guard isAllowed else { throw .badCharacter(offset: offset) }
        }
        self.text = text
    }

    package static func < (a: Tag, b: Tag) -> Bool { precedesInBytes(a.text, b.text) }
}

package enum TagError: Error, Hashable {
    case empty
    /// Length in bytes.
    case tooLong(Int)
    /// A byte that the grammar does not allow where it stands.
    case badCharacter(offset: Int)

    /// For a person, without a full stop.
    package var message: String {
        switch self {
        case .empty: "a tag is not empty"
        case .tooLong(let count): "a tag has at most \(Tag.longest) characters, not \(count)"
        case .badCharacter(let offset):
            "a tag has letters, digits, _ . and -, and starts with neither . nor -; the character at position "
                + "\(offset) does not fit"
        }
    }
}
