import BerthBlobs
import BerthCatalog
import BerthConfig
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import Testing

/// Distribution specification, "Content Management".
@Suite("Deleting")
struct DeleteTests {
    @Test("a tag alone goes, its manifest stays")
    func tag() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            try await server.put(image, to: "a/b", as: "2")
            #expect(try await server.delete("/v2/a/b/manifests/1").status == 202)
            #expect(try await server.get("/v2/a/b/manifests/1").status == 404)
            #expect(try await server.get("/v2/a/b/manifests/2").status == 200)
            #expect(try await server.get("/v2/a/b/manifests/\(image.digest)").status == 200)
            #expect(try await server.delete("/v2/a/b/manifests/1").status == 404)
        }
    }

    @Test("a manifest goes with all of its tags, and comes back when pushed again")
    func manifest() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            try await server.put(image, to: "a/b", as: "2")
            #expect(try await server.delete("/v2/a/b/manifests/\(image.digest)").status == 202)
            for reference in ["1", "2", image.digest.text] {
                #expect(try await server.get("/v2/a/b/manifests/\(reference)").status == 404)
            }
            #expect(try await server.get("/v2/a/b/blobs/\(image.digest)").status == 404)
            #expect(try await server.get("/v2/a/b/tags/list").json()["tags"] as? [String] == [])
            #expect(try await server.delete("/v2/a/b/manifests/\(image.digest)").status == 404)
            #expect(try await server.put(image, to: "a/b", as: "1").status == 201)
            #expect(try await server.get("/v2/a/b/manifests/1").body == image.bytes)
        }
    }

    @Test("a conditional delete of a tag compares first")
    func conditional() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            let wrong = try await server.delete("/v2/a/b/manifests/1", [("If-Match", "\"\(try sha256([1]))\"")])
            #expect(wrong.status == 412)
            let right = try await server.delete("/v2/a/b/manifests/1", [("If-Match", "\"\(image.digest)\"")])
            #expect(right.status == 202)
        }
    }

    @Test("content that is still referred to is 405 and says by what, unless allowed", arguments: [false, true])
    func referenced(isAllowed: Bool) async throws {
        try await withLiveServer({ $0.delete.referenced = isAllowed ? .allow : .refuse }) { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            let layer = try await server.push("layer", to: "a/b")
            let index = try Document(#"{"schemaVersion":2,"manifests":[\#(image.descriptor)]}"#, .ociIndex)
            try await server.put(index, to: "a/b", as: "multi")
            let blob = try await server.delete("/v2/a/b/blobs/\(layer)")
            #expect(blob.status == (isAllowed ? 202 : 405))
            let child = try await server.delete("/v2/a/b/manifests/\(image.digest)")
            #expect(child.status == (isAllowed ? 202 : 405))
            guard !isAllowed else { return }
            #expect(blob.errorCodes == ["UNSUPPORTED"])
            #expect(blob.header("Allow") == "GET, HEAD")
            #expect(blob.detail["manifests"] as? [String] == [image.digest.text])
            #expect(child.detail["manifests"] as? [String] == [index.digest.text])
        }
    }

    @Test("an unused blob goes from its repository alone")
    func blob() async throws {
        try await withLiveServer { server in
            let digest = try await server.push("unused", to: "a/b")
            try await server.push("unused", to: "a/c")
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").status == 200)
            #expect(try await server.delete("/v2/a/b/blobs/\(digest)").status == 202)
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").status == 404)
            #expect(try await server.head("/v2/a/b/blobs/\(digest)").status == 404)
            #expect(try await server.get("/v2/a/c/blobs/\(digest)").status == 200)
            #expect(try await server.delete("/v2/a/b/blobs/\(digest)").status == 404)
        }
    }

    @Test("deletes stay deleted after a restart")
    func restart() async throws {
        try await withRestart { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            try await server.delete("/v2/a/b/manifests/\(image.digest)")
            return image
        } then: { server, image async throws in
            #expect(try await server.get("/v2/a/b/manifests/\(image.digest)").status == 404)
            #expect(try await server.get("/v2/a/b/manifests/1").status == 404)
        }
    }

    @Test(
        "switches turn off what they name, on every route",
        arguments: [
            ("GET", "/v2/", 200, 200), ("GET", "/v2/a/b/tags/list", 200, 200), ("GET", "/v2/a/b/manifests/1", 200, 200),
            ("PUT", "/v2/a/b/manifests/1", 405, 400), ("DELETE", "/v2/a/b/manifests/1", 405, 405),
            ("DELETE", "/v2/a/b/manifests/IMAGE", 405, 405), ("DELETE", "/v2/a/b/blobs/IMAGE", 405, 405),
            ("POST", "/v2/a/b/blobs/uploads/", 405, 202), ("PATCH", "/v2/a/b/blobs/uploads/x", 405, 404),
            ("PUT", "/v2/a/b/blobs/uploads/x", 405, 404), ("DELETE", "/v2/a/b/blobs/uploads/x", 405, 404),
            ("POST", "/v2/a/b/blobs/uploads/?digest=EMPTY", 405, 201), ("PUT", "/v2/a/b/manifests/IMAGE", 405, 400),
            ("POST", "/v2/a/c/blobs/uploads/?mount=IMAGE", 405, 201), ("GET", "UPLOAD", 204, 204),
            ("PATCH", "UPLOAD", 405, 202), ("PUT", "UPLOAD?digest=EMPTY", 405, 201), ("DELETE", "UPLOAD", 405, 204),
        ])
    func switches(method: String, target: String, readOnly: Int, noDeletes: Int) async throws {
        /// Pushes, and answers the target with what was pushed put in.
        func push(_ server: LiveServer) async throws -> String {
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            let location = try await server.startUpload(in: "a/b")
            return target.replacingOccurrences(of: "IMAGE", with: image.digest.text)
                .replacingOccurrences(of: "EMPTY", with: Digest.ofNothing(.sha256).text)
                .replacingOccurrences(of: "UPLOAD", with: location)
        }
        try await withRestart(first: push) {
            $0.registry.isReadOnly = true
            $0.registry.message = "moving house"
        } then: { server, target async throws in
            let reply = try await server.send(method, target)
            #expect(reply.status == readOnly)
            if readOnly == 405 {
                #expect(reply.errorCodes == ["UNSUPPORTED"])
                #expect(reply.text.contains("moving house"))
                #expect(reply.header("Allow")?.contains(method) == false)
            }
        }
        try await withRestart(first: push) {
            $0.delete.isEnabled = false
        } then: { server, target async throws in
            let reply = try await server.send(method, target)
            #expect(reply.status == noDeletes)
        }
    }
}
