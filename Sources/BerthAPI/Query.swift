import BerthModel
import HTTPTypes

/// The query of a target, decoded once. `+` stays `+`: digests and tags are not forms.
package struct Query: Sendable {
    private let pairs: [(key: String, value: String)]

    /// Throws for an escape that is none, and for text that is not UTF-8.
    package init(_ raw: String?) throws(Refusal) {
        guard let raw, !raw.isEmpty else {
            pairs = []
            return
        }
        var pairs: [(key: String, value: String)] = []
        var rest: Substring? = raw[...]
        while let text = rest {
            let (part, others) = text.cut(at: UInt8(ascii: "&"))
            rest = others
            if part.isEmpty { continue }
            let (name, content) = part.cut(at: UInt8(ascii: "="))
            guard let key = PercentEncoding.decode(name), let value = PercentEncoding.decode(content ?? "")
            else { throw Refusal(.badRequest, .unsupported, "The query holds an escape that is none.") }
            pairs.append((key, value))
        }
        self.pairs = pairs
        for (index, pair) in pairs.enumerated() where index > 0 && Self.single.contains(pair.key) {
            guard !pairs[..<index].contains(where: { hasSameBytes($0.key, pair.key) })
            else { throw .parameter(pair.key, "may stand only once") }
        }
    }

    /// The keys of this API that may stand once; unknown ones are nobody's business.
    private static let single: Set<String> = [
        "n", "last", "ns", "digest", "digest-algorithm", "mount", "from", "q", "page",
    ]

    /// The value of a key that may stand once; nil if it does not stand at all.
    package func value(_ key: String) throws(Refusal) -> String? {
        let found = values(key)
        guard found.count <= 1 else { throw .parameter(key, "may stand only once") }
        return found.first
    }

    /// All values of a key that may be repeated, in order.
    package func values(_ key: String) -> [String] {
        pairs.compactMap { hasSameBytes($0.key, key) ? $0.value : nil }
    }
}
