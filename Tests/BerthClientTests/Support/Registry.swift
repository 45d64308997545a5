import Foundation

/// The registry under test: one for all tests, each of which keeps to repositories of its own.
struct Registry: Sendable {
    /// As in `127.0.0.1:5000`.
    let address: String
    /// nil where the tests were given a running registry.
    private let keeper: Keeper?

    /// Lines of the server's log that tell of an error of its own with a repository below `namespace`. No client's doing may cause one.
    func serverErrors(_ namespace: String) -> [Substring] {
        guard let keeper else { return [] }
        return keeper.log.split(separator: "\n").filter { $0.contains(namespace) && $0.contains(/"status": ?5\d\d/) }
    }

    static let shared = Once<Registry> {
        if let address = ProcessInfo.processInfo.environment["TEST_REGISTRY"] {
            return Registry(address: address, keeper: nil)
        }
        let binary = try berth()
        let keeper = try await Keeper.daemon("registry", readyAt: "listening on http://127\\.0\\.0\\.1:[0-9]+") {
            [
                "/usr/bin/env", "BERTH_METRICS_LISTEN=off", binary, "serve", "--listen", "127.0.0.1:0", "--root",
                "\($0)/data",
            ]
        }
        guard let match = keeper.greeting.firstMatch(of: /listening on http:\/\/(127\.0\.0\.1:\d+)/) else {
            throw DaemonError(name: "berth", log: keeper.log)
        }
        return Registry(address: String(match.1), keeper: keeper)
    }

    /// A registry with accounts: `writer` may push below clients/, `reader` may pull there, and everybody below public/.
    static let closed = Once<Registry> {
        let binary = try berth()
        let keeper = try await Keeper.daemon("closed", readyAt: "listening on http://127\\.0\\.0\\.1:[0-9]+") {
            [
                "/usr/bin/env", "BERTH_METRICS_LISTEN=off", binary, "serve", "--listen", "127.0.0.1:0", "--root",
                "\($0)/data",
            ]
        }
        guard let match = keeper.greeting.firstMatch(of: /listening on http:\/\/(127\.0\.0\.1:\d+)/) else {
            throw DaemonError(name: "berth", log: keeper.log)
        }
        for command in [
            "printf %s '\(password)' | \(binary) user add writer --password-stdin",
            "printf %s '\(password)' | \(binary) user add reader --password-stdin",
            "\(binary) grant add user:writer maintainer 'clients/**'",
            "\(binary) grant add user:writer writer 'public/**'",
            "\(binary) grant add user:reader reader 'clients/**'",
            "\(binary) grant add everyone reader 'public/**'",
        ] {
            let done = try await Command(
                program: "/bin/sh", arguments: ["-c", "\(command) --root \(keeper.folder)/data"],
                environment: Scratch.baseEnvironment, directory: keeper.folder
            ).run()
            guard done.status == 0 else { throw CommandFailure(finished: done) }
        }
        return Registry(address: String(match.1), keeper: keeper)
    }
    static let password = "correct horse battery"

    private static func berth() throws -> String {
        let built = ["debug", "release"].map { "\(Place.package)/.build/\($0)/berth" }
        let named = ProcessInfo.processInfo.environment["TEST_BERTH_BINARY"].map { [$0] }
        guard let binary = (named ?? built).first(where: { Command.find($0) != nil }) else {
            throw NoRegistry(looked: named ?? built)
        }
        return binary
    }

    struct NoRegistry: Error, CustomStringConvertible {
        let looked: [String]
        var description: String {
            "no registry to test: build berth, or set TEST_BERTH_BINARY or TEST_REGISTRY (looked for \(looked))"
        }
    }
}
