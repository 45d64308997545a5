import Foundation
import Glibc
import Synchronization

/// Lets the kernel read the database into its memory, in order, while the server starts: otherwise the first pushes and
/// pulls after a start read it page by page from where chance has put them.
///
/// Its descriptor is opened before SQLite opens the file, and closed by `end` alone, once SQLite has closed it: closing any
/// descriptor of a file gives up all the locks on it that the process has (fcntl(2), "Advisory record locking").
final class CatalogWarming: Sendable {
    /// What one call asks for: the kernel takes no more at once than a device's largest request.
    private static let step = 128 << 10
    /// A smaller file is read by the kernel within its first few reads.
    private static let least = 2 << 20
    /// The share of the machine's memory that is used for it.
    private static let share = 8

    /// Nil once ended.
    private let file: Mutex<CInt?>
    private let size: Int

    /// Nil where there is nothing worth it.
    init?(path: String) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size >= Self.least else {
            close(file)
            return nil
        }
        self.file = Mutex(file)
        size = Int(status.st_size)
    }

    func begin() {
        let thread = Thread { [self] in
            nameThread("berth-warm")
            let memory = sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE))
            for offset in stride(from: 0, to: min(size, memory / Self.share), by: Self.step) {
                guard read(from: offset) else { return }
            }
        }
        thread.start()
    }

    /// False where the kernel will not, or nobody needs it any more.
    private func read(from offset: Int) -> Bool {
        file.withLock { file in
            guard let file else { return false }
            return posix_fadvise(file, offset, Self.step, POSIX_FADV_WILLNEED) == 0
        }
    }

    func end() {
        file.withLock { file in
            if let open = file { close(open) }
            file = nil
        }
    }
}
