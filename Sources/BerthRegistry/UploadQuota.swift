import BerthModel
import Synchronization

/// How many unfinished uploads with bytes each principal has, so that nobody fills the disk with what is never finished.
/// Those who say no name are told apart by their address. Starting an upload costs nothing and is not counted.
final class UploadQuota: Sendable {
    private struct Owner {
        /// Bytes by upload.
        var uploads: [UploadID: Int64] = [:]
        var bytes: Int64 = 0
    }
    private struct State {
        var owners: [String: Owner] = [:]
        var names: [UploadID: String] = [:]

        mutating func set(_ upload: UploadID, _ bytes: Int64?) {
            guard let name = names[upload] else { return }
            let former = owners[name]?.uploads[upload] ?? 0
            owners[name]?.uploads[upload] = bytes
            owners[name]?.bytes += (bytes ?? 0) - former
            guard bytes == nil else { return }
            names[upload] = nil
            if owners[name]?.uploads.isEmpty == true { owners[name] = nil }
        }
    }
    private let mostUploads: Int
    private let mostBytes: Int64
    private let state = Mutex(State())

    init(mostUploads: Int, mostBytes: Int64) { (self.mostUploads, self.mostBytes) = (mostUploads, mostBytes) }

    /// Whether `owner` may have bytes in `upload`, of which `bytes` are here; from now on it counts as his.
    func admit(_ upload: UploadID, of owner: String, holding bytes: Int64) -> Bool {
        state.withLock { state in
            if state.names[upload] != nil { return true }
            guard state.owners[owner]?.uploads.count ?? 0 < mostUploads else { return false }
            state.names[upload] = owner
            state.owners[owner, default: Owner()].uploads[upload] = 0
            state.set(upload, bytes)
            return true
        }
    }

    /// Whether so many more bytes may be written to an upload that was admitted; they count from now on.
    func charge(_ upload: UploadID, _ bytes: Int64) -> Bool {
        state.withLock { state in
            guard let name = state.names[upload], let owner = state.owners[name] else { return true }
            let (sum, isTooMuch) = owner.bytes.addingReportingOverflow(bytes)
            guard !isTooMuch, sum <= mostBytes else { return false }
            state.set(upload, (owner.uploads[upload] ?? 0) + bytes)
            return true
        }
    }

    /// A request on the upload is over, and so many bytes are here: without any, it is no more than one that was started.
    func settle(_ upload: UploadID, bytes: Int64) { state.withLock { $0.set(upload, bytes > 0 ? bytes : nil) } }

    /// The upload has ended, in whatever way.
    func release(_ upload: UploadID) { state.withLock { $0.set(upload, nil) } }

    /// Forgets uploads that are past their age, however they went.
    func release(startedBefore milliseconds: Int64) {
        state.withLock { state in
            for upload in state.names.keys where upload.startedMilliseconds < milliseconds { state.set(upload, nil) }
        }
    }
}
