import Glibc
import Synchronization

/// Whether the process is to begin anew when it has stopped.
package final class Restart: Sendable {
    private let wanted = Atomic(false)

    var isWanted: Bool { wanted.load(ordering: .acquiring) }

    /// Begins the stop that a SIGTERM begins, and a new start after it. One that has begun already is not hurried: a second
    /// signal would end the process at once.
    func begin(isStopping: Bool) {
        guard !wanted.exchange(true, ordering: .acquiringAndReleasing), !isStopping else { return }
        kill(getpid(), SIGTERM)
    }

    /// The same program with the same arguments takes this process's place. Returns only where that fails, and says why.
    static func startAnew() -> String {
        for name in openDescriptors() where name > 2 {
            let flags = fcntl(name, F_GETFD)
            if flags >= 0 { _ = fcntl(name, F_SETFD, flags | FD_CLOEXEC) }
        }
        // What this process ignores and blocks, the next one would as well.
        for number in [SIGTERM, SIGINT] { signal(number, SIG_DFL) }
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        execv("/proc/self/exe", CommandLine.unsafeArgv)
        return String(cString: strerror(errno))
    }

    private static func openDescriptors() -> [CInt] {
        guard let folder = opendir("/proc/self/fd") else { return [] }
        defer { closedir(folder) }
        var found: [CInt] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let number = CInt(name) { found.append(number) }
        }
        return found
    }
}
