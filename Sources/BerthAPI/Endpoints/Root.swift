import BerthHTTP
import HTTPTypes
import NIOCore

/// `GET /`: for people and load balancers that look here first.
struct Root: InstantEndpoint {
    func answer(at once: Call) -> Response { .word("Berth, an OCI registry. Its API is under /v2/.\n") }
}
