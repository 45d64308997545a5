import BerthModel
import HTTPTypes

/// The OpenAPI 3.1 document of the administration API, written from the table of operations.
package enum OpenAPI {
    package static func document(version: String) -> [UInt8] {
        var json = JSONWriter(reservingCapacity: 16 << 10)
        json.beginObject()
        json.member("openapi", "3.1.0")
        json.key("info")
        json.beginObject()
        json.member("title", "Berth administration")
        json.member("version", version)
        json.endObject()
        json.key("paths")
        json.beginObject()
        var written: Set<String> = []
        for operation in AdminOperation.all where written.insert(operation.path).inserted {
            json.key(operation.path)
            json.beginObject()
            parameters(of: operation.path, &json)
            for other in AdminOperation.all where other.path == operation.path { write(other, &json) }
            json.endObject()
        }
        json.endObject()
        json.endObject()
        return json.bytes
    }

    private static func parameters(of path: String, _ json: inout JSONWriter) {
        json.key("parameters")
        json.beginArray()
        for part in path.split(separator: "/") where part.first == "{" {
            parameter(String(part.dropFirst().dropLast()), "path", "string", "", isRequired: true, &json)
        }
        json.endArray()
    }

    private static func parameter(
        _ name: String, _ place: String, _ type: String, _ doc: String, isRequired: Bool, _ json: inout JSONWriter
    ) {
        json.beginObject()
        json.member("name", name)
        json.member("in", place)
        json.member("required", isRequired)
        if !doc.isEmpty { json.member("description", doc) }
        json.key("schema")
        json.beginObject()
        json.member("type", type)
        json.endObject()
        json.endObject()
    }

    private static func write(_ operation: AdminOperation, _ json: inout JSONWriter) {
        json.key(operation.method.rawValue.lowercased())
        json.beginObject()
        json.member("operationId", operation.id)
        json.member("summary", operation.summary)
        if operation.method == .get, !operation.fields.isEmpty {
            json.key("parameters")
            json.beginArray()
            for field in operation.fields {
                parameter(
                    field.name, "query", field.kind.rawValue, field.doc, isRequired: field.isRequired, &json)
            }
            json.endArray()
        } else if !operation.fields.isEmpty {
            body(operation.fields, &json)
        }
        json.key("responses")
        json.beginObject()
        for status in operation.statuses {
            json.key(String(status))
            json.beginObject()
            json.member("description", HTTPResponse.Status(code: status).reasonPhrase)
            json.endObject()
        }
        json.key("default")
        json.beginObject()
        json.member("description", "Refused; `error` says why.")
        json.endObject()
        json.endObject()
        json.endObject()
    }

    private static func body(_ fields: [AdminField], _ json: inout JSONWriter) {
        json.key("requestBody")
        json.beginObject()
        json.member("required", fields.contains(where: \.isRequired))
        json.key("content")
        json.beginObject()
        json.key("application/json")
        json.beginObject()
        json.key("schema")
        json.beginObject()
        json.member("type", "object")
        json.member("additionalProperties", false)
        json.member("required", fields.filter(\.isRequired).map(\.name))
        json.key("properties")
        json.beginObject()
        for field in fields {
            json.key(field.name)
            json.beginObject()
            json.member("description", field.doc)
            json.member("type", field.kind == .strings ? "array" : field.kind.rawValue)
            if field.kind == .strings {
                json.key("items")
                json.beginObject()
                json.member("type", "string")
                json.endObject()
            }
            json.endObject()
        }
        json.endObject()
        json.endObject()
        json.endObject()
        json.endObject()
        json.endObject()
    }
}
