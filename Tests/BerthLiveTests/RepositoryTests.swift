import BerthAccess
import BerthCatalog
import BerthCollector
import BerthConfig
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import Testing

/// Whole repositories: deleting, getting back, protecting.
@Suite("Repositories as a whole")
struct RepositoryTests {
    private static let operatorName = Principal.user("operator")

    private func name(_ text: String) throws -> RepositoryName { try RepositoryName(text) }

    private func protect(_ text: String, _ isProtected: Bool = true, on server: LiveServer) async throws {
        let change = RepositoryChange(isProtected: isProtected)
        #expect(try await server.server.registry.catalog.changeRepository(name(text), change) == true)
    }

    private func deleteRepository(_ text: String, on server: LiveServer) async throws -> RepositoryDeletion {
        try await server.server.registry.deleteRepository(name(text), by: Self.operatorName)
    }

    private func undelete(_ text: String, as other: String? = nil, on server: LiveServer) async throws
        -> RepositoryDeletion
    {
        try await server.server.registry.catalog.undeleteRepository(
            name(text), as: other.map { try name($0) }, by: Self.operatorName)
    }

    @Test("a deleted one is gone for everybody, and comes back whole, after collections within its window too (G5)")
    func comesBack() async throws {
        try await withLiveServer({
            $0.collector.lease = .milliseconds(1)
            $0.collector.window = .seconds(3600)
            $0.upload.maxAge = .seconds(3600)
        }) { server async throws in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            let layer = try await server.push("layer", to: "a/b")
            let shared = try await server.push("shared", to: "a/c")
            _ = try await server.pushImage("other", to: "a/b/c", as: "1")
            #expect(try await server.get("/v2/a/b/manifests/1").body == image.bytes)
            #expect(try await deleteRepository("a/b", on: server) == .done(manifests: 1))
            let paths = ["manifests/1", "manifests/\(image.digest)", "blobs/\(layer)", "tags/list"]
            for path in paths { #expect(try await server.get("/v2/a/b/\(path)").status == 404, "\(path)") }
            #expect(try await server.head("/v2/a/b/blobs/\(layer)").status == 404)
            let catalog = try await server.get("/v2/_catalog").json()
            #expect(catalog["repositories"] as? [String] == ["a/b/c"])
            await server.server.registry.settler.settleAll()
            for _ in 0..<3 { _ = try await server.server.collector.collectAll() }
            // What nothing keeps has gone meanwhile, so rounds did run.
            #expect(try await server.get("/v2/a/c/blobs/\(shared)").status == 404)
            #expect(try await undelete("a/b", on: server) == .done(manifests: 1))
            for path in paths { #expect(try await server.get("/v2/a/b/\(path)").status == 200, "\(path)") }
            #expect(try await server.get("/v2/a/b/manifests/1").body == image.bytes)
            #expect(try await server.get("/v2/a/b/blobs/\(layer)").body == Array("layer".utf8))
            #expect(try await undelete("a/b", on: server) == .unknownRepository)
        }
    }

    @Test("after its window it is gone, and its content too; before, a new one of its name stands in its way")
    func window() async throws {
        try await withLiveServer({
            ($0.collector.lease, $0.collector.window) = (.milliseconds(1), .zero)
            $0.upload.maxAge = .seconds(3600)
        }) { server async throws in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            _ = try await deleteRepository("a/b", on: server)
            #expect(try await undelete("a/b", on: server) == .tooLate)
            await server.server.registry.settler.settleAll()
            try await eventually("it is purged, and its content is gone") {
                for _ in 0..<2 { _ = try await server.server.collector.collectAll() }
                return try await server.server.registry.catalog.content(image.digest) == nil
            }
            #expect(try await undelete("a/b", on: server) == .unknownRepository)
        }
    }

    @Test("an upload that was open goes on into a new repository of its name, and nothing of it is lost")
    func openUpload() async throws {
        try await withLiveServer { server async throws in
            let image = try await server.pushImage("old", to: "a/b", as: "1")
            let location = try await server.startUpload(in: "a/b")
            let patched = try await server.send("PATCH", location, body: Array("new ".utf8))
            #expect(patched.status == 202)
            #expect(try await deleteRepository("a/b", on: server) == .done(manifests: 1))
            let next = try #require(patched.header("Location"))
            #expect(try await server.get(next).status == 204)
            let digest = try sha256(Array("new content".utf8))
            let closing = next + (next.contains("?") ? "&" : "?") + "digest=\(digest)"
            let closed = try await server.send("PUT", closing, body: Array("content".utf8))
            #expect(closed.status == 201)
            let blob = try #require(closed.header("Location"))
            #expect(try await server.get(blob).body == Array("new content".utf8))
            #expect(try await server.send("PUT", closing).status == 201, "the same close again (B8)")
            // The old one is whole where it is, and comes back beside the new one.
            #expect(try await server.get("/v2/a/b/manifests/1").status == 404)
            #expect(try await undelete("a/b", on: server) == .nameTaken)
            #expect(try await undelete("a/b", as: "a/old", on: server) == .done(manifests: 1))
            #expect(try await server.get("/v2/a/old/manifests/1").body == image.bytes)
            #expect(try await server.get("/v2/a/old/blobs/\(digest)").status == 404)
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").status == 200)
        }
    }

    @Test("an upload that was closed before is answered no more, for its blob is not readable here (B8)")
    func closedUpload() async throws {
        try await withLiveServer { server async throws in
            let location = try await server.startUpload(in: "a/b")
            let digest = try sha256(Array("content".utf8))
            let closing = location + (location.contains("?") ? "&" : "?") + "digest=\(digest)"
            #expect(try await server.send("PUT", closing, body: Array("content".utf8)).status == 201)
            _ = try await deleteRepository("a/b", on: server)
            #expect(try await server.send("PUT", closing, body: Array("content".utf8)).status == 404)
            #expect(try await undelete("a/b", on: server) == .done(manifests: 0))
            #expect(try await server.send("PUT", closing, body: Array("content".utf8)).status == 201)
        }
    }

    @Test(
        "protection refuses what deletes and nothing else, on every route",
        arguments: [
            ("GET", "/v2/a/b/tags/list", 200, 200), ("GET", "/v2/a/b/manifests/1", 200, 200),
            ("HEAD", "/v2/a/b/blobs/UNUSED", 200, 200), ("PUT", "/v2/a/b/manifests/1", 201, 201),
            ("PUT", "/v2/a/b/manifests/2", 201, 201), ("POST", "/v2/a/b/blobs/uploads/", 202, 202),
            ("POST", "/v2/a/b/blobs/uploads/?digest=EMPTY", 201, 201),
            ("POST", "/v2/a/b/blobs/uploads/?mount=UNUSED&from=a/c", 201, 201), ("GET", "UPLOAD", 204, 204),
            ("PATCH", "UPLOAD", 202, 202), ("PUT", "UPLOAD?digest=EMPTY", 201, 201), ("DELETE", "UPLOAD", 204, 204),
            ("DELETE", "/v2/a/b/manifests/1", 403, 202), ("DELETE", "/v2/a/b/manifests/none", 403, 404),
            ("DELETE", "/v2/a/b/manifests/IMAGE", 403, 202), ("DELETE", "/v2/a/b/blobs/UNUSED", 403, 202),
            ("DELETE", "/v2/a/b/blobs/LAYER", 403, 405), ("DELETE", "/v2/a/b/manifests/UNUSED", 403, 404),
            ("DELETE", "/v2/a/none/manifests/1", 404, 404),
        ])
    func matrix(method: String, target: String, protected: Int, unprotected: Int) async throws {
        for isProtected in [true, false] {
            try await withLiveServer { server async throws in
                let image = try await server.pushImage("layer", to: "a/b", as: "1")
                let newer = try await server.pushImage("newer", to: "a/b", as: "newer")
                let unused = try await server.push("unused", to: "a/b")
                try await server.push("unused", to: "a/c")
                let target = target.replacingOccurrences(of: "IMAGE", with: image.digest.text)
                    .replacingOccurrences(of: "LAYER", with: try await server.push("layer", to: "a/b").text)
                    .replacingOccurrences(of: "UNUSED", with: unused.text)
                    .replacingOccurrences(of: "EMPTY", with: Digest.ofNothing(.sha256).text)
                    .replacingOccurrences(of: "UPLOAD", with: try await server.startUpload(in: "a/b"))
                if isProtected { try await protect("a/b", on: server) }
                let isManifest = method == "PUT" && target.contains("/manifests/")
                let reply = try await server.send(
                    method, target, isManifest ? [("Content-Type", newer.type.rawValue)] : [],
                    body: isManifest ? newer.bytes : nil)
                #expect(reply.status == (isProtected ? protected : unprotected), "\(reply.text)")
                guard reply.status == 403 else { return }
                #expect(reply.errorCodes == ["DENIED"] && reply.header("Allow") == nil)
                #expect(reply.text.contains("a/b is protected") && reply.text.contains("set a/b --unprotected"))
                #expect(try await server.get("/v2/a/b/manifests/1").body == image.bytes)
                #expect(try await deleteRepository("a/b", on: server) == .protected)
            }
        }
    }

    @Test("who may not delete at all is told that, not of the protection; nor are conditions looked at")
    func order() async throws {
        try await withLiveServer { server async throws in
            _ = try await server.pushImage("layer", to: "team/a", as: "1")
            try await protect("team/a", on: server)
            try await server.addUser("ann")
            try await server.addUser("bob")
            try await server.grant("user:ann", .writer, on: "team/**")
            try await server.grant("user:bob", .maintainer, on: "team/**")
            let path = "/v2/team/a/manifests/1"
            let ann = try await server.delete(path, [basic("ann")])
            #expect(ann.status == 403 && !ann.text.contains("protected"))
            let bob = try await server.delete(path, [basic("bob"), ("If-None-Match", "*")])
            #expect(bob.status == 403 && bob.text.contains("protected"))
            #expect(try await server.delete(path).status == 401)
        }
    }

    @Test("what people say of a repository is what a search shows")
    func description() async throws {
        try await withLiveServer { server async throws in
            for name in ["team/a", "team/b"] { _ = try await server.pushImage("layer", to: name, as: "1") }
            let words = RepositoryChange(description: try RepositoryDescription("\"Tools\" für alle"))
            _ = try await server.server.registry.catalog.changeRepository(name("team/a"), words)
            let results = try await server.get("/v1/search?q=team").json()["results"] as? [[String: Any]]
            #expect(results?.map { $0["name"] as? String } == ["team/a", "team/b"])
            #expect(results?.map { $0["description"] as? String } == ["\"Tools\" für alle", ""])
        }
    }

    @Test("referrers go with their subject or stay, as it is configured", arguments: [true, false])
    func referrers(stay: Bool) async throws {
        try await withLiveServer({ $0.delete.referrers = stay ? .keep : .remove }) { server async throws in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            let config = try await server.push("{}", to: "a/b")
            let signature = try Document(
                """
                {"schemaVersion":2,"mediaType":"\(ManifestType.ociManifest.rawValue)","artifactType":"a/signature",\
                "config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\(config)","size":2},"layers":[],\
                "subject":\(image.descriptor)}
                """)
            #expect(try await server.put(signature, to: "a/b").status == 201)
            func referrers() async throws -> Int {
                let list = try await server.get("/v2/a/b/referrers/\(image.digest)").json()
                return (list["manifests"] as? [Any])?.count ?? -1
            }
            #expect(try await server.delete("/v2/a/b/manifests/\(image.digest)").status == 202)
            let path = "/v2/a/b/manifests/\(signature.digest)"
            #expect(try await server.get(path).status == (stay ? 200 : 404))
            #expect(try await referrers() == (stay ? 1 : 0))
            let back = try await server.server.registry.catalog.undelete(
                image.digest, in: name("a/b"), by: Self.operatorName)
            #expect(back == .restored(manifests: stay ? 1 : 2, tags: [try Tag("1")], skipped: []))
            #expect(try await server.get(path).status == 200)
            #expect(try await referrers() == 1)
        }
    }
}
