import Foundation
import Glibc

/// Starts processes by posix_spawn. Foundation's `Process` reads the list of open files past its end, and crashes a test
/// process that has a thousand of them.
enum Spawn {
    private typealias CloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32

    /// In glibc since 2.34, and not in the headers that Swift sees.
    private static let closeFrom: CloseFrom? = dlsym(dlopen(nil, RTLD_NOW), "posix_spawn_file_actions_addclosefrom_np")
        .map { unsafeBitCast($0, to: CloseFrom.self) }

    /// Starts `command`, found by PATH, with no other environment; what it says is appended to files.
    static func start(
        _ command: [String], _ environment: [String: String], output: String, complaints: String? = nil
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        if let complaints {
            posix_spawn_file_actions_addopen(&actions, 2, complaints, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        } else {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        // What the test's own process has open is nothing to the server.
        _ = closeFrom?(&actions, 3)
        // The test runner's own signal settings are nothing to it either.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var arguments = command.map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for text in arguments + variables { free(text) }
        }
        var process: pid_t = 0
        let code = posix_spawnp(&process, command[0], &actions, &attributes, &arguments, &variables)
        guard code == 0 else { throw TestFailure("\(command[0]) does not start: \(String(cString: strerror(code)))") }
        return process
    }
}

/// What a program left behind.
package struct Outcome: Sendable {
    /// As a shell says it: 128 and the signal's number where a signal ended it.
    package let status: Int32
    package let output: String
    package let complaint: String
}

/// Runs a program to its end, with no environment but the one given.
package func runToEnd(_ command: [String], environment: [String: String] = [:]) async throws -> Outcome {
    let folder = FileManager.default.temporaryDirectory.path + "/berth-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let process = try Spawn.start(command, environment, output: folder + "/out", complaints: folder + "/err")
    let status: Int32 =
        switch await Ending(process).wait() {
        case .status(let status): status
        case .signal(let number): 128 + number
        }
    return Outcome(
        status: status,
        output: try String(contentsOfFile: folder + "/out", encoding: .utf8),
        complaint: try String(contentsOfFile: folder + "/err", encoding: .utf8))
}
