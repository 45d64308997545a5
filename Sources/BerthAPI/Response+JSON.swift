import BerthHTTP
import HTTPTypes
import NIOCore

extension Response {
    static func json(_ document: [UInt8], type: String = "application/json") -> Response {
        json(.bytes(ByteBuffer(bytes: document)), type: type)
    }

    static func json(_ document: Body, type: String = "application/json") -> Response {
        Response(
            status: .ok, headers: [.contentType: type, .cacheControl: "private, no-cache"], body: document)
    }
}
