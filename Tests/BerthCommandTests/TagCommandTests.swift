import BerthModel
import BerthTestSupport
import Foundation
import Testing

private func berth(_ arguments: [String]) async throws -> Outcome {
    let products = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    return try await runToEnd([products.appending(path: "berth").path] + arguments)
}

@Suite("Tags by command")
struct TagCommandTests {
    @Test("a history longer than a page of the administration API is shown as far as one asks")
    func longHistory() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            try await withLiveServer(root: root) { server in
                let images = [
                    try await server.pushImage("one", to: "team/app"),
                    try await server.pushImage("two", to: "team/app"),
                ]
                for number in 0..<1_205 {
                    #expect(try await server.put(images[number % 2], to: "team/app", as: "latest").status == 201)
                }
            }
            for (limit, lines) in [("1", 1), ("1000", 1_000), ("1100", 1_100), ("5000", 1_205)] {
                let shown = try await berth(["tag", "history", "team/app", "latest", "--limit", limit, "--root", root])
                #expect(shown.output.split(separator: "\n").count == 1 + lines, "\(limit): \(shown.complaint)")
            }
            let json = try await berth(
                ["tag", "history", "team/app", "latest", "--limit", "1100", "--json", "--root", root])
            #expect(json.output.hasPrefix(#"{"changes":["#))
            #expect(json.output.split(separator: "\"id\":").count == 1_101)
        }
    }

    @Test("on a stopped registry and on a running one: list, history, restore, rules", arguments: [false, true])
    func everything(isRunning: Bool) async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let (first, second) = try await withLiveServer(root: root) { server in
                let first = try await server.pushImage("one", to: "team/app", as: "latest").digest
                let second = try await server.pushImage("two", to: "team/app", as: "latest").digest
                try await server.pushImage("two", to: "team/app", as: "v1")
                try await server.delete("/v2/team/app/manifests/v1")
                return (first, second)
            }
            let server = isRunning ? try await BerthProcess.start(root: root) : nil
            func run(_ arguments: String..., status: Int32 = 0) async throws -> String {
                let outcome = try await berth(["tag"] + arguments + ["--root", root])
                #expect(outcome.status == status, "\(arguments): \(outcome.complaint)")
                return status == 0 ? outcome.output : outcome.complaint
            }
            #expect(try await run("list", "team/app").contains("latest  \(second)"))
            #expect(try await run("list", "team/app", "--deleted").contains("v1   \(second)"))
            let history = try await run("history", "team/app", "latest").split(separator: "\n")
            #expect(history.count == 3)
            #expect(history[1].contains("\(first)  \(second)"))
            #expect(try await run("history", "team/app", "none", status: 1).contains("none"))
            let back = try await berth(["undelete", "team/app", "v1", "--root", root])
            #expect(back.output == "v1 points to \(second) again.\n", "\(back.complaint)")
            #expect(try await run("restore", "team/app", "v1") == "v1 points to \(second) already.\n")
            let moved = try await run("restore", "team/app", "latest", "--digest", first.text)
            #expect(moved == "latest points to \(first) again.\n")

            let rule = ["rule", "add", "all-but-latest", "*", "--except", "latest", "--repositories", "team/**"]
            #expect(try await berth(["tag"] + rule + ["--root", root]).output == "The rule all-but-latest holds.\n")
            #expect(try await run("rule", "list").contains("team/**"))
            #expect(try await run("list", "team/app").contains("all-but-latest"))
            let whole = try await berth(["repository", "delete", "team/app", "--yes", "--root", root])
            #expect(whole.status == 1 && whole.complaint.contains("the rule all-but-latest keeps the tag v1"))
            if let server {
                let connection = try server.connect()
                let refused = try await connection.send("DELETE", "/v2/team/app/manifests/v1")
                #expect(refused.status == 403 && refused.text.contains("all-but-latest"))
                #expect(try await connection.send("DELETE", "/v2/team/app/manifests/latest").status == 202)
                #expect(try await run("rule", "remove", "all-but-latest") == "The rule all-but-latest is gone.\n")
                #expect(try await connection.send("DELETE", "/v2/team/app/manifests/v1").status == 202)
            }
            #expect(try await run("rule", "add", "A", "v*", status: 1).contains("lower-case"))
            #expect(try await run("list", "team/app", "--json").hasPrefix("{\"tags\":["))
            #expect(try await berth(["tag", "list", "team/app", "--root", folder + "/none"]).status == 1)
            try await server?.stop()
        }
    }
}
