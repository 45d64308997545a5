/// Names of tags, as in `v*`: `*` stands for any characters and for none. A pattern always means the whole tag.
package struct TagPattern: Hashable, Sendable, CustomStringConvertible {
    package let text: String
    private let bytes: [UInt8]

    package var description: String { text }

    /// Throws for text that no tag could match.
    package init(_ text: some StringProtocol) throws(TagPatternError) {
        let text = String(text)
        let bytes = Array(text.utf8)
        guard bytes.count <= Tag.longest else { throw .noTag(quoted(text)) }
        let wildcards = bytes.count { $0 == UInt8(ascii: "*") }
        guard wildcards <= Self.mostWildcards else { throw .tooManyWildcards(wildcards) }
        // With a letter for each wildcard it has to be a tag.
        let sample = bytes.map { $0 == UInt8(ascii: "*") ? UInt8(ascii: "a") : $0 }
        do { _ = try Tag(String(decoding: sample, as: UTF8.self)) } catch { throw .noTag(quoted(text)) }
        (self.text, self.bytes) = (text, bytes)
    }

    private static let mostWildcards = 8

    package func matches(_ tag: Tag) -> Bool { Wildcards.fit(bytes, tag.text.utf8) }
}

package enum TagPatternError: Error, Hashable {
    case noTag(String)
    case tooManyWildcards(Int)

    /// For a person, without a full stop.
    package var message: String {
        switch self {
        case .noTag(let text): "no tag can match \(text); write as in v*, release-*, *"
        case .tooManyWildcards(let count): "a pattern has at most 8 times a *, not \(count)"
        }
    }
}
