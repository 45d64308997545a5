package import BerthModel
import Synchronization

/// Which content clients were told "exists" of lately: they will not upload it, and name it in a manifest soon (G2).
/// Also where uploads are at work, for a push that takes long keeps what it found before.
///
/// In memory, so that a HEAD writes nothing; the collector waits out a whole lease after each start instead (G4). Two
/// generations bound it: when the younger is full, it becomes the older, and what was the older goes into the catalog
/// before it is forgotten. All times are registry time.
///
/// In parts, each for some digests and for the uploads of some repositories, so that event loops seldom meet.
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
    /// What has to become durable before it is forgotten.
    struct Overflow: Sendable {
        let promises: [Key: Int64]
        fileprivate let part: Int
    }
    private struct State {
        var younger: [Key: Int64] = [:]
        var older: [Key: Int64] = [:]
        /// On its way into the catalog.
        var leaving: [Key: Int64] = [:]
        /// When an upload last moved in each repository.
        var uploads: [RepositoryName: Int64] = [:]
        /// The last one in a repository that was forgotten, for there were too many: it stands for all of them.
        var uploadElsewhere: Int64?
        /// Since when everything counts as promised, for promises were lost that could not be written.
        var blanket: Int64?

        func promised(_ key: Key) -> Int64? { younger[key] ?? older[key] ?? leaving[key] }
    }
    private final class Part: Sendable {
        let state = Mutex(State())
    }
    private static let mostParts = 16

    private let capacity: Int
    private let time: RegistryTime
    private let parts: [Part]

    /// Keeps at most about `capacity` promises, as many on their way out, and as many repositories with uploads.
    init(capacity: Int, time: RegistryTime) {
        let count = capacity >= 1_000 * Self.mostParts ? Self.mostParts : 1
        self.capacity = capacity / count
        self.time = time
        parts = (0..<count).map { _ in Part() }
    }

    private func index(_ digest: Digest) -> Int { Int(digest.spread % UInt(parts.count)) }
    private func index(_ repository: RepositoryName) -> Int {
        Int(UInt(bitPattern: repository.hashValue) % UInt(parts.count))
    }

    /// Notes the promise before the state of the content is read, so that no removal can come between. Also gives what
    /// has to become durable now, if anything has.
    func promise(_ digest: Digest, in repository: RepositoryName) -> (Promise, overflow: Overflow?) {
        let key = Key(repository: repository, digest: digest)
        let index = index(digest)
        let now = time.now()
        return parts[index].state.withLock { state in
            let promise = Promise(key: key, at: now, previous: state.promised(key))
            state.younger[key] = now
            guard state.younger.count > capacity / 2, state.leaving.isEmpty else { return (promise, nil) }
            state.leaving = state.older
            state.older = state.younger
            state.younger = Dictionary(minimumCapacity: capacity / 2 + 1)
            return (promise, state.leaving.isEmpty ? nil : Overflow(promises: state.leaving, part: index))
        }
    }

    /// What was leaving is durable; or it could not be written, and for the time of a lease everything near counts as
    /// promised now, so that memory stays bounded while nothing can be written.
    func left(_ overflow: Overflow, isDurable: Bool) {
        let now = time.now()
        let gone = parts[overflow.part].state.withLock { state -> [Key: Int64] in
            defer { state.leaving = [:] }
            if !isDurable { state.blanket = now }
            return state.leaving
        }
        withExtendedLifetime(gone) {}  // freed here, outside the lock
    }

    /// Nothing was promised after all: the content is not here. An earlier promise, to somebody else, stands.
    package func withdraw(_ promise: Promise) {
        parts[index(promise.key.digest)].state.withLock { state in
            if state.younger[promise.key] == promise.at {
                state.younger[promise.key] = promise.previous
            } else if state.older[promise.key] == promise.at {
                state.older[promise.key] = promise.previous
            }
        }
    }

    /// When the content was last promised to somebody who may read `repository`, nil if not since the start.
    package func lastPromise(of digest: Digest, in repository: RepositoryName) -> Int64? {
        let key = Key(repository: repository, digest: digest)
        return parts[index(digest)].state.withLock { state in
            guard let blanket = state.blanket else { return state.promised(key) }
            return max(blanket, state.promised(key) ?? blanket)
        }
    }

    /// An upload in `repository` begins, moves or ends.
    package func noteUpload(in repository: RepositoryName) {
        let now = time.now()
        let gone = parts[index(repository)].state.withLock { state -> [RepositoryName: Int64] in
            var gone: [RepositoryName: Int64] = [:]
            if state.uploads.count >= capacity, state.uploads[repository] == nil {
                state.uploadElsewhere = now
                swap(&gone, &state.uploads)
            }
            state.uploads[repository] = now
            return gone
        }
        withExtendedLifetime(gone) {}  // freed here, outside the lock
    }

    /// When an upload may last have moved in `repository`, nil if not since the start.
    func lastUpload(in repository: RepositoryName) -> Int64? {
        parts[index(repository)].state.withLock { $0.uploads[repository] ?? $0.uploadElsewhere }
    }

    /// Forgets uploads that ended before `time`.
    func forgetUploads(before time: Int64) {
        for part in parts {
            part.state.withLock { state in state.uploads = state.uploads.filter { $0.value >= time } }
        }
    }

    /// Promises are on their way into the catalog.
    var isOverflowing: Bool { parts.contains { part in part.state.withLock { !$0.leaving.isEmpty } } }

    /// Promises in memory.
    var count: Int {
        parts.reduce(0) { sum, part in
            sum + part.state.withLock { $0.younger.count + $0.older.count + $0.leaving.count }
        }
    }
}
