import BerthModel

/// The condition headers of RFC 9110, section 13, over entity tags that are digests between quotes.
enum EntityTags: Equatable {
    case any
    /// Tags that are compared strongly; weak ones and those that are no digest match nothing.
    case these([Digest])

    /// Reads `*` or a list; nil where the header is absent.
    init?(_ header: String?) {
        guard let header else { return nil }
        let items = header.utf8.split(separator: UInt8(ascii: ",")).map { $0.trimmingSpaces() }
        if items.count == 1, items[0].elementsEqual("*".utf8) {
            self = .any
            return
        }
        self = .these(items.compactMap { Self.digest($0[...]) })
    }

    /// The tag of the content under `digest`: the digest between quotes.
    static func tag(of digest: Digest) -> String {
        let text = digest.text.utf8.span
        return String(unsafeUninitializedCapacity: text.count + 2) { bytes in
            bytes[0] = UInt8(ascii: "\"")
            for index in text.indices { bytes[index + 1] = text[index] }
            bytes[text.count + 1] = UInt8(ascii: "\"")
            return text.count + 2
        }
    }

    /// Whether a GET's `If-None-Match` says that the client has `digest` already. Compared weakly, as section 13.1.2
    /// asks: `W/"…"` of the same digest is the same content.
    static func names(_ digest: Digest, _ header: String?) -> Bool {
        guard let header else { return false }
        return header.utf8.split(separator: UInt8(ascii: ",")).contains { item in
            var item = item.trimmingSpaces()
            if item.elementsEqual("*".utf8) { return true }
            if item.starts(with: "W/".utf8) { item = item.dropFirst(2) }
            return Self.digest(item[...]) == digest
        }
    }

    private static func digest(_ item: Substring.UTF8View) -> Digest? {
        guard item.count > 2, item.first == UInt8(ascii: "\""), item.last == UInt8(ascii: "\"") else { return nil }
        return try? Digest(String(Substring(item.dropFirst().dropLast())))
    }
}
