import ArgumentParser
import BerthConfig
import BerthModel
import BerthServer
import Foundation

/// What all commands that administer share: where the registry is, and for whom the output is.
struct AdminOptions: ParsableArguments {
    @OptionGroup var configuration: ConfigurationOptions

    @Flag(help: "For programs.")
    var json = false

    /// Sends one request to the registry; its refusal ends the command with status 1 and says why.
    func send(
        _ method: String, _ path: String, _ fields: [String: Any]? = nil, quietly: Bool = false,
        _ terms: AdminDoor.Terms = AdminDoor.Terms()
    ) async throws -> AdminReply {
        let loaded = try configuration.load()
        let body = try fields.map { try Array(JSONSerialization.data(withJSONObject: $0, options: [.sortedKeys])) }
        let answer = try await AdminDoor.with(loaded.configuration, terms) { door in
            try await door.send(method, "/api/v1" + path, body: body)
        }
        let reply = AdminReply(status: answer.status, bytes: answer.body)
        guard answer.status < 300 else {
            if !quietly { Output.complaint("\(reply.fields["error"] as? String ?? "status \(answer.status)").") }
            throw ExitCode.failure
        }
        return reply
    }

    /// Carries something out, and says in words what became of it; a second time it finds nothing to do.
    func change(
        _ method: String, _ path: String, _ fields: [String: Any]? = nil, done: String, otherwise: String,
        _ terms: AdminDoor.Terms = AdminDoor.Terms()
    ) async throws {
        let reply = try await send(method, path, fields, terms)
        guard !json else { return Output.result(reply.text) }
        Output.result(reply.fields["changed"] as? Bool == true ? done : otherwise)
    }

    /// Adds something, and says what became of it. Adding enables nothing: where it is disabled, that is told, with what
    /// enables it.
    @discardableResult
    func add(
        _ path: String, _ fields: [String: Any], done: String, otherwise: String, enabling command: String
    ) async throws -> AdminReply {
        let reply = try await send("POST", path, fields)
        if json {
            Output.result(reply.text)
        } else {
            Output.result(reply.fields["changed"] as? Bool == true ? done : otherwise)
            reply.tellDisabled(enabling: command)
        }
        return reply
    }

    /// Disables what is at this path, and says so of `what`, which begins a sentence.
    func disable(_ what: String, at path: String) async throws {
        try await change(
            "PATCH", path, ["disabled": true], done: "\(what) is disabled.", otherwise: "\(what) is disabled already.")
    }

    /// Enables again what was disabled.
    func enable(_ what: String, at path: String) async throws {
        try await change(
            "PATCH", path, ["disabled": false], done: "\(what) is enabled.", otherwise: "\(what) is enabled already.")
    }

    /// Lists things as a table, or as they came.
    func list(
        _ path: String, _ key: String, _ columns: [(title: String, field: String)],
        _ terms: AdminDoor.Terms = AdminDoor.Terms()
    ) async throws {
        let reply = try await send("GET", path, nil, terms)
        guard !json else { return Output.result(reply.text) }
        show(reply.fields[key] as? [[String: Any]] ?? [], columns)
    }

    /// The same of a list that comes in pages, all of them.
    func listAll(_ path: String, _ key: String, _ columns: [(title: String, field: String)]) async throws {
        var rows: [[String: Any]] = []
        let query = path + (path.contains("?") ? "&" : "?") + "limit=\(Self.largestPage)"
        var place = ""
        while true {
            let reply = try await send("GET", query + place, nil, .registry)
            rows += reply.fields[key] as? [[String: Any]] ?? []
            guard let next = reply.fields["next"] as? String else { break }
            place = "&after=\(escaped(next))"
        }
        json ? Output.result(AdminReply.text(of: [key: rows])) : show(rows, columns)
    }

    /// The `count` newest of a list that begins with the newest, whose pages go on before the `id` of the last one.
    func list(
        _ path: String, _ key: String, newest count: Int, _ columns: [(title: String, field: String)]
    ) async throws {
        var rows: [[String: Any]] = []
        var place = ""
        while true {
            let limit = min(Self.largestPage, max(1, count - rows.count))
            let reply = try await send("GET", "\(path)?limit=\(limit)\(place)", nil, .registry)
            let page = reply.fields[key] as? [[String: Any]] ?? []
            rows += page
            guard page.count == limit, rows.count < count, let last = page.last?["id"] else { break }
            place = "&before=\(last)"
        }
        json ? Output.result(AdminReply.text(of: [key: rows])) : show(rows, columns)
    }

    /// No page of the administration API is longer.
    private static let largestPage = 1_000

    private func show(_ rows: [[String: Any]], _ columns: [(title: String, field: String)]) {
        Output.result(Table(columns.map(\.title), rows.map { row in columns.map { Table.text(row[$0.field]) } }).text)
    }

    /// Shows one thing, a line a field.
    func show(_ path: String) async throws {
        let reply = try await send("GET", path)
        guard !json else { return Output.result(reply.text) }
        let rows = reply.fields.sorted { $0.key < $1.key }.map { [$0.key, Table.text($0.value)] }
        Output.result(Table(nil, rows).text)
    }
}

extension AdminDoor.Terms {
    /// For commands that look at content: a mistyped root is told, and not made.
    static var registry: AdminDoor.Terms {
        var terms = AdminDoor.Terms()
        terms.needsRegistry = true
        return terms
    }
}

/// An answer of the administration API.
struct AdminReply {
    let status: Int
    let fields: [String: Any]
    let text: String

    init(status: Int, bytes: [UInt8]) {
        self.status = status
        text = String(decoding: bytes, as: UTF8.self)
        fields = (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any] ?? [:]
    }
}

extension AdminReply {
    /// Says of something that was added where it is disabled, and what enables it.
    func tellDisabled(enabling command: String) {
        guard fields["disabled"] as? Bool == true else { return }
        Output.result("That is disabled; let it count with: berth \(command)")
    }

    /// The answer with one more field, that only this command knows.
    func adding(_ key: String, _ value: String) -> String {
        var fields = fields
        fields[key] = value
        return Self.text(of: fields)
    }

    static func text(of fields: [String: Any]) -> String {
        let data = try? JSONSerialization.data(withJSONObject: fields, options: [.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data ?? Data(), as: UTF8.self)
    }
}

/// Columns as wide as what stands in them. No cell breaks out of its line.
struct Table {
    let text: String

    init(_ titles: [String]?, _ rows: [[String]]) {
        let lines = (titles.map { [$0] } ?? []) + rows
        let widths = (0..<(lines.first?.count ?? 0)).map { column in lines.map { $0[column].count }.max() ?? 0 }
        text = lines.map { line in
            let cells = zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    static func text(_ value: Any?) -> String {
        switch value {
        case let text as String: text.isEmpty ? "-" : text.showingSteering()
        case let number as NSNumber where CFBoolean.isOne(number): number.boolValue ? "yes" : "no"
        case let number as NSNumber: "\(number)"
        case let items as [String]: items.isEmpty ? "-" : items.joined(separator: " ").showingSteering()
        default: "-"
        }
    }
}

private enum CFBoolean {
    /// JSONSerialization gives booleans as numbers of one bit.
    static func isOne(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }
}

/// A name as it stands in a path.
func escaped(_ name: String) -> String {
    let plain = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
    return name.addingPercentEncoding(withAllowedCharacters: plain) ?? name
}
