import BerthDigest
import Glibc

/// The steps of opening a root, each of which may refuse it.
struct RootOpening {
    private static let lockName = "lock"
    private static let folders = ["blobs", "uploads", "snapshots", "keys"]
    private static let runName = "run"
    /// No small file of a root has more bytes.
    private static let mostBytes = 4_096

    let path: String
    let files: any FileOperations
    let syncs: Bool

    /// The folder itself. It is made if it is absent, unless a registry is expected there.
    func rootFolder(isExpected wanted: String?) throws(StoreRootError) -> Folder {
        let folder: Folder
        do throws(SystemError) {
            folder = Folder(try files.openRoot(path), files: files)
        } catch  where error.errno == .notThere {
            if let wanted { throw .empty(path: path, wanted: wanted) }
            folder = try makeRoot()
        } catch { throw failed("opening it", error) }
        let status = try doing("looking at it") { () throws(SystemError) in try files.status(folder.descriptor) }
        let user = geteuid()
        // root may own it: container platforms hand out volumes so, and root can do everything anyway
        guard status.owner == user || status.owner == 0 else {
            throw .notOwned(path: path, owner: status.owner, user: user)
        }
        guard status.mode & 0o002 == 0 || status.mode & 0o1000 != 0 else {
            throw .writableByAll(path: path, mode: status.mode)
        }
        return folder
    }

    /// Makes every missing folder on the way.
    private func makeRoot() throws(StoreRootError) -> Folder {
        let names = path.split(separator: "/").map(String.init)
        return try doing("making it") { () throws(SystemError) in
            var folder = Folder(try files.openRoot(path.hasPrefix("/") ? "/" : "."), files: files)
            var walked = path.hasPrefix("/") ? "" : "."
            for name in names {
                walked += "/" + name
                do throws(SystemError) {
                    folder = Folder(try files.openRoot(walked), files: files)
                } catch  where error.errno == .notThere {
                    let new = try folder.folderOrNew(name)
                    if syncs { try files.sync(folder.descriptor) }
                    folder = new
                }
            }
            return folder
        }
    }

    /// Holds the root for this process.
    func lock(_ root: Folder) throws(StoreRootError) -> OpenFile {
        let file = try doing("opening its lock") { () throws(SystemError) in
            OpenFile(try files.open(Self.lockName, in: root.descriptor, .writingOrCreating), size: 0, files: files)
        }
        do throws(SystemError) {
            try lockPatiently(file.descriptor)
        } catch  where error.errno == .wouldBlock {
            let holder = try? contents(file.descriptor)
            throw .locked(path: path, holder: holder.flatMap(Self.line) ?? "another process")
        } catch { throw failed("locking it", error) }
        try doing("noting who holds it") { () throws(SystemError) in
            try files.truncate(file.descriptor, to: 0)
            try write("process \(getpid()) on \(Self.hostName())\n", to: file.descriptor)
        }
        return file
    }

    /// A process that has just ended may have begun another one, which holds the lock too until it runs its own program:
    /// that is waited for, half a second at most. Who lives and holds the root is not.
    private func lockPatiently(_ descriptor: CInt) throws(SystemError) {
        for _ in 0..<25 {
            do throws(SystemError) { return try files.lock(descriptor) } catch {
                guard error.errno == .wouldBlock, !isHeldByOther(descriptor) else { throw error }
            }
            usleep(20_000)
        }
        try files.lock(descriptor)
    }

    /// Whether the process that the lock names lives, and is not this one. One elsewhere is taken to live.
    private func isHeldByOther(_ descriptor: CInt) -> Bool {
        guard let text = try? contents(descriptor), let line = Self.line(text) else { return false }
        let words = line.split(separator: " ")
        guard words.count == 4, let holder = pid_t(words[1]), words[3] == Self.hostName() else { return true }
        return holder != getpid() && (kill(holder, 0) == 0 || errno != ESRCH)
    }

