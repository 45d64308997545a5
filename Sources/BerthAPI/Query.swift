import BerthModel
import HTTPTypes

/// The query of a target, decoded once. `+` stays `+`: digests and tags are not forms.
package struct Query: Sendable {
    private let pairs: [(key: String, value: String)]

    /// Throws for an escape that is none, and for text that is not UTF-8.
    package init(_ raw: (some StringProtocol)?) throws(Refusal) {
        guard let raw, !raw.isEmpty else {
            pairs = []
            return
        }
        var pairs: [(key: String, value: String)] = []
        for part in raw.utf8.split(separator: UInt8(ascii: "&")) {
            let halves = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let key = PercentEncoding.decode(halves[0]),
                let value = halves.count == 2 ? PercentEncoding.decode(halves[1]) : ""
            else { throw Refusal(.badRequest, .unsupported, "The query holds an escape that is none.") }
            pairs.append((key, value))
        }
        self.pairs = pairs
        for key in Self.single where values(key).count > 1 { throw .parameter(key, "may stand only once") }
    }

    /// The keys of this API that may stand once; unknown ones are nobody's business.
    private static let single = [
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
        pairs.compactMap { $0.key.utf8.elementsEqual(key.utf8) ? $0.value : nil }
    }
}
