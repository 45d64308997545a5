package import BerthBlobs
package import NIOCore

/// The bytes of a request, pulled in batches under back-pressure.
package protocol BodySource: Sendable {
    /// What has arrived since the last call, in several buffers; nil after the last byte. Throws `.disconnected` too
    /// when the calling task is cancelled.
    func next() async throws(BodyFailure) -> [ByteBuffer]?
    /// Where the bytes that come next are to be received from by the store itself, if that is possible now. Asked before
    /// each `next`; whoever got it gives it back before the next call.
    func takeInput() -> (any DirectInput)?
    /// Makes `next` throw, now and from now on, once what has arrived is read: the reader has lost its upload. From any
    /// thread, while the reader waits or not.
    func interrupt()
    /// How many bytes will come in all, where the client said so.
    var length: Int64? { get }
}

extension BodySource {
    package func takeInput() -> (any DirectInput)? { nil }
}

/// A request without a body.
package struct NoBody: BodySource {
    package init() {}
    package func next() async throws(BodyFailure) -> [ByteBuffer]? { nil }
    package func interrupt() {}
    package var length: Int64? { 0 }
}

extension [ByteBuffer] {
    /// Bytes in all buffers.
    var byteCount: Int { reduce(0) { $0 + $1.readableBytes } }
}