    /// What LAYOUT says; it is written if there is nothing else.
    func layout(_ root: Folder, wanted: String?) throws(StoreRootError) -> (layout: StoreLayout, isNew: Bool) {
        if let text = try read(StoreLayout.fileName, in: root) {
            guard let layout = StoreLayout(text) else { throw .unreadableLayout(path: path) }
            guard layout.version <= StoreLayout.newest else {
                throw .newerLayout(path: path, version: layout.version, known: StoreLayout.newest)
            }
            guard wanted == nil || wanted == layout.id else {
                throw .otherID(path: path, found: layout.id, wanted: wanted ?? "")
            }
            return (layout, false)
        }
        let found = try doing("listing it") { () throws(SystemError) in try files.names(in: root.descriptor) }
        if let stranger = found.filter(Self.isStrange).min() { throw .notARoot(path: path, found: stranger) }
        if let wanted { throw .empty(path: path, wanted: wanted) }
        let layout = StoreLayout(version: StoreLayout.newest, id: StoreLayout.newID(randomBytes(16)))
        try replace(StoreLayout.fileName, layout.text, in: root)
        return (layout, true)
    }

    /// Makes the folders that are not there, and answers run/.
    func makeFolders(_ root: Folder) throws(StoreRootError) -> Folder {
        try doing("making its folders") { () throws(SystemError) in
            for name in Self.folders { _ = try root.folderOrNew(name) }
            let run = try root.folderOrNew(Self.runName)
            if syncs { try files.sync(root.descriptor) }
            return run
        }
    }

    /// The text of a small file, nil if there is none.
    func read(_ name: String, in folder: Folder) throws(StoreRootError) -> String? {
        do throws(SystemError) {
            let file = OpenFile(try files.open(name, in: folder.descriptor, .reading), size: 0, files: files)
            return try contents(file.descriptor)
        } catch  where error.errno == .notThere {
            return nil
        } catch { throw failed("reading \(name)", error) }
    }

    /// Writes a small file that is old or new after a loss of power, never half.
    func replace(_ name: String, _ text: String, in folder: Folder) throws(StoreRootError) {
        try doing("writing \(name)") { () throws(SystemError) in
            let temporary = name + TemporaryName.suffix
            do throws(SystemError) {
                try files.unlink(temporary, in: folder.descriptor)
            } catch  where error.errno == .notThere {
                // the usual case
            }
            let file = OpenFile(
                try files.open(temporary, in: folder.descriptor, .creating), size: 0, files: files)
            try write(text, to: file.descriptor)
            if syncs { try files.sync(file.descriptor) }
            try files.rename(temporary, in: folder.descriptor, to: name, in: folder.descriptor)
            if syncs { try files.sync(folder.descriptor) }
        }
    }

    private func write(_ text: String, to file: CInt) throws(SystemError) {
        try files.writeAll(file, Array(text.utf8), at: 0)
    }

    private func contents(_ file: CInt) throws(SystemError) -> String {
        String(decoding: try files.readAll(file, count: Self.mostBytes), as: UTF8.self)
    }

    private func doing<Value>(
        _ what: String, _ body: () throws(SystemError) -> Value
    ) throws(StoreRootError) -> Value {
        do throws(SystemError) { return try body() } catch { throw failed(what, error) }
    }

    private func failed(_ what: String, _ error: SystemError) -> StoreRootError {
        .failed(path: path, doing: what, cause: "\(error.errno)")
    }

    /// What an unused folder may hold: hidden files, what a file system or a checkout puts there, and our own beginnings.
    private static func isStrange(_ name: String) -> Bool {
        let harmless = [lockName, StoreLayout.fileName + TemporaryName.suffix, "lost+found", "README.md"]
        return !harmless.contains(name) && !name.hasPrefix(".")
    }

    private static func line(_ text: String) -> String? {
        text.split(separator: "\n").first.map(String.init)
    }

    private static func hostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "this host" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
