import BerthHTTP
import HTTPTypes
import NIOCore

/// `GET /healthz`: the process is up.
struct Health: InstantEndpoint {
    func answer(at once: Call) -> Response { .word("ok\n") }
}

/// `GET /readyz`: the registry can do its work; 503 with a word on why it can't.
struct Ready: Endpoint {
    func answer(_ call: Call) async throws(Refusal) -> Response {
        guard let trouble = await call.context.readiness.trouble() else { return .word("ready\n") }
        var response = Response.word("\(trouble)\n")
        response.status = .serviceUnavailable
        response.headers[.retryAfter] = "5"
        return response
    }
}

extension Response {
    /// A short text for people.
    static func word(_ text: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(string: text)))
    }
}
