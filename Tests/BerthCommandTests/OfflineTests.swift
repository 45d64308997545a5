import BerthModel
import BerthTestSupport
import Foundation
import Testing

private func berth(_ arguments: String...) async throws -> Outcome {
    let products = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    return try await runToEnd([products.appending(path: "berth").path] + arguments)
}

private func digestText(_ bytes: [UInt8]) throws -> String { try sha256(bytes).text }

@Suite("Collecting and undeleting by command")
struct OfflineTests {
    @Test("what is kept is explained, what was deleted comes back, and what nothing keeps is freed (G5, G6)")
    func collecting() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let (layer, manifest) = try await withLiveServer(root: root) { server in
                let layer = try await server.push("a layer", to: "team/base")
                let image = try await server.pushImage("a layer", to: "team/base", as: "1").digest
                _ = try await server.push("left over", to: "team/base")
                try await server.delete("/v2/team/base/manifests/\(image)")
                return (layer, image)
            }
            let explained = try await berth("gc", "--root", root, "--explain", "\(layer)")
            #expect(explained.status == 0)
            #expect(explained.output.contains("kept: a deleted manifest that can still be brought back needs it"))
            let over = try await berth(
                "gc", "--root", root, "--explain", "\(layer)", "--set", "collector.window=0s")
            #expect(over.status == 0 && !over.output.contains("brought back"), "\(over.output) \(over.complaint)")
            let back = try await berth("undelete", "--root", root, "team/base", "\(manifest)")
            #expect(back.status == 0, "\(back.complaint)")
            #expect(back.output.contains("tags: 1"))
            let again = try await berth("undelete", "--root", root, "team/base", "\(manifest)")
            #expect(again.status == 0 && again.output == "It is not deleted.\n")
            #expect(try await berth("undelete", "--root", root, "team/none", "\(manifest)").status == 1)

            let plan = try await berth("gc", "--root", root, "--now", "--dry-run")
            #expect(plan.output.contains("team/base: 1 items"))
            #expect(try await berth("gc", "--root", root).output.contains("freed 0 items"))
            #expect(try await berth("gc", "--root", root, "--now").output.contains("freed 1 items"))
            try await withLiveServer(root: root) { server in
                #expect(try await server.get("/v2/team/base/manifests/1").status == 200)
                #expect(try await server.get("/v2/team/base/blobs/\(layer)").status == 200)
                try await server.delete("/v2/team/base/manifests/\(manifest)")
            }
            let waits = try await berth("gc", "--root", root, "--dry-run", "--set", "collector.window=0s")
            #expect(
                waits.output.contains("clients may still rely on what they were told before the start: 3 items"),
                "\(waits.output) \(waits.complaint)")
            #expect(waits.output.hasSuffix("\n0 items would be freed, 0 bytes\n"))
            let listed = try await berth("gc", "--root", root, "--dry-run", "--json", "--set", "collector.window=0s")
            #expect(listed.output.contains("{\"digest\":\"\(layer)\",\"repository\":\"team/base\",\"reason\":\""))
            let all = try await berth("gc", "--root", root, "--now", "--json", "--set", "collector.window=0s")
            #expect(all.output.contains("\"freed_items\":3"), "\(all.output) \(all.complaint)")
            #expect(try await berth("gc", "--root", folder + "/nothing").status == 1)
        }
    }

    @Test("on a running server the same commands work by its admin socket, and take nothing that clients may rely on")
    func running() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let settings = ["collector.interval=1d", "collector.lease=1s", "collector.window=1h"]
            let server = try await BerthProcess.start(root: root, settings: settings)
            let connection = try server.connect()
            let (layer, config) = (Array("a layer".utf8), Array("{}".utf8))
            for part in [layer, config] {
                let digest = try digestText(part)
                let reply = try await connection.send(
                    "POST", "/v2/team/base/blobs/uploads/?digest=\(digest)", body: part)
                #expect(reply.status == 201)
            }
            let (layerDigest, configDigest) = (try digestText(layer), try digestText(config))
            let manifest = Array(
                """
                {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
                "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\(configDigest)",\
                "size":2},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",\
                "digest":"\(layerDigest)","size":7}]}
                """.utf8)
            let digest = try digestText(manifest)
            let put = try await connection.send(
                "PUT", "/v2/team/base/manifests/1",
                [("Content-Type", "application/vnd.oci.image.manifest.v1+json")], body: manifest)
            #expect(put.status == 201, "\(put.text)")
            #expect(try await connection.send("DELETE", "/v2/team/base/manifests/\(digest)").status == 202)
            let explained = try await berth("gc", "--root", root, "--explain", layerDigest)
            #expect(explained.output.contains("kept: a deleted manifest that can still be brought back needs it"))
            #expect(try await berth("gc", "--root", root, "--dry-run").output == "0 items would be freed, 0 bytes\n")
            let now = try await berth("gc", "--root", root, "--now")
            #expect(now.status == 1 && now.complaint.contains("stop it first"))
            let back = try await berth("undelete", "--root", root, "team/base", digest)
            #expect(back.output == "1 manifests are back; tags: 1\n", "\(back.complaint)")
            #expect(try await connection.send("GET", "/v2/team/base/manifests/1").status == 200)
            let left = Array("left over".utf8)
            let upload = try await connection.send(
                "POST", "/v2/team/base/blobs/uploads/?digest=\(try digestText(left))", body: left)
            #expect(upload.status == 201)
            // The lease counts from the start too.
            try await eventually("what nothing names is taken", within: 60) {
                let taken = try? await berth("gc", "--root", root, "--json")
                return taken?.output.contains("\"freed_items\":1,") == true
            }
            #expect(try await berth("gc", "--root", root, "--progress").output.hasPrefix("freed 1 items, 9 bytes"))
            #expect(try await connection.send("GET", "/v2/team/base/manifests/1").status == 200)
            #expect(try await berth("audit", "--root", root).output.contains("undelete"))
            try await server.stop()
        }
    }
}
