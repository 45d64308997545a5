import BerthModel
import BerthTestSupport
import Foundation
import Testing

private func berth(_ arguments: String...) async throws -> Outcome {
    let products = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    return try await runToEnd([products.appending(path: "berth").path] + arguments)
}

@Suite("Commands on the root of a stopped server")
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
            let back = try await berth("undelete", "--root", root, "team/base", "\(manifest)")
            #expect(back.status == 0, "\(back.complaint)")
            #expect(back.output.contains("tags: 1"))
            #expect(try await berth("undelete", "--root", root, "team/base", "\(manifest)").status == 1)

            let plan = try await berth("gc", "--root", root, "--now", "--dry-run")
            #expect(plan.output.contains("team/base: 1 items"))
            #expect(try await berth("gc", "--root", root).output.contains("freed 0 items"))
            #expect(try await berth("gc", "--root", root, "--now").output.contains("freed 1 items"))
            try await withLiveServer(root: root) { server in
                #expect(try await server.get("/v2/team/base/manifests/1").status == 200)
                #expect(try await server.get("/v2/team/base/blobs/\(layer)").status == 200)
                try await server.delete("/v2/team/base/manifests/\(manifest)")
            }
            let all = try await berth("gc", "--root", root, "--now", "--json", "--set", "collector.window=0s")
            #expect(all.output.contains("\"freedItems\" : 3"), "\(all.output) \(all.complaint)")
            #expect(try await berth("gc", "--root", folder + "/nothing").status == 1)
        }
    }
}
