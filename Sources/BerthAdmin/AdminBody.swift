import BerthModel
import HTTPTypes

/// A field of an operation's body or query.
struct AdminField: Sendable {
    enum Kind: String, Sendable {
        case string, boolean, integer, strings
    }
    let name: String
    let kind: Kind
    let isRequired: Bool
    let doc: String

    init(_ name: String, _ kind: Kind, required: Bool = false, _ doc: String) {
        (self.name, self.kind, isRequired, self.doc) = (name, kind, required, doc)
    }
}

/// The fields that were sent, each of its type. An unknown field is an error: a mistyped one must not be lost.
struct AdminBody: Sendable {
    private let values: [String: JSONValue]

    init(_ object: JSONObject, _ fields: [AdminField]) throws(AdminRefusal) {
        var values: [String: JSONValue] = [:]
        for member in object.members {
            guard let field = fields.first(where: { hasSameBytes($0.name, member.key) }) else {
                throw AdminRefusal(.badRequest, "there is no field '\(member.key)' here")
            }
            if member.value == .null { continue }
            guard field.kind.fits(member.value) else {
                throw AdminRefusal(.badRequest, "the field '\(field.name)' has another type: \(field.doc)")
            }
            values[field.name] = member.value
        }
        for field in fields where field.isRequired && values[field.name] == nil {
            throw AdminRefusal(.badRequest, "the field '\(field.name)' is missing: \(field.doc)")
        }
        self.values = values
    }

    /// Fields in a query are texts and numbers.
    init(query: String?, _ fields: [AdminField]) throws(AdminRefusal) {
        var members: [JSONObject.Member] = []
        for part in (query ?? "").split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map { $0.removingEscapes }
            let text = halves.count == 2 ? halves[1] : ""
            let isNumber = fields.contains { $0.name == halves[0] && $0.kind == .integer }
            guard let value = isNumber ? Int64(text).map({ JSONValue.integer($0) }) : .string(text) else {
                throw AdminRefusal(.badRequest, "the parameter '\(halves[0])' is a number")
            }
            members.append(JSONObject.Member(key: halves[0], value: value))
        }
        try self.init(JSONObject(members: members), fields)
    }

    func string(_ name: String) -> String? {
        if case .string(let text)? = values[name] { text } else { nil }
    }
    func bool(_ name: String) -> Bool? {
        if case .bool(let value)? = values[name] { value } else { nil }
    }
    func integer(_ name: String) -> Int64? {
        if case .integer(let value)? = values[name] { value } else { nil }
    }
    func strings(_ name: String) -> [String]? {
        guard case .array(let items)? = values[name] else { return nil }
        return items.compactMap { if case .string(let text) = $0 { text } else { nil } }
    }
}

extension AdminField.Kind {
    fileprivate func fits(_ value: JSONValue) -> Bool {
        switch (self, value) {
        case (.string, .string), (.boolean, .bool), (.integer, .integer): true
        case (.strings, .array(let items)): items.allSatisfy { $0.kind == .string }
        default: false
        }
    }
}
