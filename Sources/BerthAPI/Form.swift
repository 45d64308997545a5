import BerthModel
import HTTPTypes

/// Fields of `application/x-www-form-urlencoded`, in a query or a body: here, unlike in the rest of the API, `+` is a
/// space. (URL standard, section 5.1.)
struct Form: Sendable {
    private let fields: [(key: String, value: String)]

    /// Keys that may stand once; `scope` may be repeated, and unknown keys are nobody's business.
    private static let single = [
        "service", "account", "client_id", "offline_token", "access_type", "grant_type", "username", "password",
        "refresh_token", "subject_token", "subject_token_type", "requested_token_type",
    ]

    init(_ raw: some Collection<UInt8>) throws(Refusal) {
        var fields: [(key: String, value: String)] = []
        for part in raw.split(separator: UInt8(ascii: "&")) {
            let spaced = part.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
            let halves = spaced.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let key = PercentEncoding.decode(halves[0]),
                let value = halves.count == 2 ? PercentEncoding.decode(halves[1]) : ""
            else { throw Refusal(.badRequest, .unsupported, "The form holds an escape that is none.") }
            fields.append((key, value))
        }
        self.fields = fields
        for key in Self.single where values(key).count > 1 { throw .parameter(key, "may stand only once") }
    }

    func values(_ key: String) -> [String] { fields.compactMap { hasSameBytes($0.key, key) ? $0.value : nil } }
    subscript(key: String) -> String? { values(key).first }
}
