import BerthBlobs
import BerthCatalog
import BerthConfig
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import Testing

/// Distribution specification, "Mounting a blob from another repository".
@Suite("Mounting blobs")
struct MountTests {
    @Test("a mount of a blob that is there is 201, with its digest")
    func mounted() async throws {
        try await withLiveServer { server in
            let digest = try await server.push("layer", to: "team/base")
            for query in ["?mount=\(digest)&from=team/base", "?from=team%2Fbase&mount=\(digest)&origin=x"] {
                let reply = try await server.send("POST", "/v2/team/app/blobs/uploads/\(query)")
                #expect(reply.status == 201)
                #expect(reply.header("Docker-Content-Digest") == digest.text)
                #expect(reply.header("Location") == "/v2/team/app/blobs/\(digest)")
            }
            #expect(try await server.get("/v2/team/app/blobs/\(digest)").text == "layer")
        }
    }

    @Test("a mount without a source finds a repository that holds the blob")
    func anywhere() async throws {
        try await withLiveServer { server in
            let digest = try await server.push("layer", to: "team/base")
            let reply = try await server.send("POST", "/v2/team/app/blobs/uploads/?mount=\(digest)")
            #expect(reply.status == 201)
        }
    }

    @Test(
        "what can't be mounted is 202 and an upload that works",
        arguments: [
            "&from=team/other", "&from=team/none", "&from=NOT/VALID", "&from=", "",
        ])
    func notMounted(from: String) async throws {
        try await withLiveServer { server in
            try await server.push("something else", to: "team/other")
            let bytes = Array("layer".utf8)
            let digest = try sha256(bytes)
            let reply = try await server.send("POST", "/v2/team/app/blobs/uploads/?mount=\(digest)\(from)")
            #expect(reply.status == 202)
            let location = try #require(reply.header("Location"))
            #expect(try await server.send("PUT", "\(location)?digest=\(digest)", body: bytes).status == 201)
        }
    }

    @Test("a digest that is none is 400")
    func badDigest() async throws {
        try await withLiveServer { server in
            let reply = try await server.send("POST", "/v2/team/app/blobs/uploads/?mount=sha256:1&from=team/base")
            #expect(reply.status == 400)
            #expect(reply.errorCodes == ["DIGEST_INVALID"])
        }
    }

    @Test("a delete that races with a mount ends in one of two states", arguments: [100, 100_000])
    func racing(size: Int) async throws {
        try await withLiveServer { server in
            for round in 0..<12 {
                let bytes = [UInt8](repeating: UInt8(round), count: size)
                let digest = try await server.push(bytes, to: "team/base")
                async let mounted = server.send(
                    "POST", "/v2/team/app/blobs/uploads/?mount=\(digest)&from=team/base"
                ).status
                async let deleted = server.delete("/v2/team/base/blobs/\(digest)").status
                #expect(try await deleted == 202)
                let mount = try await mounted
                #expect([201, 202].contains(mount))
                #expect(try await server.get("/v2/team/base/blobs/\(digest)").status == 404)
                await server.server.registry.settler.settleAll()
                let read = try await server.get("/v2/team/app/blobs/\(digest)")
                #expect(read.status == (mount == 201 ? 200 : 404))
                #expect((read.body == bytes) == (mount == 201))
            }
        }
    }
}
