import Glibc
import Logging

/// What the process owes to the secrets and content that it holds, whoever started it.
enum ProcessHardening {
    /// Files are the owner's alone (those that have to be wider are made so on purpose), and memory with keys in it is
    /// never written to a core file. Called once, before anything is opened.
    static func apply(_ log: Logger) {
        umask(0o077)
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        if setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) != 0 {
            log.warning("core files stay allowed", metadata: [LogKey.cause: "\(String(cString: strerror(errno)))"])
        }
        if geteuid() == 0 {
            log.warning("berth runs as root: give it a user of its own, as deploy/berth.service does")
        }
    }
}
