import BerthBlobs
import Glibc

/// `keys/closed`: notes beside the catalog that the registry has accounts. A catalog that was lost, emptied or exchanged
/// for an older one knows of none, and would open the registry to everybody.
struct ClosedMark: Sendable {
    private let root: String
    private let folder: String
    private var path: String { folder + "/closed" }

    init(_ root: StoreRoot) { (self.root, folder) = (root.path, root.keysPath) }

    /// What cannot be looked at counts as there.
    var isSet: Bool { access(path, F_OK) == 0 || errno != ENOENT }

    /// Sets it, durably.
    func set() throws(StartError) {
        guard !isSet else { return }
        try SealKeyFile.write(Array("The registry has accounts.\n".utf8), to: path, in: folder)
    }

    /// Throws where the mark is there and the catalog knows no account.
    func check(isClosed: Bool) throws(StartError) {
        guard isClosed || !isSet else { throw .accountsLost(root: root) }
    }

    /// Throws where this root has been served and its catalog is gone: a new one would know neither content nor accounts.
    func checkCatalog(_ root: StoreRoot) throws(StartError) {
        let wasServed = access(folder + "/upload-seal", F_OK) == 0 || isSet
        guard wasServed, Self.isEmpty(root.catalogPath), Self.isEmpty(root.catalogPath + "-wal") else { return }
        throw .catalogLost(root: root.path)
    }

    private static func isEmpty(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_size == 0 : errno == ENOENT
    }
}
