/// What a manifest is asked for by: its digest, or a tag that points to it.
package enum Reference: Hashable, Sendable, CustomStringConvertible {
    case tag(Tag)
    case digest(Digest)

    /// Text with a colon can only be a digest: no tag has one.
    package init(_ text: String) throws(ReferenceError) {
        if text.utf8.contains(UInt8(ascii: ":")) {
            do { self = .digest(try Digest(text)) } catch { throw .digest(error) }
        } else {
            do { self = .tag(try Tag(text)) } catch { throw .tag(error) }
        }
    }

    package var description: String {
        switch self {
        case .tag(let tag): tag.text
        case .digest(let digest): digest.text
        }
    }
}

package enum ReferenceError: Error, Hashable {
    case tag(TagError)
    case digest(DigestError)

    /// For a person, without a full stop.
    package var message: String {
        switch self {
        case .tag(let error): error.message
        case .digest(let error): error.message
        }
    }
}
