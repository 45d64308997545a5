import BerthBlobs
import BerthCatalog
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import Testing

/// What happens between an acknowledgement and the file under its digest.
@Suite("Settling")
struct SettlingTests {
    private static let sizes = [10, 200_000]

    @Test(
        "content is readable from its acknowledgement on, and the same after it has settled (B1, B3)", arguments: sizes)
    func readable(size: Int) async throws {
        try await withLiveServer(settles: false) { server in
            let bytes = [UInt8](repeating: 1, count: size)
            let digest = try await server.push(bytes, to: "a/b")
            #expect(!FileManager.default.fileExists(atPath: server.path(of: digest)))
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").body == bytes)
            #expect(await server.server.registry.settler.settleAll())
            #expect(try Array(Data(contentsOf: URL(filePath: server.path(of: digest)))) == bytes)
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").body == bytes)
            #expect(try await server.server.registry.catalog.totals().staged == 0)
            #expect(try server.files(in: "uploads").isEmpty)
        }
    }

    @Test("staged content can be mounted, referred to and pushed again", arguments: sizes)
    func usable(size: Int) async throws {
        try await withLiveServer(settles: false) { server in
            let content = String(repeating: "x", count: size)
            let image = try await server.pushImage(content, to: "a/b", as: "1")
            let layer = try sha256(Array(content.utf8))
            #expect(try await server.send("POST", "/v2/a/c/blobs/uploads/?mount=\(layer)&from=a/b").status == 201)
            try await server.push(content, to: "a/d")
            #expect(await server.server.registry.settler.settleAll())
            for repository in ["a/b", "a/c", "a/d"] {
                #expect(try await server.get("/v2/\(repository)/blobs/\(layer)").text == content)
            }
            #expect(try await server.get("/v2/a/b/manifests/1").body == image.bytes)
        }
    }

    @Test(
        "a sealed file that got lost is reported by the settler, and healed by the next push (B9)",
        arguments: [true, false])
    func lost(isReadFirst: Bool) async throws {
        try await withLiveServer(settles: false) { server in
            let bytes = [UInt8](repeating: 2, count: 200_000)
            let digest = try await server.push(bytes, to: "a/b")
            for name in try server.files(in: "uploads") {
                try FileManager.default.removeItem(atPath: "\(server.root)/uploads/\(name)")
            }
            if isReadFirst { #expect(try await server.get("/v2/a/b/blobs/\(digest)").status == 404) }
            #expect(await server.server.registry.settler.settleAll(), "what is lost is no reason to try for ever")
            #expect(try await server.head("/v2/a/b/blobs/\(digest)").status == 404)
            #expect(try await server.send("POST", "/v2/a/c/blobs/uploads/?mount=\(digest)&from=a/b").status == 202)
            try await server.push(bytes, to: "a/b")
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").body == bytes)
            #expect(await server.server.registry.settler.settleAll())
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").body == bytes)
        }
    }

    @Test("what was staged when the server stopped settles after the next start (G7)", arguments: sizes)
    func restarted(size: Int) async throws {
        let bytes = [UInt8](repeating: 3, count: size)
        let digest = try sha256(bytes)
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            _ = try await withLiveServer(root: root, settles: false) { try await $0.push(bytes, to: "a/b") }
            let isServed = try await withLiveServer(root: root) { server in
                let reply = try await server.get("/v2/a/b/blobs/\(digest)")
                return reply.body == bytes
            }
            #expect(isServed)
        }
    }
}
