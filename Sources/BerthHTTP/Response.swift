package import HTTPTypes
package import NIOCore

/// An answer. `Content-Length`, `Transfer-Encoding`, `Connection`, `Date`, `X-Request-Id` and
/// `X-Content-Type-Options` are set by this room: what `headers` says about them is left out.
package struct Response: Sendable {
    package var status: HTTPResponse.Status
    package var headers: HeaderFields
    /// A HEAD is answered with the body that GET would have: its length is sent, its bytes are not.
    package var body: Body
    /// For HEAD alone: the length of the body that GET would have, where making that body costs too much.
    package var headContentLength: Int64?
    package var labels: Labels
    /// The connection ends after this answer.
    package var closesConnection: Bool

    package init(
        status: HTTPResponse.Status,
        headers: HeaderFields = [:],
        body: Body = .empty,
        headContentLength: Int64? = nil,
        labels: Labels = Labels(),
        closesConnection: Bool = false
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.headContentLength = headContentLength
        self.labels = labels
        self.closesConnection = closesConnection
    }

    package enum Body: Sendable {
        case empty
        case bytes(ByteBuffer)
        /// Leaves by sendfile on a plain connection. A file that is shorter than said breaks the connection off.
        case file(FileRange)
        /// Heads and ranges one after another, as `multipart/byteranges` needs them.
        case parts([Part])
        /// With a length: exactly so many bytes, or the connection breaks off. Without: chunked, or until the end
        /// of the connection for HTTP/1.0. The next buffer is asked for when the last one has left. An error breaks
        /// the connection off.
        case stream(length: Int64?, any AsyncSequence<ByteBuffer, any Error> & Sendable)

        /// Bytes of the whole body; nil for a stream of unknown length.
        package var length: Int64? {
            switch self {
            case .empty: 0
            case .bytes(let bytes): Int64(bytes.readableBytes)
            case .file(let range): range.length
            case .parts(let parts):
                parts.reduce(0) { $0 &+ Int64($1.bytes.readableBytes) &+ ($1.file?.length ?? 0) }
            case .stream(let length, _): length
            }
        }
    }

    /// Bytes of an open file. Only positioned reads are used; the descriptor's own position does not matter.
    package struct FileRange: Sendable {
        /// Keeps the descriptor open: let go when the last byte was handed to the kernel or the connection is gone.
        package let owner: any AnyObject & Sendable
        package let descriptor: CInt
        package let offset: Int64
        package let length: Int64

        package init(owner: any AnyObject & Sendable, descriptor: CInt, offset: Int64, length: Int64) {
            self.owner = owner
            self.descriptor = descriptor
            self.offset = offset
            self.length = length
        }
    }

    /// Some bytes, then, but for the last part, a range.
    package struct Part: Sendable {
        package let bytes: ByteBuffer
        package let file: FileRange?

        package init(bytes: ByteBuffer, file: FileRange? = nil) {
            self.bytes = bytes
            self.file = file
        }
    }

    /// What the observer counts the answer under.
    package struct Labels: Sendable, Hashable {
        package var route: String
        package var repository: String?

        package init(route: String = "", repository: String? = nil) {
            self.route = route
            self.repository = repository
        }
    }
}
