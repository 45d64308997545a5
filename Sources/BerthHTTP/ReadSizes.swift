import NIOCore

/// How large the buffer is that the next bytes of a connection are read into: large enough for what came last, and twice
/// that where it was filled. Long reads of large bodies spare the kernel acknowledgements, and this process wake-ups;
/// where many bodies share the memory, a read is no longer than a share.
struct ReadSizes: RecvByteBufferAllocator {
    /// An idle connection may hold on to the last one.
    static let smallest = 2 << 10
    static let largest = BodyQueue.batchBytes

    private let memory: BodyMemory
    private let connection: NIOLoopBound<ConnectionHandler>?
    /// A power of two, as all capacities of buffers are.
    private var size = Self.smallest

    /// `connection` is told of each read before it happens.
    init(memory: BodyMemory, for connection: NIOLoopBound<ConnectionHandler>? = nil) {
        (self.memory, self.connection) = (memory, connection)
    }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: size) }
    func nextBufferSize() -> Int? {
        connection?.value.willRead()
        return size
    }

    mutating func record(actualReadBytes count: Int) -> Bool {
        let before = size
        size = Self.size(after: count, of: before, atMost: memory.share)
        return size > before
    }

    static func size(after count: Int, of size: Int, atMost share: Int) -> Int {
        let wanted = count < size ? count : size * 2
        let most = max(Self.smallest, min(share, Self.largest))
        var next = Self.smallest
        while next < wanted, next * 2 <= most { next *= 2 }
        return next
    }
}
