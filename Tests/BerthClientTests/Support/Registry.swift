import Foundation

/// The registry under test: one for all tests, each of which keeps to repositories of its own.
struct Registry: Sendable {
    /// As in `127.0.0.1:5000`.
    let address: String
    /// nil where the tests were given a running registry.
    fileprivate let keeper: Keeper?

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

    /// A closed registry that lets in the jobs of `org/app` at `Issuer.shared`, to push below clients/. Clocks may not
    /// differ, so that tokens end when they say.
    static let trusting = Once<Registry> {
        let issuer = try await Issuer.shared.value
        return try await daemon(
            "trusting", ["BERTH_ACCESS_CLOCK_SKEW=0s"],
            [
                "trust add ci --issuer \(issuer.url) --ca \(issuer.authority) --audience registry.test "
                    + "--claim repository=org/app --claim 'sub=repo:org/app:ref:refs/heads/*' "
                    + "--grant 'writer:clients/**'"
            ])
    }

    /// A closed registry whose tokens live for a minute, than which most clients take none for shorter: `writer` may push
    /// below clients/.
    static let hasty = Once<Registry> {
        try await daemon(
            "hasty", ["BERTH_ACCESS_CLOCK_SKEW=0s", "BERTH_ACCESS_TOKEN_LIFETIME=60s"],
            ["user add writer --password-stdin", "grant add user:writer writer 'clients/**'"])
    }

    /// The same behind wires that take 25 kB a second.
    static let slow = Once<Registry> {
        let registry = try await hasty.value
        let port = registry.address.split(separator: ":").last.map(String.init) ?? ""
        let front = try await Keeper.daemon("front", readyAt: "front listening on 127\\.0\\.0\\.1:[0-9]+") { _ in
            ["/usr/bin/python3", Place.script("slow-front.py"), port, "25000"]
        }
        guard let match = front.greeting.firstMatch(of: /127\.0\.0\.1:\d+/) else {
            throw DaemonError(name: "front", log: front.log)
        }
        return Registry(address: String(match.0), keeper: registry.keeper)
    }

    /// A registry that soon takes away what is deleted or left behind: leases of eight seconds, and a window of three.
    static let collecting = Once<Registry> {
        try await daemon("collecting", soon + ["BERTH_COLLECTOR_WINDOW=3s"], [])
    }

    /// The same with a window that no test outlasts.
    static let recovering = Once<Registry> {
        try await daemon("recovering", soon + ["BERTH_COLLECTOR_WINDOW=1d"], [])
    }

    /// A lease is longer than any client pauses in the pushes of small images.
    private static let soon = ["BERTH_COLLECTOR_LEASE=8s", "BERTH_COLLECTOR_INTERVAL=1s", "BERTH_COLLECTOR_BUDGET=1s"]

    /// Where the registry keeps content, once it has settled; nothing is there once it has been collected.
    func file(of digest: String) -> String {
        let hex = digest.dropFirst("sha256:".count)
        return "\(folder)/data/blobs/sha256/\(hex.prefix(2))/\(hex)"
    }

    /// Starts a registry and administers it while it runs; `password` is on the commands' standard input.
    private static func daemon(
        _ name: String, _ environment: [String], _ commands: [String]
    ) async throws -> Registry {
        let binary = try berth()
        let keeper = try await Keeper.daemon(name, readyAt: "listening on http://127\\.0\\.0\\.1:[0-9]+") {
            ["/usr/bin/env", "BERTH_METRICS_LISTEN=off"] + environment
                + [binary, "serve", "--listen", "127.0.0.1:0", "--root", "\($0)/data"]
        }
        guard let match = keeper.greeting.firstMatch(of: /listening on http:\/\/(127\.0\.0\.1:\d+)/) else {
            throw DaemonError(name: "berth", log: keeper.log)
        }
        try await administer(binary, keeper, commands)
        return Registry(address: String(match.1), keeper: keeper)
    }

    private static func administer(_ binary: String, _ keeper: Keeper, _ commands: [String]) async throws {
        for command in commands {
            let done = try await Command(
                program: "/bin/sh",
                arguments: ["-c", "printf %s '\(password)' | '\(binary)' \(command) --root \(keeper.folder)/data"],
                environment: Scratch.baseEnvironment, directory: keeper.folder
            ).run()
            guard done.status == 0 else { throw CommandFailure(finished: done) }
        }
    }

    private static let accounts = [
        "user add writer --password-stdin", "user add reader --password-stdin",
        "grant add user:writer maintainer 'clients/**'", "grant add user:writer writer 'public/**'",
        "grant add user:reader reader 'clients/**'", "grant add everyone reader 'public/**'",
    ]

    /// A registry with accounts: `writer` may push below clients/, `reader` may pull there, and everybody below public/.
    static let closed = Once<Registry> { try await daemon("closed", [], accounts) }

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
        try await administer(
            binary, keeper,
            accounts + [
                "certificate add uri:spiffe://clients.test/writer writer",
                "certificate add dns:reader.clients.test reader",
            ])
        return Registry(address: String(match.1), keeper: keeper)
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
