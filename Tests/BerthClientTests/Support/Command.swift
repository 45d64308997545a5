import Foundation
import Glibc
import Synchronization

/// A program to run, with everything that it can see.
struct Command: Sendable {
    /// A name, looked up in `searchPath`, or an absolute path.
    let program: String
    let arguments: [String]
    var environment: [String: String]
    var directory: String
    /// After this long the program and all it has started are killed; far above what any client needs.
    var timeout: Duration = .seconds(600)

    /// Where Debian installs programs. What the user has put before it in PATH is not what these tests test.
    static let searchPath = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]

    /// The absolute path of a program, or nil where it is not installed.
    static func find(_ program: String) -> String? {
        if program.hasPrefix("/") { return access(program, X_OK) == 0 ? program : nil }
        return searchPath.map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }

    /// Runs the program to its end.
    ///
    /// Throws only if it cannot be started; what it answered is for the caller to judge.
    func run() async throws -> Finished {
        guard let path = Command.find(program) else { throw SpawnError(program: program, code: ENOENT) }
        let (output, errors) = try (OutputFile(), OutputFile())
        let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(null) }
        let process = try spawn(
            path, arguments, environment: environment, directory: directory,
            files: (null, output.descriptor, errors.descriptor))
        let status = await wait(for: process, within: timeout)
        return Finished(command: self, status: status, output: output.text(), errors: errors.text())
    }
}

/// A program that has ended.
struct Finished: Sendable {
    let command: Command
    /// Exit status as a shell says it: 128 and the signal's number where a signal ended it.
    let status: Int32
    let output: String
    let errors: String

    /// What was printed, lines trimmed at the end.
    var text: String { output.trimmingCharacters(in: .whitespacesAndNewlines) }
    var lines: [String] { text.split(separator: "\n").map(String.init) }
    /// Both outputs together, for looking something up in them.
    var all: String { output + errors }
}

/// A program that failed where it had to succeed, or the other way round. Its text is the test's failure.
struct CommandFailure: Error, CustomStringConvertible {
    let finished: Finished

    var description: String {
        let command = ([finished.command.program] + finished.command.arguments).joined(separator: " ")
        let told = finished.all.suffix(4000)
        return "status \(finished.status) from: \(command)\n\(told)"
    }
}

/// A file without a name that takes a program's output: unlike a pipe it is never full, and a daemon left behind by the
/// program that still holds it open does not keep anybody waiting.
private final class OutputFile: Sendable {
    let descriptor: Int32

    init() throws(SpawnError) { descriptor = try newNamelessFile() }
    deinit { close(descriptor) }

    func text() -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = pread(descriptor, &chunk, chunk.count, off_t(bytes.count))
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }
}

/// Waits for the end of a process and kills its group if that takes too long.
private func wait(for process: pid_t, within timeout: Duration) async -> Int32 {
    let hasEnded = Mutex(false)
    let killer = DispatchWorkItem {
        // Under the lock that the waiter takes after the process was reaped: its id cannot be another's yet.
        hasEnded.withLock { if !$0 { _ = kill(-process, SIGKILL) } }
    }
    DispatchQueue.global().asyncAfter(deadline: .now() + Double(timeout.components.seconds), execute: killer)
    defer { killer.cancel() }
    return await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            var info = siginfo_t()
            while waitid(P_PID, id_t(process), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
            var status: Int32 = 0
            hasEnded.withLock {
                while waitpid(process, &status, 0) < 0 && errno == EINTR {}
                $0 = true
            }
            let signal = status & 0x7f
            continuation.resume(returning: signal == 0 ? (status >> 8) & 0xff : 128 + signal)
        }
    }
}
