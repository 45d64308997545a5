import Dispatch
import NIOPosix
import Synchronization

/// Which threads do a piece of work, so that a slow sync keeps neither a reader nor another upload's bytes waiting.
enum Lane: CaseIterable, Sendable {
    /// Hashing and writing to the page cache: as many threads as cores.
    case bytes
    /// Short calls, that wait for the disk where its names are not in memory: open, stat, reading what is small. As many at
    /// once as a disk takes well.
    case calls
    /// Calls that wait for the disk while a client waits for them.
    case syncs
    /// The same with nobody waiting.
    case settling
    /// Unlinks, which take long for large files, and listing: content that waits to be settled does not wait for them.
    case removing
}

/// The store's threads. They end when the last owner lets go.
final class Workers: Sendable {
    static let settlingThreads = 4

    private let bytes: NIOThreadPool
    private let calls: NIOThreadPool
    private let syncs: NIOThreadPool
    private let settling: NIOThreadPool
    private let removing: NIOThreadPool
    /// Jobs of `bytes` that no thread has begun.
    private let bytesWaiting = Atomic<Int>(0)

    /// `threads` is the number that hash and write.
    init(threads: Int) {
        bytes = NIOThreadPool(numberOfThreads: max(2, threads))
        calls = NIOThreadPool(numberOfThreads: 8)
        syncs = NIOThreadPool(numberOfThreads: 4)
        settling = NIOThreadPool(numberOfThreads: Self.settlingThreads)
        removing = NIOThreadPool(numberOfThreads: 1)
        for lane in Lane.allCases { pool(lane).start() }
    }

    deinit {
        for lane in Lane.allCases { pool(lane).shutdownGracefully { _ in } }
    }

    private func pool(_ lane: Lane) -> NIOThreadPool {
        switch lane {
        case .bytes: bytes
        case .calls: calls
        case .syncs: syncs
        case .settling: settling
        case .removing: removing
        }
    }

    /// Runs `job` on a thread of `lane`. It always runs: late, on the thread that stops the lane, if need be.
    func submit(_ lane: Lane, _ job: @escaping @Sendable () -> Void) {
        guard lane == .bytes else { return pool(lane).submit { _ in job() } }
        bytesWaiting.add(1, ordering: .relaxed)
        bytes.submit { [self] _ in
            bytesWaiting.subtract(1, ordering: .relaxed)
            job()
        }
    }

    /// Whether whoever has a thread of `lane` may do its next job there at once: nobody else waits for one.
    func isFree(_ lane: Lane) -> Bool { lane == .bytes && bytesWaiting.load(ordering: .relaxed) == 0 }

    /// Runs `body` on a thread of `lane` and waits for it without holding a thread of its own.
    func run<Value: Sendable>(
        _ lane: Lane, _ body: @escaping @Sendable () throws(BlobError) -> Value
    ) async throws(BlobError) -> Value {
        let result: Result<Value, BlobError> = await withCheckedContinuation { continuation in
            submit(lane) { continuation.resume(returning: Result(catching: body)) }
        }
        return try result.get()
    }
}
