import NIOCore
import Synchronization

/// Buffers that uploads are received into, one for each thread at work: memory that was used just before is in its cache.
final class ReceiveBuffers: Sendable {
    /// Of one buffer. More is fewer calls, and falls out of the cache between receiving, writing and hashing.
    static let bytes = 256 << 10

    private let idle = Mutex<[ByteBuffer]>([])

    func withBuffer<Value>(_ body: (inout ByteBuffer) -> Value) -> Value {
        var buffer = idle.withLock { $0.popLast() } ?? ByteBufferAllocator().buffer(capacity: Self.bytes)
        defer { idle.withLock { $0.append(buffer) } }
        return body(&buffer)
    }
}
