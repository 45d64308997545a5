import Foundation

/// The registry under test: one for all tests, each of which keeps to repositories of its own.
struct Registry: Sendable {
    /// As in `127.0.0.1:5000`.
    let address: String
    /// nil where the tests were given a running registry.
    private let keeper: Keeper?

    /// Where its data and its clients' certificates lie.
    var folder: String { keeper?.folder ?? "" }
    /// The certificate of its own authority, if it has one.
    var authority: String { "\(folder)/data/keys/tls/ca.crt" }
    var isSecure: Bool { keeper?.greeting.contains("https://") ?? false }

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
        try await addAccounts(binary, keeper)
        return Registry(address: String(match.1), keeper: keeper)
    }

    /// The same with TLS of its own authority, where clients may show certificates (see client-certificates.sh).
    static let secure = Once<Registry> {
        let binary = try berth()
        let keeper = try await Keeper.daemon("secure", readyAt: "listening on https://127\\.0\\.0\\.1:[0-9]+") {
            [
                "/bin/sh", "-c",
                "'\(Place.script("client-certificates.sh"))' '\($0)' && BERTH_METRICS_LISTEN=off exec '\(binary)' serve "
                    + "--tls-self-signed --listen 127.0.0.1:0 --root '\($0)/data' "
                    + "--set 'http.tls.client_ca=\($0)/clients.crt' --set http.tls.client_auth=optional",
            ]
        }
        guard let match = keeper.greeting.firstMatch(of: /listening on https:\/\/(127\.0\.0\.1:\d+)/) else {
            throw DaemonError(name: "berth", log: keeper.log)
        }
        try await addAccounts(binary, keeper)
        for command in ["uri:spiffe://clients.test/writer writer", "dns:reader.clients.test reader"] {
            try await run("'\(binary)' certificate add \(command)", keeper)
        }
        return Registry(address: String(match.1), keeper: keeper)
    }

    private static func addAccounts(_ binary: String, _ keeper: Keeper) async throws {
        for command in [
            "printf %s '\(password)' | \(binary) user add writer --password-stdin",
            "printf %s '\(password)' | \(binary) user add reader --password-stdin",
            "\(binary) grant add user:writer maintainer 'clients/**'",
            "\(binary) grant add user:writer writer 'public/**'",
            "\(binary) grant add user:reader reader 'clients/**'",
            "\(binary) grant add everyone reader 'public/**'",
        ] {
            try await run(command, keeper)
        }
    }

    private static func run(_ command: String, _ keeper: Keeper) async throws {
        let done = try await Command(
            program: "/bin/sh", arguments: ["-c", "\(command) --root \(keeper.folder)/data"],
            environment: Scratch.baseEnvironment, directory: keeper.folder
        ).run()
        guard done.status == 0 else { throw CommandFailure(finished: done) }
    }
    static let password = "correct horse battery"

    static func berth() throws -> String {
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
