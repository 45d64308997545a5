import BerthModel
import BerthTestSupport
import Foundation
import Testing

private func berth(_ arguments: String...) async throws -> Outcome {
    let products = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    return try await runToEnd([products.appending(path: "berth").path] + arguments)
}

/// A running server whose port is another one after each of its starts.
private struct Serving: Sendable {
    let process: BerthProcess

    func connect() throws -> TestConnection {
        guard let port = process.ports.last else { throw TestFailure("no port in \(process.log)") }
        return try TestConnection(port: port)
    }

    func push(_ text: String, to repository: String, as tag: String) async throws -> (layer: Digest, image: Digest) {
        let connection = try connect()
        let (layer, config) = (Array(text.utf8), Array("{}".utf8))
        for part in [layer, config] {
            let reply = try await connection.send(
                "POST", "/v2/\(repository)/blobs/uploads/?digest=\(sha256(part))", body: part)
            #expect(reply.status == 201)
        }
        let manifest = try Document(
            """
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
            "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\(sha256(config))","size":2},\
            "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"\(sha256(layer))",\
            "size":\(layer.count)}]}
            """)
        let reply = try await connection.send(
            "PUT", "/v2/\(repository)/manifests/\(tag)", [("Content-Type", manifest.type.rawValue)],
            body: manifest.bytes)
        #expect(reply.status == 201, "\(reply.text)")
        return (try sha256(layer), manifest.digest)
    }

    func status(_ target: String) async throws -> Int { try await connect().send("GET", target).status }
}

@Suite("Snapshots, restoring and purging by command")
struct TimeMachineTests {
    @Test("a running server makes snapshots by itself, and goes back to one by starting anew as the same process")
    func running() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let process = try await BerthProcess.start(root: root, settings: ["storage.snapshots=1s"])
            let server = Serving(process: process)
            _ = try await server.push("first", to: "team/a", as: "1")
            let made = try await berth("snapshot", "create", "--root", root)
            let name = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(made.status == 0 && name.hasSuffix(".db"), "\(made.complaint)")
            _ = try await server.push("second", to: "team/a", as: "2")
            try await eventually("the schedule makes one") {
                try await berth("snapshot", "list", "--root", root).output.matches(of: /regular/).count > 1
            }
            let refused = try await berth("restore", "--root", root, "--snapshot", name)
            #expect(refused.status == 1 && refused.complaint.contains("--yes"))
            #expect(try await berth("restore", "--root", root, "--snapshot", "none", "--yes").status == 1)
            #expect(try await server.status("/v2/team/a/manifests/2") == 200)

            let restored = try await berth("restore", "--root", root, "--snapshot", name, "--yes")
            #expect(restored.status == 0, "\(restored.complaint) \(process.log)")
            #expect(restored.output == "The catalog is as it was in \(name).\n")
            #expect(process.isRunning)
            #expect(try await server.status("/v2/team/a/manifests/1") == 200)
            #expect(try await server.status("/v2/team/a/manifests/2") == 404)
            #expect(!FileManager.default.fileExists(atPath: root + "/restore-pending"))
            try await eventually("the audit log tells of it") {
                try await berth("audit", "--root", root).output.contains("restore")
            }
            // Signals reach it as before, and it may be taken back on the stopped one.
            #expect(try await process.stop() == .status(0), "\(process.log)")
            let list = try await berth("snapshot", "list", "--root", root)
            let kept = try #require(list.output.firstMatch(of: /before-restore-\S+/)).output
            let back = try await berth("restore", "--root", root, "--snapshot", String(kept), "--yes")
            #expect(back.status == 0, "\(back.complaint)")
            let again = Serving(process: try await BerthProcess.start(root: root))
            #expect(try await again.status("/v2/team/a/manifests/2") == 200)
            try await again.process.stop()
        }
    }

    @Test("a start that finds an order it cannot carry out says so, and serves what is there")
    func badOrder() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let first = Serving(process: try await BerthProcess.start(root: root))
            _ = try await first.push("first", to: "team/a", as: "1")
            try await first.process.stop()
            #expect(
                FileManager.default.createFile(
                    atPath: root + "/restore-pending", contents: Data("no.db\noperator\n".utf8)))
            let second = Serving(process: try await BerthProcess.start(root: root))
            #expect(try await second.status("/v2/team/a/manifests/1") == 200)
            #expect(second.process.log.contains("no snapshot was brought back"))
            #expect(!FileManager.default.fileExists(atPath: root + "/restore-pending"))
            try await second.process.stop()
        }
    }

    @Test("a purge says first what would go, and does it on running and stopped registries", arguments: [true, false])
    func purge(isRunning: Bool) async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let server = Serving(process: try await BerthProcess.start(root: root))
            let leaked = try await server.push("a leak", to: "team/a", as: "1")
            _ = try await server.push("a leak", to: "team/b", as: "x")
            _ = try await server.push("good", to: "team/b", as: "y")
            if !isRunning { try await server.process.stop() }
            let plan = try await berth("purge", "--root", root, "\(leaked.layer)")
            #expect(plan.status == 1 && plan.complaint.contains("--yes"))
            #expect(plan.output.contains("team/a@\(leaked.image) (1)\nteam/b@\(leaked.image) (x)"), "\(plan.output)")
            #expect(plan.output.contains("repositories: team/a team/b\nwould go: 2 manifests, 2 tags, 2 items, "))
            let done = try await berth("purge", "--root", root, "\(leaked.layer)", "--yes")
            #expect(done.status == 0, "\(done.complaint)")
            #expect(done.output.hasPrefix("purged: 2 manifests, 2 tags, 2 items, "))
            let repository = try await berth("purge", "--root", root, "team/a", "--yes", "--json")
            #expect(repository.output.contains(#""is_done":true"#), "\(repository.output) \(repository.complaint)")
            #expect(try await berth("purge", "--root", root, "Not_A:Name", "--yes").status == 1)
            #expect(try await berth("purge", "--root", folder + "/nothing", "team/a", "--yes").status == 1)
            let again = isRunning ? server : Serving(process: try await BerthProcess.start(root: root))
            #expect(try await again.status("/v2/team/a/manifests/1") == 404)
            #expect(try await again.status("/v2/team/b/manifests/x") == 404)
            #expect(try await again.status("/v2/team/b/blobs/\(leaked.layer)") == 404)
            #expect(try await again.status("/v2/team/b/manifests/y") == 200)
            try await again.process.stop()
            let list = try String(contentsOfFile: root + "/purged", encoding: .utf8)
            #expect(list.split(separator: "\n").count == 2 && list.contains("\(leaked.layer)"))
            let audit = try await berth("audit", "--root", root)
            #expect(audit.output.contains("2 manifests, 2 tags"), "\(audit.output)")
        }
    }
}
