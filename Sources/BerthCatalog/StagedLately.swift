import BerthModel
import Synchronization

/// Bytes of content that was staged a moment ago. They are about to be settled, and are the same as in the row: who settles
/// them need not read them back out of the database.
///
/// What does not fit is not kept: the settler takes all of it soon, so that what is here is used before it is in anybody's
/// way.
final class StagedLately: Sendable {
    private struct State {
        var bytes: [Digest: [UInt8]] = [:]
        var count = 0
    }
    private let capacity: Int
    private let state = Mutex(State())

    /// Holds at most `capacity` bytes.
    init(capacity: Int) { self.capacity = capacity }

    /// The bytes of content that is staged in a row.
    func bytes(of digest: Digest) -> [UInt8]? { state.withLock { $0.bytes[digest] } }

    /// Follows a commit: what it took out of the rows, then what it put there.
    func note(unstaged: [Digest], staged: [(digest: Digest, bytes: [UInt8])]) {
        guard !unstaged.isEmpty || !staged.isEmpty else { return }
        state.withLock { state in
            for digest in unstaged {
                if let gone = state.bytes.removeValue(forKey: digest) { state.count -= gone.count }
            }
            for (digest, bytes) in staged
            where state.bytes[digest] == nil && state.count + bytes.count <= capacity {
                state.bytes[digest] = bytes
                state.count += bytes.count
            }
        }
    }

    func removeAll() { state.withLock { $0 = State() } }
}
