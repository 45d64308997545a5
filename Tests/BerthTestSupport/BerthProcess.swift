import Foundation
package import Glibc
import Synchronization

/// A real `berth serve` in a process of its own, on a port of its own. It ends with the value that holds it, whatever
/// the test did.
package final class BerthProcess: Sendable {
    /// How a process ended.
    package enum Exit: Hashable, Sendable {
        case status(Int32)
        case signal(Int32)
    }

    package let identifier: pid_t
    private let ending: Ending
    private let logPath: String
    private let announced = Mutex<Int?>(nil)

    /// Starts `berth serve` on `root` without waiting for anything.
    ///
    /// - Parameters:
    ///   - settings: `key=value`, as after `--set`. Metrics are off and 1 MiB of space is kept free unless told
    ///     otherwise.
    ///   - environment: on top of this process's, of which no `BERTH_…` is passed on.
    ///   - wrapper: a program with arguments that becomes the server, as in `["prlimit", "--nofile=64"]`.
    package init(
        root: String, settings: [String] = [], environment: [String: String] = [:], wrapper: [String] = []
    ) throws {
        let defaults = ["metrics.listen=off", "storage.reserve=1MiB"].filter { setting in
            !settings.contains { $0.hasPrefix(setting.prefix { $0 != "=" } + "=") }
        }
        var command = wrapper + [try Self.binary(), "serve", "--listen", "127.0.0.1:0", "--root", root]
        command += (defaults + settings).flatMap { ["--set", $0] }
        var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("BERTH_") }
        variables.merge(environment) { $1 }
        logPath = "\(NSTemporaryDirectory())/berth-test-\(UUID().uuidString).log"
        identifier = try Spawn.start(command, variables, output: logPath)
        ending = Ending(identifier)
    }

    deinit {
        ending.kill(SIGKILL)
        unlink(logPath)
    }

    /// Starts a server and waits until it listens. A server that ends instead is a failure that tells its log.
    package static func start(
        root: String, settings: [String] = [], environment: [String: String] = [:], wrapper: [String] = []
    ) async throws -> BerthProcess {
        let process = try BerthProcess(root: root, settings: settings, environment: environment, wrapper: wrapper)
        try await process.listens()
        return process
    }

    /// Waits for the line that says on which port it listens: for that of its nth start, where a restore has it begin
    /// anew as the same process.
    package func listens(start: Int = 1) async throws {
        try await eventually("the server listens") { self.findPort(start) || self.ending.exit != nil }
        guard findPort(start) else { throw TestFailure("the server ended at its start: \(ended) \(log)") }
    }

    private func findPort(_ start: Int) -> Bool {
        let ports = ports
        guard ports.count >= start else { return false }
        announced.withLock { $0 = ports.last }
        return true
    }

    /// The ports of its starts so far, as its log tells them.
    package var ports: [Int] {
        log.matches(of: /listening on https?:\/\/127\.0\.0\.1:(\d+)/).compactMap { Int($0.1) }
    }

    /// The port that it listens on, since the start that `listens` waited for last; 0 before.
    package var port: Int { announced.withLock { $0 ?? 0 } }

    /// Everything it wrote so far.
    package var log: String {
        guard let data = FileManager.default.contents(atPath: logPath) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    package var isRunning: Bool { ending.exit == nil }

    package func connect(patience: Int = 30) throws -> TestConnection {
        try TestConnection(port: port, patience: patience)
    }

    package func signal(_ number: Int32) { ending.kill(number) }

    /// SIGKILL, as `kill -9`. Returns when the process is gone.
    package func kill() async {
        ending.kill(SIGKILL)
        _ = await exit()
    }

    /// SIGTERM, and the end that follows it. A server that does not stop is killed, and a failure.
    @discardableResult
    package func stop() async throws -> Exit {
        ending.kill(SIGTERM)
        do {
            return try await exit(within: 40)
        } catch {
            await kill()
            throw error
        }
    }

    /// Waits for the end.
    package func exit() async -> Exit { await ending.wait() }

    /// Waits for the end, `seconds` at most.
    package func exit(within seconds: Int) async throws -> Exit {
        try await eventually("the server ends", within: seconds) { self.ending.exit != nil }
        return await exit()
    }

    /// Open descriptors of the process.
    package var descriptors: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(identifier)/fd").count) ?? 0
    }

    /// Memory in use, in KiB, as `VmRSS` of proc(5) says.
    package var residentKiB: Int {
        let status = (try? String(contentsOfFile: "/proc/\(identifier)/status", encoding: .utf8)) ?? ""
        return status.firstMatch(of: /VmRSS:\s+(\d+) kB/).flatMap { Int($0.1) } ?? 0
    }

    private var ended: String { ending.exit.map { "\($0)" } ?? "" }
}

extension BerthProcess {
    /// The server to test: TEST_BERTH_BINARY, or what this build made.
    package static func binary() throws -> String {
        if let named = ProcessInfo.processInfo.environment["TEST_BERTH_BINARY"] { return named }
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let beside = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path
        let candidates = ["\(beside)/berth", "\(package)/.build/debug/berth", "\(package)/.build/release/berth"]
        guard let binary = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            throw TestFailure("no server to test: build berth or set TEST_BERTH_BINARY; looked for \(candidates)")
        }
        return binary
    }
}
