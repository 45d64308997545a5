package import BerthHTTP
package import BerthModel
package import HTTPTypes
import NIOCore

/// An answer that says no: status, code, a sentence for people, and the values it is about.
///
/// Body as in the distribution specification, "Error Codes"; which status goes with which code is one table per layer.
package struct Refusal: Error, Sendable {
    package var status: HTTPResponse.Status
    package var code: OCIErrorCode
    /// What went wrong and what to do about it: clients print it.
    package var message: String
    package var detail: [(key: String, value: DetailValue)]
    package var headers: HeaderFields = [:]
    /// Whether the connection can go on after it.
    package var closesConnection = false
    /// What the log says beside, and the client does not see.
    package var cause: String?

    package init(
        _ status: HTTPResponse.Status, _ code: OCIErrorCode, _ message: String,
        detail: [(key: String, value: DetailValue)] = []
    ) {
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
    }

    package enum DetailValue: Sendable {
        case text(String)
        case number(Int64)
        case list([String])
    }

    /// The same refusal with one more header.
    package func with(_ name: HTTPField.Name, _ value: String) -> Refusal {
        var refusal = self
        refusal.headers[name] = value
        return refusal
    }

    /// The answer itself; `requestID` goes into the detail, so that a client's user can quote it.
    package func response(requestID: String) -> Response {
        var json = JSONWriter()
        json.beginObject()
        json.key("errors")
        json.beginArray()
        json.beginObject()
        json.key("code")
        json.string(code.rawValue)
        json.key("message")
        json.string(message)
        json.key("detail")
        json.beginObject()
        for (key, value) in detail {
            json.key(key)
            value.write(to: &json)
        }
        json.key("requestId")
        json.string(requestID)
        json.endObject()
        json.endObject()
        json.endArray()
        json.endObject()
        var response = Response(status: status, headers: headers, body: .bytes(ByteBuffer(bytes: json.bytes)))
        response.headers[.contentType] = "application/json"
        response.closesConnection = closesConnection
        return response
    }
}

extension Refusal.DetailValue {
    fileprivate func write(to json: inout JSONWriter) {
        switch self {
        case .text(let text): json.string(text)
        case .number(let number): json.int(number)
        case .list(let items):
            json.beginArray()
            for item in items { json.string(item) }
            json.endArray()
        }
    }
}
