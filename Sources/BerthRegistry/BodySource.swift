package import NIOCore

/// The bytes of a request, pulled in batches under back-pressure.
package protocol BodySource: Sendable {
    /// What has arrived since the last call, in several buffers; nil after the last byte. Throws `.disconnected` too
    /// when the calling task is cancelled.
    func next() async throws(BodyFailure) -> [ByteBuffer]?
    /// How many bytes will come in all, where the client said so.
    var length: Int64? { get }
}

/// A request without a body.
package struct NoBody: BodySource {
    package init() {}
    package func next() async throws(BodyFailure) -> [ByteBuffer]? { nil }
    package var length: Int64? { 0 }
}

extension [ByteBuffer] {
    /// Bytes in all buffers.
    var byteCount: Int { reduce(0) { $0 + $1.readableBytes } }
}
