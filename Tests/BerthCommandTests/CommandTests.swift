import BerthTestSupport
import Foundation
import Testing

/// Runs the executable that was built with these tests, with no environment but the one given.
private func berth(_ arguments: [String], environment: [String: String] = [:]) async throws -> Outcome {
    let products = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    return try await runToEnd([products.appending(path: "berth").path] + arguments, environment: environment)
}

@Suite("The command line")
struct CommandTests {
    @Test(
        "the status is 0 for success, 2 for a wrong command line, 3 for a wrong configuration",
        arguments: [
            (["version"], 0), (["--version"], 0), (["--help"], 0), (["serve", "--help"], 0), (["config"], 0),
            (["config", "check"], 0), (["config", "show"], 0), (["config", "show", "--json"], 0),
            (["config", "template"], 0), (["config", "schema"], 0),
            (["nonsense"], 2), (["serve", "--nope"], 2), (["serve", "extra"], 2),
            (["config", "check", "--set", "word"], 2),
            (["config", "show", "--config"], 2),
            (["serve", "--set", "storage.sync=maybe"], 3), (["serve", "--listen", "0.0.0.0:0"], 3),
            (["config", "check", "--config", "/nowhere/berth.yaml"], 3), (["config", "show", "--root", ""], 3),
        ] as [([String], Int32)])
    func status(arguments: [String], expected: Int32) async throws {
        let outcome = try await berth(arguments)
        #expect(outcome.status == expected)
        #expect(outcome.output.isEmpty == (expected != 0))
        #expect(outcome.complaint.isEmpty == (expected == 0))
    }

    @Test("a wrong configuration is told in full, and nothing starts")
    func complaints() async throws {
        let outcome = try await berth(
            ["serve", "--listen", "5000", "--set", "storage.rot=/x"], environment: ["BERTH_LOG_LEVEL": "loud"])
        #expect(outcome.status == 3)
        #expect(
            outcome.complaint.split(separator: "\n") == [
                "BERTH_LOG_LEVEL: log.level is \"loud\"; expected trace, debug, info, notice, warning, error or critical",
                "--set: unknown key storage.rot; did you mean storage.root?",
                "--listen: http.listen has \"5000\"; expected an address as 127.0.0.1:5000, [::1]:5000 or unix:/run/berth.sock?mode=0660 (the port is missing)",
            ])
    }

    @Test("flags and variables reach the configuration, and the listing says so")
    func show() async throws {
        let outcome = try await berth(
            [
                "config", "show", "--root", "/srv", "--listen", "127.0.0.1:1", "--listen", "[::1]:2", "--set",
                "registry.message=a=b, c",
            ],
            environment: ["BERTH_STORAGE_SYNC": "never"])
        let rows = outcome.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(rows.first == "KEY VALUE SOURCE")
        for row in [
            "http.listen [127.0.0.1:1, [::1]:2] --listen", "storage.root /srv --root",
            "storage.sync never BERTH_STORAGE_SYNC", "registry.message a=b, c --set", "log.level info default",
        ] { #expect(rows.contains(row), "\(row)") }
    }

    @Test("listings for programs are one JSON document")
    func json() async throws {
        let listing = try await berth(["config", "show", "--json"], environment: ["BERTH_HTTP_HOSTS": "a,b"]).output
        let keys = try #require(try JSONSerialization.jsonObject(with: Data(listing.utf8)) as? [[String: Any]])
        let hosts = try #require(keys.first { $0["key"] as? String == "http.hosts" })
        #expect(hosts["value"] as? [String] == ["a", "b"])
        #expect(hosts["source"] as? String == "BERTH_HTTP_HOSTS")
        let version = try await berth(["version", "--json"]).output
        #expect(try JSONSerialization.jsonObject(with: Data(version.utf8)) is [String: String])
    }

    @Test("warnings go to standard error and fail nothing")
    func warnings() async throws {
        let outcome = try await berth(["config", "check", "--set", "storage.sync=never"])
        #expect(outcome.status == 0)
        #expect(outcome.complaint == "warning: storage.sync is never: what clients push can be lost with the power\n")
        #expect(outcome.output == "The configuration is valid.\n")
    }
}
