/// What one connection does, request by request. It writes into buffers of its connection and keeps none of its own, so
/// that a request costs no allocation.
protocol Client: AnyObject {
    /// Writes the next request.
    func next(_ connection: Connection)
    /// Takes note of a whole, expected answer. Returns whether the operation ends with it.
    func answered(_ connection: Connection) -> Bool
    /// The connection broke or the answer was wrong: the next request begins a new operation.
    func restart()
    /// What the operation was; operations of each kind have their own histogram. Below `Worker.kinds`.
    var kind: Int { get }
}

extension Client {
    func restart() {}
    var kind: Int { 0 }
}

/// What an answer must be.
struct Expectation {
    /// What is done with a body.
    enum Body {
        /// It is thrown away.
        case ignored
        /// It is what stands at an offset of a content.
        case content(Content, from: Int)
        /// It is these bytes, which outlive the request.
        case bytes(UnsafePointer<UInt8>, Int)
        /// It is kept for the client to read, in `Connection.kept`.
        case kept
    }

    var status = 200
    /// `Content-Length`, or the bytes of a chunked body; -1 if any will do.
    var length = -1
    /// The answer of a HEAD has no body, whatever its length says.
    var isHead = false
    var body = Body.ignored
}
