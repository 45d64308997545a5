import BerthModel
import Synchronization

/// How many unfinished uploads with bytes each principal has, so that nobody fills the disk with what is never finished.
/// Those who say no name are told apart by their address. Starting an upload costs nothing and is not counted.
final class UploadQuota: Sendable {
    private struct State {
        /// Bytes by upload, by owner.
        var uploads: [String: [UploadID: Int64]] = [:]
        var owners: [UploadID: String] = [:]
    }
    private let mostUploads: Int
    private let mostBytes: Int64
    private let state = Mutex(State())

    init(mostUploads: Int, mostBytes: Int64) { (self.mostUploads, self.mostBytes) = (mostUploads, mostBytes) }

    /// Whether `owner` may bring more bytes for `upload`; from now on it counts as his.
    func admit(_ upload: UploadID, of owner: String) -> Bool {
        state.withLock { state in
            let own = state.uploads[owner] ?? [:]
            let isKnown = own[upload] != nil
            guard isKnown || own.count < mostUploads else { return false }
            guard own.values.reduce(0, { $0 &+ $1 }) < mostBytes else { return false }
            if !isKnown {
                state.uploads[owner, default: [:]][upload] = 0
                state.owners[upload] = owner
            }
            return true
        }
    }

    func note(_ upload: UploadID, bytes: Int64) {
        state.withLock { state in
            guard let owner = state.owners[upload] else { return }
            state.uploads[owner]?[upload] = bytes
        }
    }

    /// The upload has ended, in whatever way.
    func release(_ upload: UploadID) {
        state.withLock { state in
            guard let owner = state.owners.removeValue(forKey: upload) else { return }
            state.uploads[owner]?[upload] = nil
            if state.uploads[owner]?.isEmpty == true { state.uploads[owner] = nil }
        }
    }
}
