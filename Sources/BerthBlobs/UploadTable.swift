import BerthModel
import NIOCore
import Synchronization

/// The uploads that this process has touched, with their running hashes. Those at rest keep at most `mostOpen`
/// descriptors; beyond `mostRemembered` the hash of the longest at rest is forgotten and read again when it is needed.
final class UploadTable: Sendable {
    private struct Entry {
        var write: FileBlobWrite
        /// When it came to rest, nil while it is in use.
        var restingSince: UInt64?
    }
    private typealias Rest = (id: UploadID, since: UInt64)
    private struct State {
        var entries: [UploadID: Entry] = [:]
        var open = CircularBuffer<Rest>()
        var closed = CircularBuffer<Rest>()
        var clock: UInt64 = 0

        func isResting(_ rest: Rest) -> Bool { entries[rest.id]?.restingSince == rest.since }

        /// Drops the front entries that are not at rest any more.
        mutating func trim() {
            while let first = open.first, !isResting(first) { open.removeFirst() }
            while let first = closed.first, !isResting(first) { closed.removeFirst() }
        }
    }

    private let mostOpen: Int
    private let mostRemembered: Int
    private let state = Mutex(State())

    init(mostOpen: Int, mostRemembered: Int = 4_096) {
        (self.mostOpen, self.mostRemembered) = (mostOpen, mostRemembered)
    }

    /// The upload, no longer at rest.
    func use(_ id: UploadID) -> FileBlobWrite? {
        state.withLock { state in
            state.entries[id]?.restingSince = nil
            return state.entries[id]?.write
        }
    }

    func insert(_ write: FileBlobWrite) {
        state.withLock { $0.entries[write.id] = Entry(write: write, restingSince: nil) }
    }

    /// Takes it out, if it is still the same.
    func remove(_ id: UploadID, _ write: FileBlobWrite) {
        let gone = state.withLock { state in
            state.entries[id]?.write === write ? state.entries.removeValue(forKey: id) : nil
        }
        withExtendedLifetime(gone) {}
    }

    func remove(_ id: UploadID) -> FileBlobWrite? {
        state.withLock { $0.entries.removeValue(forKey: id)?.write }
    }

    /// `write` has no caller for now.
    func rest(_ write: FileBlobWrite) async {
        let surplus = state.withLock { state -> FileBlobWrite? in
            guard state.entries[write.id]?.write === write else { return nil }
            state.clock += 1
            state.entries[write.id]?.restingSince = state.clock
            state.open.append((write.id, state.clock))
            state.trim()
            guard state.open.count > mostOpen, let longest = state.open.popFirst() else { return nil }
            state.closed.append(longest)
            return state.entries[longest.id]?.write
        }
        await surplus?.closeDescriptor()
        let forgotten = state.withLock { state -> FileBlobWrite? in
            state.trim()
            guard state.closed.count > mostRemembered, let longest = state.closed.popFirst() else { return nil }
            return forget(longest, &state)
        }
        withExtendedLifetime(forgotten) {}
    }

    /// Only what nobody else holds may be forgotten: a second object for one file would be a second writer.
    private func forget(_ rest: Rest, _ state: inout State) -> FileBlobWrite? {
        guard var entry = state.entries.removeValue(forKey: rest.id) else { return nil }
        if isKnownUniquelyReferenced(&entry.write) { return entry.write }
        state.entries[rest.id] = entry
        state.closed.append(rest)
        return nil
    }
}
