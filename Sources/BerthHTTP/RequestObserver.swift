package import HTTPTypes

/// Told of every request once it is over, on the connection's event loop: must not block.
package protocol RequestObserver: Sendable {
    func finished(_ record: RequestRecord)
    /// +1 for a connection accepted, -1 for one that ended.
    func connections(delta: Int)
}

/// One request that is over, for the access log and the counters.
package struct RequestRecord: Sendable {
    /// nil when the head could not be read.
    package let method: HTTPRequest.Method?
    /// As sent; empty when the head could not be read.
    package let target: String
    package let labels: Response.Labels
    /// 499 when the client left before there was an answer.
    package let status: HTTPResponse.Status
    /// Bytes of the request's body that arrived, without chunk framing.
    package let bytesIn: Int64
    /// Bytes of the answer's body that were sent.
    package let bytesOut: Int64
    /// From the end of the request's head to the end of the answer.
    package let duration: Duration
    package let id: String
    /// The client's address, see `Peer.address`.
    package let client: String
    package let userAgent: String?
    /// False when the connection broke off before the answer was sent.
    package let isComplete: Bool

    /// The status recorded, and never sent, for a client that left before its answer.
    package static let clientLeft = HTTPResponse.Status(
        code: 499, reasonPhrase: "Client Closed Request")
}
