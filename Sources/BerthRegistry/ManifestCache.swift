import BerthModel
import NIOCore
import Synchronization

/// The bytes of manifests by digest, a bounded amount of them. Content never changes under its digest, so there is
/// nothing to invalidate; whether a repository shows the manifest is the catalog's word, asked every time.
final class ManifestCache: Sendable {
    private struct State {
        var bytes: [Digest: ByteBuffer] = [:]
        /// The same digests, oldest first; a hit does not move one, for hot manifests come back at once.
        var order: [Digest] = []
        var oldest = 0
        var held = 0
    }
    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int) { self.capacity = capacity }

    func bytes(of digest: Digest) -> ByteBuffer? {
        state.withLock { $0.bytes[digest] }
    }

    func insert(_ buffer: ByteBuffer, for digest: Digest) {
        guard buffer.readableBytes <= capacity / 8 else { return }
        state.withLock { state in
            guard state.bytes.updateValue(buffer, forKey: digest) == nil else { return }
            state.order.append(digest)
            state.held += buffer.readableBytes
            while state.held > capacity, state.oldest < state.order.count {
                if let old = state.bytes.removeValue(forKey: state.order[state.oldest]) {
                    state.held -= old.readableBytes
                }
                state.oldest += 1
            }
            if state.oldest > 1024, state.oldest * 2 > state.order.count {
                state.order.removeFirst(state.oldest)
                state.oldest = 0
            }
        }
    }

    /// Forgets a manifest whose file turned out to be damaged.
    func remove(_ digest: Digest) {
        state.withLock { state in
            if let old = state.bytes.removeValue(forKey: digest) {
                state.held -= old.readableBytes
                state.order.removeAll { $0 == digest }
                state.oldest = 0
            }
        }
    }
}
