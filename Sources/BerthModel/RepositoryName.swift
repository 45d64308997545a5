/// The name of a repository, as in `library/nginx`: ASCII path components between slashes, at most 255 characters.
///
/// Grammar: distribution specification, "Pulling manifests".
package struct RepositoryName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package static let longest = 255

    package let text: String
    package var description: String { text }

    package init(_ text: String) throws(RepositoryNameError) {
        let bytes = text.utf8.span
        let count = bytes.count
        guard count > 0 else { throw .empty }
        guard count <= Self.longest else { throw .tooLong(count) }
        var component = Component()
        for offset in bytes.indices {
            let byte = bytes[offset]
            if byte == UInt8(ascii: "/") {
                guard component.isWhole else { throw .badCharacter(offset: offset) }
                component = Component()
            } else if !component.accept(byte) {
                throw .badCharacter(offset: offset)
            }
        }
        guard component.isWhole else { throw .badCharacter(offset: count - 1) }
        self.text = text
    }

    package static func < (a: RepositoryName, b: RepositoryName) -> Bool { precedesInBytes(a.text, b.text) }
}

package enum RepositoryNameError: Error, Hashable {
    case empty
    /// Length in bytes.
    case tooLong(Int)
    /// A byte that the grammar does not allow where it stands.
    case badCharacter(offset: Int)

    /// For a person, without a full stop.
    package var message: String {
        switch self {
        case .empty: "a repository name is not empty"
        case .tooLong(let count): "a repository name has at most \(RepositoryName.longest) characters, not \(count)"
        case .badCharacter(let offset):
            "a repository name has lower-case letters, digits and single separators . _ __ - between them, in parts "
                + "divided by /; the character at position \(offset) does not fit"
        }
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, a byte at a time.
private struct Component {
    private enum Place { case start, word, dot, underscore, twoUnderscores, dashes }
    private var place = Place.start

    /// A component ends in a letter or digit.
    var isWhole: Bool { place == .word }

    mutating func accept(_ byte: UInt8) -> Bool {
        if byte.isLowerLetter || byte.isDigit {
            place = .word
            return true
        }
        switch (byte, place) {
        case (UInt8(ascii: "."), .word): place = .dot
        case (UInt8(ascii: "_"), .word): place = .underscore
        case (UInt8(ascii: "_"), .underscore): place = .twoUnderscores
        case (UInt8(ascii: "-"), .word), (UInt8(ascii: "-"), .dashes): place = .dashes
        default: return false
        }
        return true
    }
}
