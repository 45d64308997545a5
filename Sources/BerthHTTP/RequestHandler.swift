/// What the server serves. One instance, called from all event loops.
package protocol RequestHandler: Sendable {
    /// On the connection's event loop, when the head has arrived and before the body is read. Must not block.
    func handle(_ request: Request) -> Handling
    /// The answer to something wrong below the handler, on the event loop. The connection ends after it.
    func refuse(_ problem: HTTPProblem, requestID: String) -> Response
}

package enum Handling: Sendable {
    /// Known already: written at once, without leaving the event loop.
    case answer(Response)
    /// To be found out. The task is not cancelled when the client leaves (a commit may finish); its request's body
    /// then throws `.disconnected`. It is cancelled when a stop's time of grace is over. Once it has returned, the
    /// body can't be read any more: `next()` throws `.cancelled`.
    ///
    /// The task runs on the connection's event loop, which saves two changes of threads: between its waits it may
    /// compute for some tens of microseconds, not more.
    case task(@Sendable () async -> Response)
    /// The same for what computes longer: it runs on the threads of Swift's concurrent pool.
    case longTask(@Sendable () async -> Response)
}

/// Why the server itself refuses, and the status usual for it.
package enum HTTPProblem: Error, Hashable, Sendable {
    /// 400: breaks the framing rules; the text says which, for the log and the client. RFC 9112.
    case badRequest(String)
    /// 414: the request line is over `HTTPLimits.requestLineBytes`.
    case targetTooLong
    /// 431: the head is over `HTTPLimits.headerBytes` or `HTTPLimits.headerFields`.
    case headersTooLarge
    /// 417: an `Expect` other than `100-continue`. RFC 9110 §10.1.1.
    case expectationFailed
    /// 501: a `Transfer-Encoding` other than exactly one `chunked`.
    case unsupportedTransferEncoding
    /// 505: neither HTTP/1.0 nor HTTP/1.1.
    case unsupportedVersion
    /// 408: the head did not arrive in time.
    case headStalled
    /// 408: the body stopped, or is slower than the lowest rate.
    case bodyStalled
    /// 503: more connections than are allowed, in all or from this address.
    case tooManyConnections
    /// 503: the server is about to stop.
    case draining
    /// 500: the handler's answer can't be sent.
    case internalError
}
