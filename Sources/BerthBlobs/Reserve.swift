import Synchronization

/// Disk that a full file system gives back, so that deleting and settling can go on. Uploads wait until it is whole again.
final class Reserve: Sendable {
    private enum Phase: Sendable { case whole, gone, changing }

    static let name = "reserve"
    private let folder: CInt
    private let size: Int64
    private let files: any FileOperations
    private let phase: Mutex<Phase>

    /// `size` in bytes; 0 for none. Nothing is done yet: the reserve counts as gone until `restore`.
    init(size: Int64, in folder: CInt, files: any FileOperations) {
        (self.size, self.folder, self.files) = (size, folder, files)
        phase = Mutex(size > 0 ? .gone : .whole)
    }

    var isWhole: Bool { phase.withLock { $0 == .whole } }

    /// Called when a call met a full disk. Best effort: what cannot be removed is emptied.
    func giveUp() {
        guard size > 0, claim(from: .whole) else { return }
        remove()
        phase.withLock { $0 = .gone }
    }

    /// Makes the reserve whole if there is room for it and as much again. Answers whether it is whole.
    func restore() -> Bool {
        guard claim(from: .gone) else { return isWhole }
        let isMade = isThere() || (hasRoom() && make())
        phase.withLock { $0 = isMade ? .whole : .gone }
        return isMade
    }

    private func claim(from expected: Phase) -> Bool {
        phase.withLock { phase in
            guard phase == expected else { return false }
            phase = .changing
            return true
        }
    }

    private func isThere() -> Bool {
        guard let status = try? files.status(of: Self.name, in: folder) else { return false }
        return status.kind == .regular && status.size >= size && status.allocated >= size
    }

    private func hasRoom() -> Bool {
        guard let free = try? files.freeSpace(folder) else { return false }
        return free / 2 >= size
    }

    private func make() -> Bool {
        guard let file = try? files.open(Self.name, in: folder, .writingOrCreating) else { return false }
        defer { files.close(file) }
        do {
            try files.allocate(file, size: size)
            return true
        } catch {
            remove()
            return false
        }
    }

    private func remove() {
        do {
            try files.unlink(Self.name, in: folder)
        } catch {
            // A copy-on-write file system may need room to remove a name, but not to empty a file.
            guard let file = try? files.open(Self.name, in: folder, .writing) else { return }
            defer { files.close(file) }
            try? files.truncate(file, to: 0)
        }
    }
}
