import BerthModel
import BerthTestSupport
import Foundation
import Testing

/// `berth repository` and `berth usage`, on a stopped registry and on a running one.
@Suite("Keeping repositories by command")
struct RepositoryCommandTests {
    private func berth(_ arguments: [String]) async throws -> Outcome {
        let products = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        return try await runToEnd([products.appending(path: "berth").path] + arguments)
    }

    @Test("made, set, listed, protected, deleted and brought back, twice each", arguments: [true, false])
    func everything(isRunning: Bool) async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let image = try await withLiveServer(root: root) { server in
                _ = try await server.pushImage("other", to: "team/b", as: "1")
                return try await server.pushImage("layer", to: "team/a", as: "1")
            }
            let server = isRunning ? try await BerthProcess.start(root: root) : nil
            func run(_ arguments: String..., status: Int32 = 0) async throws -> String {
                let outcome = try await berth(arguments + ["--root", root])
                #expect(outcome.status == status, "\(arguments): \(outcome.complaint)")
                return status == 0 ? outcome.output : outcome.complaint
            }
            #expect(
                try await run("repository", "create", "team/empty", "--description", "nothing yet")
                    == "Repository team/empty was made.\n")
            #expect(try await run("repository", "create", "team/empty").contains("is there already"))
            let set = [
                "repository", "set", "team/a", "--public", "--protected", "--description", "tools", "--root", root,
            ]
            #expect(try await berth(set).output == "Repository team/a was changed.\n")
            #expect(try await berth(set).output == "Repository team/a is so already.\n")
            let list = try await run("repository", "list")
            #expect(list.split(separator: "\n").count == 4)
            #expect(list.contains(/team\/a +public +yes +1 +1 +2/) && list.contains(/team\/empty +public +no +0 +0 +2/))
            let json = try await run("repository", "list", "--json")
            let rows = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: [[String: Any]]]
            #expect(rows?["repositories"]?.map { $0["name"] as? String } == ["team/a", "team/b", "team/empty"])
            let shown = try await run("repository", "show", "team/a")
            #expect(
                shown.contains(/description +tools/) && shown.contains(/tags +1/) && shown.contains(/bytes +\d+ bytes/))
            #expect(shown.contains("there are no accounts; everyone is a reader of it"))
            #expect(try await run("repository", "show", "team/none", status: 1).contains("there is no repository"))
            #expect(
                try await run("repository", "set", "team/a", "--private").contains(
                    "It is still public: there are no accounts."))

            #expect(try await run("repository", "delete", "team/a", status: 2).contains("--yes"))
            let refused = try await run("repository", "delete", "team/a", "--yes", status: 1)
            #expect(refused.contains("protected") && refused.contains("--unprotected"))
            _ = try await run("repository", "set", "team/a", "--unprotected")
            #expect(try await run("repository", "delete", "team/a", "--yes").contains("was deleted, with 1 manifests"))
            #expect(try await run("repository", "delete", "team/a", "--yes") == "There is no repository team/a.\n")
            #expect(try await run("repository", "list", "--deleted").contains(/team\/a +1 +2\S+ +user:operator +2/))
            #expect(try await run("usage").contains("team/a (deleted)"))
            #expect(try await run("undelete", "team/a") == "Repository team/a is back, with 1 manifests.\n")
            #expect(try await run("undelete", "team/a") == "It is not deleted.\n")
            #expect(try await run("undelete", "team/none", status: 1).contains("there is no deleted repository"))
            _ = try await run("repository", "delete", "team/a", "--yes")
            _ = try await run("repository", "create", "team/a")
            #expect(try await run("repository", "undelete", "team/a", status: 1).contains("--as"))
            #expect(try await run("repository", "undelete", "team/a", "--as", "team/old").contains("team/old is back"))
            #expect(try await run("repository", "list", "--deleted").split(separator: "\n").count == 1)
            #expect(try await run("undelete", "team/old", "--as", "x", image.digest.text, status: 2).contains("--as"))
            // The older of two: the new one goes, then the old one comes back in its place.
            for _ in 0..<2 {
                _ = try await run("repository", "delete", "team/old", "--yes")
                _ = try await run("repository", "create", "team/old")
            }
            _ = try await run("repository", "delete", "team/old", "--yes")
            let deleted = try await run("repository", "list", "--deleted")
            let id = try #require(deleted.firstMatch(of: /\n(\d+) +team\/old +1\s/)?.1)
            let back = try await run("undelete", "team/old", "--id", "\(id)")
            #expect(back == "Repository team/old is back, with 1 manifests.\n")
            let audit = try await run("audit")
            for action in ["create", "set", "delete", "undelete"] { #expect(audit.contains("repository.\(action)")) }

            let one = try await isRunning ? nil : BerthProcess.start(root: root)
            let registry = try #require(server ?? one)
            let connection = try registry.connect()
            #expect(try await connection.send("GET", "/v2/team/old/manifests/1").body == image.bytes)
            #expect(try await connection.send("GET", "/v2/team/a/tags/list").status == 200)
            try await registry.stop()
        }
    }

    @Test("usage names the bytes of each repository and of the disk", arguments: [true, false])
    func usage(isRunning: Bool) async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let large = String(repeating: "0123456789abcdef", count: 20 << 10)
            try await withLiveServer(root: root) { server in
                for name in ["team/a", "team/b"] { _ = try await server.pushImage(large, to: name, as: "1") }
                let location = try await server.startUpload(in: "team/a")
                #expect(try await server.send("PATCH", location, body: Array("begun".utf8)).status == 202)
            }
            let server = isRunning ? try await BerthProcess.start(root: root) : nil
            let text = try await berth(["usage", "--root", root]).output
            #expect(text.contains(/REPOSITORY +HOLDS +ALONE +DELETED +MANIFESTS/))
            #expect(text.contains(/team\/b +\d{3}\.\d KiB +0 bytes +0 bytes +1/))
            #expect(text.contains(/uploads under way +5 bytes +1 uploads/))
            #expect(text.contains("free on the volume"))
            let json = try await berth(["usage", "--json", "--limit", "1", "--root", root]).output
            let usage = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
            #expect((usage["repositories"] as? [Any])?.count == 1 && usage["left_off"] as? Int == 1)
            let total = try #require(usage["total"] as? [String: Any])
            #expect(total["content_items"] as? Int == 3 && total["upload_bytes"] as? Int == 5)
            let (held, saved) = (total["held_bytes"] as? Int ?? 0, total["saved_bytes"] as? Int ?? 0)
            #expect(held == saved && held > large.utf8.count && total["leaving_bytes"] as? Int == 0)
            for key in ["catalog_bytes", "free_bytes"] { #expect((total[key] as? Int ?? 0) > 0, "\(key)") }
            #expect(total["snapshots"] as? Int == 0)
            let one = try await berth(["usage", "--repository", "team/a", "--root", root]).output
            #expect(one.split(separator: "\n").count == 2 && !one.contains("team/b"))
            #expect(try await berth(["usage", "--repository", "team/none", "--root", root]).status == 1)
            #expect(try await berth(["usage", "--limit", "-1", "--root", root]).status == 2)
            #expect(try await berth(["usage", "--root", folder + "/nothing"]).status == 1)
            try await server?.stop()
        }
    }

    @Test(
        "a wrong command line is status 2",
        arguments: [
            ["repository", "set", "a"], ["repository", "set", "a", "--public", "--private"],
            ["repository", "set", "a", "--protected", "--unprotected"], ["repository", "create", "A"],
            ["repository", "delete", "a"], ["repository", "undelete"],
        ])
    func wrong(arguments: [String]) async throws {
        #expect(try await berth(arguments).status == 2)
    }
}
