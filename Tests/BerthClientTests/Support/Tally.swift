import Foundation
import Glibc
import Synchronization

/// Counts which clients ran and which did not, and says so when the tests end.
enum Tally {
    private struct Counts {
        var ran: [Client: (version: String, tests: Int)] = [:]
        var skipped: [Client: String] = [:]
        /// Single things that this machine does not let a client do.
        var refused: [String] = []
        var isReported = false
    }
    private static let counts = Mutex(Counts())

    static func ran(_ client: Client, version: String) {
        change { $0.ran[client, default: (version, 0)].tests += 1 }
    }
    static func skipped(_ client: Client, _ reason: String) {
        change { $0.skipped[client] = reason }
    }
    static func refused(_ what: String, _ reason: String) {
        change { $0.refused.append("\(what): \(reason)") }
    }

    private static func change(_ body: (inout sending Counts) -> Void) {
        let isFirst = counts.withLock { counts in
            body(&counts)
            defer { counts.isReported = true }
            return !counts.isReported
        }
        if isFirst { atexit { Tally.report() } }
    }

    private static func report() {
        let text = counts.withLock { counts in
            var lines = ["Clients: \(counts.ran.count) ran, \(counts.skipped.count) skipped"]
            for client in Client.allCases {
                if let (version, tests) = counts.ran[client] {
                    lines.append(
                        "  ran      \(client.rawValue) (\(version)), \(tests) \(tests == 1 ? "test" : "tests")")
                }
                if let reason = counts.skipped[client] { lines.append("  skipped  \(client.rawValue): \(reason)") }
            }
            return lines + counts.refused.map { "  refused  \($0)" }
        }
        FileHandle.standardError.write(Data((text.joined(separator: "\n") + "\n").utf8))
    }
}
