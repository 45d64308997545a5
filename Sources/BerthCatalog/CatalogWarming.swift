import Glibc
import Foundation

/// Lets the kernel read the database into its memory, in order, while the server starts: otherwise the first pushes and
/// pulls after a start read it page by page from where chance has put them.
///
/// Made before SQLite opens the file, and let go of after it has closed: closing any descriptor of a file gives up all the
/// locks on it that the process has (fcntl(2), "Advisory record locking").
final class CatalogWarming: Sendable {
    /// What one call asks for: the kernel takes no more at once than a device's largest request.
    private static let step = 128 << 10
    /// The share of the machine's memory that is used for it.
    private static let share = 8

    private let file: CInt

    /// Nil where there is nothing to read.
    init?(path: String) {
        file = open(path, O_RDONLY | O_CLOEXEC)
        if file < 0 { return nil }
    }

    deinit { close(file) }

    func begin() {
        let thread = Thread { [self] in run() }
        thread.name = "berth-warm"
        thread.start()
    }

    private func run() {
        var status = stat()
        guard fstat(file, &status) == 0 else { return }
        let memory = sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE))
        let end = min(Int(status.st_size), memory / Self.share)
        // Where the kernel will not, all is as it was.
        for offset in stride(from: 0, to: end, by: Self.step) {
            guard posix_fadvise(file, offset, Self.step, POSIX_FADV_WILLNEED) == 0 else { return }
        }
    }
}
