import BerthAccess
import BerthCatalog
import BerthModel
import HTTPTypes

/// One operation of the API: its place, what it takes, and what it does. The table of these is the API; the OpenAPI
/// document is written from it.
struct AdminOperation: Sendable {
    let method: HTTPRequest.Method
    /// As OpenAPI writes it: `/api/v1/users/{name}`.
    let path: String
    let id: String
    let summary: String
    let fields: [AdminField]
    /// Statuses of success and refusal that are its own.
    let statuses: [Int]
    let run: @Sendable (AdminCall) async throws(AccessError) -> AdminAnswer

    init(
        _ method: HTTPRequest.Method, _ path: String, _ id: String, _ summary: String, fields: [AdminField] = [],
        statuses: [Int] = [200],
        _ run: @escaping @Sendable (AdminCall) async throws(AccessError) -> AdminAnswer
    ) {
        (self.method, self.path, self.id, self.summary) = (method, "/api/v1" + path, id, summary)
        (self.fields, self.run) = (fields, run)
        // What takes fields may be sent others.
        self.statuses = fields.isEmpty || statuses.contains(400) ? statuses : (statuses + [400]).sorted()
    }

    static let all: [AdminOperation] =
        about + users + groups + robots + tokens + certificates + grants + trust + keys + collector + tags
        + repositories + usage + snapshots + purges

    /// The operations at a path, with what stands in it for the parameters; nil where there is none.
    static func find(_ path: String) -> (operations: [AdminOperation], parameters: [String])? {
        let asked = path.split(separator: "/", omittingEmptySubsequences: false)
        var found: [AdminOperation] = []
        var parameters: [String] = []
        for operation in all {
            let own = operation.path.split(separator: "/", omittingEmptySubsequences: false)
            guard own.count == asked.count, zip(own, asked).allSatisfy({ $0 == $1 || $0.first == "{" && !$1.isEmpty })
            else { continue }
            found.append(operation)
            parameters = zip(own, asked).compactMap { $0.first == "{" ? $1.removingEscapes : nil }
        }
        return found.isEmpty ? nil : (found, parameters)
    }

    private static let about: [AdminOperation] = [
        AdminOperation(.get, "/openapi.json", "openapi", "This document.") { call in
            AdminAnswer(.ok) { $0.raw(OpenAPI.document(version: call.version)) }
        },
        AdminOperation(
            .get, "/audit", "listAudit", "Who did what, the newest first.",
            fields: [
                AdminField("limit", .integer, "At most so many entries; 100 without it."),
                AdminField("before", .integer, "Only entries older than the one with this id."),
            ]
        ) { call throws(AccessError) in
            let entries: [(id: Int64, entry: AuditEntry)]
            let limit = Int(clamping: call.body.integer("limit") ?? 100)
            do throws(CatalogError) {
                entries = try await call.access.auditEntries(before: call.body.integer("before"), limit: limit)
            } catch { throw .failed(error) }
            return .list("entries", entries) { $0.write($1.entry, id: $1.id) }
        },
    ]
}

extension Substring {
    /// With percent escapes replaced once; as it is where one is none.
    var removingEscapes: String {
        var bytes: [UInt8] = []
        var rest = utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next(), let low = rest.next(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
            else { return String(self) }
            bytes.append(value)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
