import BerthDigest
import Glibc
import Synchronization

/// The folder that everything is kept in: locked, of a known layout, and of a known registry.
///
/// Blocks while it opens: made once, at the start. The lock holds as long as the object lives.
package final class StoreRoot: Sendable {
    package let path: String
    /// The registry's id, a UUID: what `storage.id` has to say, if it says anything.
    package let id: String
    /// Whether this root was empty and has just been made.
    package let isNew: Bool
    /// Whether the power may have failed while the store was served: unsealed uploads, and sealed ones that the catalog
    /// does not name, may then hold zeros and have to be discarded. Stays true, over restarts, until `markRecovered`.
    package let uncleanPowerLoss: Bool

    package var catalogPath: String { path + "/berth.db" }
    package var snapshotsPath: String { path + "/snapshots" }
    /// What was purged, outside of the catalog.
    package var purgeListPath: String { path + "/purged" }
    package var keysPath: String { path + "/keys" }
    package var runPath: String { path + "/run" }

    private let files: any FileOperations
    private let root: Folder
    private let run: Folder
    private let lock: OpenFile
    private let boot: String
    private let syncs: Bool

    /// Opens the root at `path`, and makes it if it is absent or empty. Where `id` is given, a root without that id is
    /// refused.
    package convenience init(
        path: String, id: String? = nil, sync: SyncMode = .always, files: any FileOperations = SystemFiles()
    ) throws(StoreRootError) {
        try self.init(path: path, id: id, sync: sync, files: files, boot: currentBoot())
    }

    /// `boot` names this boot of the machine.
    init(
        path: String, id wanted: String?, sync: SyncMode, files: any FileOperations, boot: String
    ) throws(StoreRootError) {
        (self.path, self.files, self.boot, syncs) = (path, files, boot, sync == .always)
        let opening = RootOpening(path: path, files: files, syncs: syncs)
        let root = try opening.rootFolder(isExpected: wanted)
        let lock = try opening.lock(root)
        let (layout, isNew) = try opening.layout(root, wanted: wanted)
        let run = try opening.makeFolders(root)
        let previous = try opening.read(BootMark.fileName, in: run).flatMap(BootMark.init)
        uncleanPowerLoss = BootMark.mayHaveLost(previous, isNew: isNew, boot: boot)
        (self.root, self.run, self.lock, self.id, self.isNew) = (root, run, lock, layout.id, isNew)
        try write(uncleanPowerLoss ? .lost : .running)
    }

    /// What a loss of power did has been dealt with.
    package func markRecovered() throws(StoreRootError) { try write(.running) }

    /// The last thing of a stop in good order, after all else is closed.
    package func markClean() throws(StoreRootError) { try write(.clean) }

    private func write(_ state: BootMark.State) throws(StoreRootError) {
        let opening = RootOpening(path: path, files: files, syncs: syncs)
        try opening.replace(BootMark.fileName, BootMark(boot: boot, state: state).text, in: run)
    }
}

/// Changes with each boot of the machine (proc(5), random/boot_id).
private func currentBoot() -> String {
    guard let file = fopen("/proc/sys/kernel/random/boot_id", "r") else { return BootMark.unknownBoot }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = fread(&bytes, 1, bytes.count, file)
    let text = String(decoding: bytes[..<count].prefix { $0 > 32 }, as: UTF8.self)
    return text.isEmpty ? BootMark.unknownBoot : text
}
