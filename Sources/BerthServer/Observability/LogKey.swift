/// The keys under which log lines carry values: the only table, so that one thing has one name in all lines.
package enum LogKey {
    package static let address = "address"
    package static let bytesIn = "bytes_in"
    package static let bytesOut = "bytes_out"
    package static let cause = "cause"
    package static let client = "client"
    /// false: the connection broke off before the answer was sent.
    package static let complete = "complete"
    package static let digest = "digest"
    /// Milliseconds, three decimals.
    package static let duration = "duration_ms"
    package static let error = "error"
    package static let lines = "lines"
    package static let method = "method"
    /// A tag or a digest.
    package static let reference = "reference"
    package static let repository = "repository"
    /// The id of a request, as in `X-Request-Id`.
    package static let request = "request"
    package static let root = "root"
    package static let route = "route"
    package static let status = "status"
    package static let sync = "sync"
    package static let userAgent = "user_agent"
    package static let version = "version"
}
