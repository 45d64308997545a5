package import BerthModel
import Synchronization

/// Which content clients were told "exists" of lately: they will not upload it, and name it in a manifest soon (G2).
/// Also where uploads are at work, for a push that takes long keeps what it found before.
///
/// In memory, so that a HEAD writes nothing; the collector waits out a whole lease after each start instead (G4). Two
/// generations bound it: when the younger is full, it becomes the older, and what was the older goes into the catalog
/// before it is forgotten. All times are registry time.
package final class Leases: Sendable {
    struct Key: Hashable, Sendable {
        let repository: RepositoryName
        let digest: Digest
    }
    /// A promise that was noted and can be taken back.
    package struct Promise: Sendable {
        let key: Key
        let at: Int64
        let previous: Int64?
    }
    private struct State {
        var younger: [Key: Int64] = [:]
        var older: [Key: Int64] = [:]
        /// On its way into the catalog.
        var leaving: [Key: Int64] = [:]
        /// When an upload last moved in each repository.
        var uploads: [RepositoryName: Int64] = [:]

        func promised(_ key: Key) -> Int64? { younger[key] ?? older[key] ?? leaving[key] }
    }
    private let capacity: Int
    private let time: RegistryTime
    private let state = Mutex(State())

    init(capacity: Int, time: RegistryTime) { (self.capacity, self.time) = (capacity, time) }

    /// Notes the promise before the state of the content is read, so that no removal can come between. Also gives what
    /// has to become durable now, if anything has.
    func promise(_ digest: Digest, in repository: RepositoryName) -> (Promise, overflow: [Key: Int64]?) {
        let key = Key(repository: repository, digest: digest)
        let now = time.now()
        return state.withLock { state in
            let promise = Promise(key: key, at: now, previous: state.promised(key))
            state.younger[key] = now
            guard state.younger.count > capacity / 2, state.leaving.isEmpty else { return (promise, nil) }
            state.leaving = state.older
            state.older = state.younger
            state.younger = [:]
            return (promise, state.leaving.isEmpty ? nil : state.leaving)
        }
    }

    /// What was leaving is durable, or could not be written and stays here.
    func left(isDurable: Bool) {
        let gone = state.withLock { state -> [Key: Int64] in
            defer { state.leaving = [:] }
            if !isDurable { state.older.merge(state.leaving) { max($0, $1) } }
            return state.leaving
        }
        withExtendedLifetime(gone) {}  // freed here, outside the lock
    }

    /// Nothing was promised after all: the content is not here. An earlier promise, to somebody else, stands.
    package func withdraw(_ promise: Promise) {
        state.withLock { state in
            if state.younger[promise.key] == promise.at {
                state.younger[promise.key] = promise.previous
            } else if state.older[promise.key] == promise.at {
                state.older[promise.key] = promise.previous
            }
        }
    }

    /// When the content was last promised to somebody who may read `repository`, nil if not since the start.
    package func lastPromise(of digest: Digest, in repository: RepositoryName) -> Int64? {
        state.withLock { $0.promised(Key(repository: repository, digest: digest)) }
    }

    /// An upload in `repository` begins, moves or ends.
    package func noteUpload(in repository: RepositoryName) {
        let now = time.now()
        state.withLock { $0.uploads[repository] = now }
    }

    /// When an upload last moved in `repository`, nil if not since the start.
    func lastUpload(in repository: RepositoryName) -> Int64? { state.withLock { $0.uploads[repository] } }

    /// Forgets uploads that ended before `time`.
    func forgetUploads(before time: Int64) {
        state.withLock { state in state.uploads = state.uploads.filter { $0.value >= time } }
    }
}
