import BerthModel
import Synchronization

/// The folders between an algorithm and its files, one for each first two digits. Opened anew at each use: an open one
/// could be a folder that is no longer under its name.
final class FanOut: Sendable {
    struct Key: Hashable, Sendable {
        let algorithm: Digest.Algorithm
        let name: String
    }

    private let algorithms: [Digest.Algorithm: Folder]
    private let files: any FileOperations
    private let syncs: Bool
    /// Those whose entry in the algorithm's folder this process has synced.
    private let durable = Mutex<Set<Key>>([])

    init(_ algorithms: [Digest.Algorithm: Folder], files: any FileOperations, syncs: Bool) {
        (self.algorithms, self.files, self.syncs) = (algorithms, files, syncs)
    }

    static func key(_ digest: Digest) -> Key { Key(algorithm: digest.algorithm, name: digest.fanOutFolder) }

    /// `.notThere` if nothing of these digits has ever been stored.
    func folder(_ digest: Digest) throws(SystemError) -> Folder {
        try parent(digest.algorithm).folder(digest.fanOutFolder)
    }

    /// A descriptor of the file of `digest`, for reading, if nothing but memory is needed for it.
    func openIfCached(_ digest: Digest) -> CInt? {
        guard let folder = algorithms[digest.algorithm] else { return nil }
        return files.openIfCached("\(digest.fanOutFolder)/\(digest.fileName)", in: folder.descriptor)
    }

    /// Opens the folders of `keys`, makes those that are not there, and syncs each parent at most once.
    func folders(_ keys: Set<Key>) -> [Key: Result<Folder, SystemError>] {
        var opened: [Key: Result<Folder, SystemError>] = [:]
        for key in keys {
            opened[key] = Result { () throws(SystemError) in try parent(key.algorithm).folderOrNew(key.name) }
        }
        guard syncs else { return opened }
        let new = durable.withLock { keys.subtracting($0) }
        for algorithm in Set(new.map(\.algorithm)) {
            let below = new.filter { $0.algorithm == algorithm }
            do throws(SystemError) {
                try files.sync(try parent(algorithm).descriptor)
                let there = below.filter { if case .success = opened[$0] { true } else { false } }
                durable.withLock { $0.formUnion(there) }
            } catch {
                for key in below { opened[key] = .failure(error) }
            }
        }
        return opened
    }

    private func parent(_ algorithm: Digest.Algorithm) throws(SystemError) -> Folder {
        guard let folder = algorithms[algorithm] else { throw SystemError(.open, .notThere) }
        return folder
    }
}
