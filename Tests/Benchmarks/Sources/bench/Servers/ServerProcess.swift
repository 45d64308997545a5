import CLinux
import Foundation
import Glibc
import Synchronization

/// A server that was started here, on a port of its own. It is ended by its own process id.
final class ServerProcess {
    let server: any Server
    let root: String
    let port: Int
    let identifier: pid_t
    let logPath: String
    private let started: UInt64
    private var hasEnded = false
    /// From its start to its first answer.
    private(set) var startMilliseconds = 0.0

    var tree: ProcessTree { ProcessTree(root: identifier) }

    /// Starts a server on `root` and waits for its first answer.
    ///
    /// - Parameter scratch: a folder for its configuration and log.
    static func start(_ server: any Server, root: String, scratch: String, tls: TLSFiles?) throws -> ServerProcess {
        var failure = BenchError("")
        // Another process may take the port between our finding it and the server's binding it.
        for _ in 0..<3 {
            let process = try ServerProcess(server, root: root, scratch: scratch, tls: tls)
            do {
                try process.awaitAnswer(tls: tls != nil)
                process.startMilliseconds = Double(Clock.now() - process.started) / 1e6
                return process
            } catch let error as BenchError {
                process.stop()
                failure = error
            }
        }
        throw failure
    }

    private init(_ server: any Server, root: String, scratch: String, tls: TLSFiles?) throws {
        (self.server, self.root) = (server, root)
        port = try Self.freePort()
        try Files.makeFolder(scratch)
        logPath = "\(scratch)/\(server.name)-\(port).log"
        let command = try server.command(root: root, scratch: scratch, port: port, tls: tls)
        started = Clock.now()
        identifier = try Self.spawn([Files.ownFolder + "/leash"] + command, log: logPath)
        Children.add(identifier)
    }

    deinit { stop() }

    /// Asks the server to end, and insists after ten seconds.
    func stop() {
        guard !hasEnded else { return }
        hasEnded = true
        kill(identifier, SIGTERM)
        var status: Int32 = 0
        for _ in 0..<10_000 {
            if waitpid(identifier, &status, WNOHANG) != 0 {
                Children.remove(identifier)
                return
            }
            usleep(1000)
        }
        kill(identifier, SIGKILL)
        waitpid(identifier, &status, 0)
        Children.remove(identifier)
    }

    /// Waits until the server computes no more: what it does after its acknowledgements is part of their cost.
    func comeToRest(within seconds: Double = 20) {
        let end = Clock.now() + UInt64(seconds * 1e9)
        var before = tree.cpuSeconds
        var quiet = 0
        while quiet < 5, Clock.now() < end {
            usleep(30_000)
            let now = tree.cpuSeconds
            quiet = now - before < 0.0004 ? quiet + 1 : 0
            before = now
        }
    }

    private func awaitAnswer(tls: Bool) throws {
        let end = Clock.now() + 30_000_000_000
        var reason = ""
        while Clock.now() < end {
            var status: Int32 = 0
            if waitpid(identifier, &status, WNOHANG) != 0 {
                hasEnded = true
                Children.remove(identifier)
                throw BenchError("\(server.name) ended at its start: \(Files.text(logPath).suffix(1000))")
            }
            do {
                try Probe.firstAnswer(port: port, tls: tls)
                return
            } catch { reason = "\(error)" }
            usleep(500)
        }
        throw BenchError("\(server.name) does not answer: \(reason) \(Files.text(logPath).suffix(1000))")
    }

    private static func freePort() throws -> Int {
        let probe = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(probe) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(probe, address, length) == 0 && getsockname(probe, address, &length) == 0
            }
        }
        guard status else { throw Files.failure("a free port") }
        return Int(address.sin_port.bigEndian)
    }

    private static func spawn(_ command: [String], log: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // The signals that this process ignores shall end the server as usual.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments = command.map { strdup($0) } + [nil]
        // A setting of the caller's environment must not reach one of the servers alone.
        var environment =
            ProcessInfo.processInfo.environment
            .filter { !$0.key.hasPrefix("BERTH_") && !$0.key.hasPrefix("REGISTRY_") }
            .map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in arguments + environment { free(pointer) } }
        var identifier: pid_t = 0
        let status = posix_spawnp(&identifier, command[0], &actions, &attributes, &arguments, &environment)
        guard status == 0 else { throw BenchError("\(command[0]): \(String(cString: strerror(status)))") }
        return identifier
    }
}

/// The servers that run, so that they end with this process.
enum Children {
    private static let running = Mutex<Set<pid_t>>([])

    static func add(_ identifier: pid_t) { running.withLock { _ = $0.insert(identifier) } }
    static func remove(_ identifier: pid_t) { running.withLock { _ = $0.remove(identifier) } }

    /// Ends them all. For the way out alone.
    static func endAll() {
        running.withLock { for identifier in $0 { kill(identifier, SIGTERM) } }
    }
}
