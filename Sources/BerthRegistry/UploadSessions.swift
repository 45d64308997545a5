import BerthBlobs
import BerthModel
import Synchronization

/// One request's right to work on an upload. A later request takes it away.
final class UploadClaim: Sendable {
    private struct State {
        var isFirst: Bool
        var isSuperseded = false
        var cancel: (@Sendable () -> Void)?
    }
    let upload: UploadID
    private let state: Mutex<State>

    init(_ upload: UploadID, isFirst: Bool = false) {
        self.upload = upload
        state = Mutex(State(isFirst: isFirst))
    }

    /// No request has touched the upload before, so there is nothing of it anywhere.
    var isFirst: Bool { state.withLock(\.isFirst) }
    fileprivate func noteFirst() { state.withLock { $0.isFirst = true } }

    var isSuperseded: Bool { state.withLock(\.isSuperseded) }

    /// Says how to interrupt what the request waits for; called at once if the claim has been lost already.
    func interrupt(with cancel: @escaping @Sendable () -> Void) {
        let isLost = state.withLock { state in
            state.cancel = cancel
            return state.isSuperseded
        }
        if isLost { cancel() }
    }

    func supersede() {
        let cancel = state.withLock { state in
            state.isSuperseded = true
            return state.cancel
        }
        cancel?()
    }
}

/// Which request works on which upload: one at a time, the latest wins (B7, B8). Keeps the file and running hash of an
/// upload open between its requests, for a bounded number of uploads.
final class UploadSessions: Sendable {
    private struct Session {
        var holder: UploadClaim?
        var next: Waiter?
        /// Open file and running hash, while nobody works on them.
        var idle: (any BlobWrite)?
        var idleSince = ContinuousClock.now
    }
    private struct Waiter {
        let claim: UploadClaim
        let turn: CheckedContinuation<Bool, Never>
    }
    private struct Closing {
        let claim: UploadClaim
        let write: any BlobWrite
    }
    /// Idle uploads whose files stay open; beyond it the longest idle one is closed and read again at its next touch.
    private let mostIdle: Int
    private let sessions = Mutex<[UploadID: Session]>([:])
    /// Asked under the lock of `sessions` alone.
    private let fresh = Mutex(FreshUploads())

    init(mostIdle: Int = 256) { self.mostIdle = mostIdle }

    /// An upload is given its name.
    func begin(_ upload: UploadID) { fresh.withLock { $0.insert(upload) } }

    /// Waits until the earlier request on `upload` has let go, which it is told to do at once. Throws `.superseded` if a
    /// still later one comes meanwhile.
    func claim(_ upload: UploadID) async throws(RegistryError) -> UploadClaim {
        let claim = UploadClaim(upload)
        let isMine = await withCheckedContinuation { (turn: CheckedContinuation<Bool, Never>) in
            let (holder, passedOver) = sessions.withLock { sessions -> (UploadClaim?, Waiter?) in
                var session = sessions[upload] ?? Session()
                defer { sessions[upload] = session }
                guard let holder = session.holder else {
                    session.holder = claim
                    if fresh.withLock({ $0.take(upload) }) { claim.noteFirst() }
                    return (nil, nil)
                }
                let passedOver = session.next
                session.next = Waiter(claim: claim, turn: turn)
                return (holder, passedOver)
            }
            passedOver?.turn.resume(returning: false)
            if let holder { holder.supersede() } else { turn.resume(returning: true) }
        }
        guard isMine else { throw .superseded }
        return claim
    }

    /// The claim on an upload that no request works on; nil if one does.
    func claimIfFree(_ upload: UploadID) -> UploadClaim? {
        sessions.withLock { sessions in
            var session = sessions[upload] ?? Session()
            guard session.holder == nil else { return nil }
            let claim = UploadClaim(upload, isFirst: fresh.withLock { $0.take(upload) })
            session.holder = claim
            sessions[upload] = session
            return claim
        }
    }

    /// The open file of the upload, if an earlier request left one; the claim's owner works on it alone.
    func takeWrite(_ claim: UploadClaim) -> (any BlobWrite)? {
        sessions.withLock { sessions in
            defer { sessions[claim.upload]?.idle = nil }
            return sessions[claim.upload]?.idle
        }
    }

    /// Ends the claim; `write` stays open for the next request if there is one to keep.
    func release(_ claim: UploadClaim, keeping write: (any BlobWrite)?) async {
        let (next, closing) = sessions.withLock { sessions -> (Waiter?, Closing?) in
            var session = sessions[claim.upload] ?? Session()
            session.idle = write
            session.idleSince = .now
            session.holder = session.next?.claim
            let next = session.next
            session.next = nil
            sessions[claim.upload] = session.holder == nil && write == nil ? nil : session
            return (next, takeLongestIdle(&sessions))
        }
        next?.turn.resume(returning: true)
        if let closing { await close(closing) }
    }

    /// Closes the files of uploads that nobody has touched for `age`.
    func closeIdle(olderThan age: Duration) async {
        let limit = ContinuousClock.now - age
        let closing = sessions.withLock { sessions in
            let old = sessions.filter { $0.value.holder == nil && $0.value.idleSince < limit }
            return old.keys.compactMap { take($0, from: &sessions) }
        }
        for one in closing { await close(one) }
    }

    /// Uploads with a request at work or a file open.
    var count: Int { sessions.withLock(\.count) }

    /// An idle upload in the hands of whoever closes its file: a request that comes meanwhile waits, so that nobody
    /// closes a file under it.
    private func take(_ upload: UploadID, from sessions: inout [UploadID: Session]) -> Closing? {
        guard var session = sessions[upload], session.holder == nil, let write = session.idle else { return nil }
        let claim = UploadClaim(upload)
        (session.holder, session.idle) = (claim, nil)
        sessions[upload] = session
        return Closing(claim: claim, write: write)
    }

    private func close(_ closing: Closing) async {
        await closing.write.close()
        await release(closing.claim, keeping: nil)
    }

    private func takeLongestIdle(_ sessions: inout [UploadID: Session]) -> Closing? {
        guard sessions.count > mostIdle else { return nil }
        let idle = sessions.filter { $0.value.holder == nil }
        guard idle.count > mostIdle, let oldest = idle.min(by: { $0.value.idleSince < $1.value.idleSince })
        else { return nil }
        return take(oldest.key, from: &sessions)
    }
}
