import BerthHTTP
import HTTPTypes
import NIOCore

/// `GET /v2/` and `/v2`: this is a registry. Neither is redirected to the other, for a redirect loses credentials in
/// some clients. Distribution specification, "Determining Support".
struct Version: InstantEndpoint {
    func answer(at once: Call) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(string: "{}")))
    }
}
