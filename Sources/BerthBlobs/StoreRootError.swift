/// Why a root cannot be served. Each text names the thing, the reason and the remedy.
package enum StoreRootError: Error, Hashable, CustomStringConvertible {
    /// `cause` is the system's.
    case failed(path: String, doing: String, cause: String)
    case notOwned(path: String, owner: UInt32, user: UInt32)
    case writableByAll(path: String, mode: UInt32)
    /// `holder` as the other process wrote it: "process 123 on host".
    case locked(path: String, holder: String)
    /// There are other files, but no LAYOUT: not a root, or one whose LAYOUT was lost.
    case notARoot(path: String, found: String)
    case unreadableLayout(path: String)
    case newerLayout(path: String, version: Int, known: Int)
    case otherID(path: String, found: String, wanted: String)
    /// An empty root where one with an id is expected: a disk that is not mounted?
    case empty(path: String, wanted: String)

    package var description: String {
        switch self {
        case .failed(let path, let doing, let cause):
            "The storage root \(path) cannot be used: \(doing): \(cause)."
        case .notOwned(let path, let owner, let user):
            "The storage root \(path) belongs to user \(owner), and this process runs as user \(user). "
                + "Run it as that user, or give the folder away: chown -R \(user) \(path)"
        case .writableByAll(let path, let mode):
            "The storage root \(path) may be written by every user (mode \(String(mode, radix: 8))). "
                + "Take that away: chmod 700 \(path)"
        case .locked(let path, let holder):
            "The storage root \(path) is in use by \(holder). One process at a time serves a root: "
                + "stop that one, or choose another storage.root."
        case .notARoot(let path, let found):
            "The storage root \(path) has no LAYOUT file but holds \(found), so it is no storage root of Berth. "
                + "Choose an empty folder, or bring the LAYOUT file back from a backup."
        case .unreadableLayout(let path):
            "The file \(path)/LAYOUT does not say which layout this is. Bring it back from a backup."
        case .newerLayout(let path, let version, let known):
            "The storage root \(path) has layout \(version); this program knows layouts up to \(known). "
                + "Run the newer program that made it."
        case .otherID(let path, let found, let wanted):
            "The storage root \(path) is registry \(found), but storage.id says \(wanted). "
                + "Is another disk mounted there? Otherwise correct storage.id."
        case .empty(let path, let wanted):
            "The storage root \(path) is empty, but storage.id says that registry \(wanted) is there. "
                + "Is its disk mounted? For a new registry take storage.id away."
        }
    }
}
