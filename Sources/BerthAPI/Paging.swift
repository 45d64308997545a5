import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes

/// `n` and `last` of a list. Distribution specification, "Listing Tags".
struct Paging {
    /// Items of one page: what the client asked for, clamped; without `n` as many as one page may hold.
    let limit: Int
    let last: String?
    /// The client's own parameters, which the next page repeats.
    private let repeated: [(key: String, value: String)]

    init(_ call: Call, longest: Int = Registry.longestPage, repeating keys: [String] = []) throws(Refusal) {
        let n = try call.query.value("n")
        let limit = try Self.limit(n, longest)
        self.limit = limit
        last = try call.query.value("last")
        if let last, last.utf8.contains(0) { throw .parameter("last", "may not hold a NUL") }
        var repeated = n.map { _ in [(key: "n", value: String(limit))] } ?? []
        for key in keys + ["ns"] { repeated += call.query.values(key).map { (key: key, value: $0) } }
        self.repeated = repeated
    }

    /// Whether a page may hold so much that writing it would hold up an event loop.
    static func isLong(_ call: Call) -> Bool {
        guard let n = try? call.query.value("n"), let limit = try? limit(n, .max) else { return true }
        return limit > 250
    }

    /// The value of `Link` that leads to what follows `item`. Relative, so that no proxy can get it wrong.
    func link(_ path: String, after item: String) -> String {
        var parameters = repeated
        parameters.append((key: "last", value: item))
        let query = parameters.map { "\($0.key)=\(PercentEncoding.encode($0.value))" }.joined(separator: "&")
        return "<\(path)?\(query)>; rel=\"next\""
    }

    private static func limit(_ n: String?, _ longest: Int) throws(Refusal) -> Int {
        guard let n else { return longest }
        guard let number = Int64(decimal: n.utf8) else { throw .parameter("n", "has to be a number, 0 or more") }
        return Int(min(number, Int64(longest)))
    }
}
