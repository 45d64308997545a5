import BerthBlobs
import BerthCatalog
import BerthConfig
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import Testing

/// Distribution specification, "Pulling manifests" and "Pushing Manifests".
@Suite("Manifests")
struct ManifestTests {
    @Test(
        "a manifest comes back byte for byte by tag and digest, whatever Accept says",
        arguments: [
            [], [("Accept", "*/*")], [("Accept", "text/plain")],
            [("Accept", ManifestType.ociIndex.rawValue), ("Accept", "application/json;q=0.5, */*;q=0.1")],
        ])
    func pulled(accept: [(String, String)]) async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "library/box", as: "1.0")
            for reference in ["1.0", image.digest.text] {
                let reply = try await server.get("/v2/library/box/manifests/\(reference)", accept)
                #expect(reply.status == 200)
                #expect(reply.body == image.bytes)
                #expect(reply.header("Content-Type") == image.type.rawValue)
                #expect(reply.header("Docker-Content-Digest") == image.digest.text)
                #expect(reply.header("ETag") == "\"\(image.digest)\"")
                let head = try await server.head("/v2/library/box/manifests/\(reference)", accept)
                #expect(head.status == 200)
                #expect(head.header("Content-Length") == "\(image.bytes.count)")
                #expect(head.header("Content-Type") == image.type.rawValue)
                #expect(head.header("Docker-Content-Digest") == image.digest.text)
            }
        }
    }

    @Test("a tag is not to be cached, a digest for ever")
    func caching() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            let byTag = try await server.get("/v2/a/b/manifests/1")
            #expect(byTag.header("Cache-Control") == "private, no-cache")
            let byDigest = try await server.get("/v2/a/b/manifests/\(image.digest)")
            #expect(byDigest.header("Cache-Control") == "private, max-age=31536000, immutable")
            let unchanged = try await server.get("/v2/a/b/manifests/1", [("If-None-Match", "\"\(image.digest)\"")])
            #expect(unchanged.status == 304)
        }
    }

    @Test("a push is 201 with digest and location")
    func pushed() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            let reply = try await server.put(image, to: "a/b", as: "2")
            #expect(reply.status == 201)
            #expect(reply.header("Docker-Content-Digest") == image.digest.text)
            #expect(reply.header("Location") == "/v2/a/b/manifests/\(image.digest)")
        }
    }

    @Test("what is missing is 404, with the code that says whether the repository is there")
    func missing() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            for reference in ["2", ".not-a-tag", "sha256:" + String(repeating: "0", count: 64)] {
                let reply = try await server.get("/v2/a/b/manifests/\(reference)")
                #expect(reply.status == 404)
                #expect(reply.errorCodes == ["MANIFEST_UNKNOWN"])
            }
            let other = try await server.get("/v2/a/c/manifests/\(image.digest)")
            #expect(other.status == 404)
            #expect(other.errorCodes == ["NAME_UNKNOWN"])
        }
    }

    @Test("several tags are set at once, and named in the answer")
    func severalTags() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "first")
            let tags = (1...12).map { "v\($0)" }
            let query = "?" + tags.map { "tag=\($0)" }.joined(separator: "&")
            let reply = try await server.put(image, to: "a/b", as: image.digest.text + query)
            #expect(reply.status == 201)
            #expect(reply.values("OCI-Tag") == tags)
            for tag in tags { #expect(try await server.get("/v2/a/b/manifests/\(tag)").status == 200) }
            let list = try await server.get("/v2/a/b/tags/list")
            #expect(try list.json()["tags"] as? [String] == (tags + ["first"]).sorted())
        }
    }

    @Test(
        "tag parameters that can't be set write nothing",
        arguments: [
            ("?tag=ok&tag=.bad", 400), ("?" + (0..<65).map { "tag=t\($0)" }.joined(separator: "&"), 414),
        ])
    func badTags(query: String, status: Int) async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            let reply = try await server.put(image, to: "a/b", as: image.digest.text + query)
            #expect(reply.status == status)
            #expect(reply.errorCodes == ["UNSUPPORTED"])
            #expect(try await server.get("/v2/a/b/tags/list").json()["tags"] as? [String] == ["1"])
            let byTag = try await server.put(image, to: "a/b", as: "2?tag=3")
            #expect(byTag.status == 400)
            #expect(try await server.get("/v2/a/b/manifests/2").status == 404)
        }
    }

    @Test("moving a tag is a compare-and-swap with If-Match and If-None-Match")
    func compareAndSwap() async throws {
        try await withLiveServer { server in
            let old = try await server.pushImage("old", to: "a/b", as: "1")
            let new = try await server.pushImage("new", to: "a/b", as: "other")
            let absent = try await server.put(new, to: "a/b", as: "1", [("If-None-Match", "*")])
            #expect(absent.status == 412)
            #expect(absent.errorCodes == ["DENIED"])
            #expect(absent.detail["current"] as? String == old.digest.text)
            let wrong = try await server.put(new, to: "a/b", as: "1", [("If-Match", "\"\(new.digest)\"")])
            #expect(wrong.status == 412)
            let weak = try await server.put(new, to: "a/b", as: "1", [("If-Match", "W/\"\(old.digest)\"")])
            #expect(weak.status == 412)
            let right = try await server.put(
                new, to: "a/b", as: "1", [("If-Match", "\"\(new.digest)\", \"\(old.digest)\"")])
            #expect(right.status == 201)
            #expect(try await server.head("/v2/a/b/manifests/1").header("Docker-Content-Digest") == new.digest.text)
            let created = try await server.put(new, to: "a/b", as: "fresh", [("If-None-Match", "*")])
            #expect(created.status == 201)
            let missing = try await server.put(new, to: "a/b", as: "none", [("If-Match", "*")])
            #expect(missing.status == 412)
            #expect(missing.detail["current"] == nil)
            let byDigest = try await server.put(new, to: "a/b", as: new.digest.text, [("If-Match", "*")])
            #expect(byDigest.status == 400)
        }
    }

    @Test("missing references are all named, and nothing is stored")
    func missingReferences() async throws {
        try await withLiveServer { server in
            let present = try await server.push("{}", to: "a/b")
            let gone = try (1...3).map { try sha256([UInt8($0)]) }
            let layers = gone.map { #"{"mediaType":"x/y","digest":"\#($0)","size":1}"# }.joined(separator: ",")
            let document = try Document(
                #"{"schemaVersion":2,"config":{"mediaType":"x/y","digest":"\#(present)","size":2},"layers":[\#(layers)]}"#
            )
            let reply = try await server.put(document, to: "a/b", as: "1")
            #expect(reply.status == 400)
            #expect(reply.errorCodes == ["MANIFEST_BLOB_UNKNOWN"])
            #expect(reply.detail["digests"] as? [String] == gone.map(\.text))
            #expect(try await server.get("/v2/a/b/manifests/1").status == 404)
        }
    }

    @Test("another repository's layer is as good as missing (isolation)")
    func foreignLayer() async throws {
        try await withLiveServer { server in
            let secret = try await server.push("secret", to: "team/private")
            let config = try await server.push("{}", to: "team/mine")
            let document = try Document(
                """
                {"schemaVersion":2,"config":{"mediaType":"x/y","digest":"\(config)","size":2},\
                "layers":[{"mediaType":"x/y","digest":"\(secret)","size":6}]}
                """)
            let reply = try await server.put(document, to: "team/mine", as: "1")
            #expect(reply.errorCodes == ["MANIFEST_BLOB_UNKNOWN"])
            #expect(try await server.get("/v2/team/mine/blobs/\(secret)").status == 404)
        }
    }

    @Test("descriptor sizes are compared with the stored blobs")
    func sizes() async throws {
        try await withLiveServer { server in
            let config = try await server.push("{}", to: "a/b")
            let document = try Document(
                #"{"schemaVersion":2,"config":{"mediaType":"x/y","digest":"\#(config)","size":3},"layers":[]}"#)
            let reply = try await server.put(document, to: "a/b", as: "1")
            #expect(reply.status == 400)
            #expect(reply.errorCodes == ["MANIFEST_INVALID"])
        }
    }

    @Test("indexes: of images, nested, of blobs as a build cache, and empty")
    func indexes() async throws {
        try await withLiveServer { server in
            let one = try await server.pushImage("one", to: "a/b")
            let two = try await server.pushImage("two", to: "a/b")
            let index = try Document(
                #"{"schemaVersion":2,"manifests":[\#(one.descriptor),\#(two.descriptor)]}"#, .ociIndex)
            #expect(try await server.put(index, to: "a/b", as: "multi").status == 201)
            let nested = try Document(#"{"schemaVersion":2,"manifests":[\#(index.descriptor)]}"#, .ociIndex)
            #expect(try await server.put(nested, to: "a/b", as: "nested").status == 201)
            let layer = try await server.push("cache layer", to: "a/b")
            let cache = try Document(
                #"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"\#(layer)","size":11}]}"#,
                .ociIndex)
            #expect(try await server.put(cache, to: "a/b", as: "cache").status == 201)
            let empty = try Document(
                #"{"schemaVersion":2,"mediaType":"\#(ManifestType.dockerList.rawValue)","manifests":[]}"#, .dockerList)
            #expect(try await server.put(empty, to: "a/b", as: "empty").status == 201)
        }
    }

    @Test("an index is refused without its entries, unless indexes may be sparse", arguments: [false, true])
    func sparse(isAllowed: Bool) async throws {
        try await withLiveServer({ $0.manifests.sparseIndexes = isAllowed }) { server in
            let missing = try Document(#"{"schemaVersion":2,"config":{},"layers":[]}"#)
            let index = try Document(#"{"schemaVersion":2,"manifests":[\#(missing.descriptor)]}"#, .ociIndex)
            #expect(try await server.put(index, to: "a/b", as: "1").status == (isAllowed ? 201 : 400))
        }
    }

    @Test("nesting ends at eight")
    func nesting() async throws {
        try await withLiveServer { server in
            var document = try await server.pushImage("leaf", to: "a/b")
            var statuses: [Int] = []
            for _ in 0..<10 {
                document = try Document(#"{"schemaVersion":2,"manifests":[\#(document.descriptor)]}"#, .ociIndex)
                statuses.append(try await server.put(document, to: "a/b").status)
                if statuses.last != 201 { break }
            }
            #expect(statuses == Array(repeating: 201, count: 8) + [400])
        }
    }

    @Test(
        "what is no manifest is 400 MANIFEST_INVALID",
        arguments: [
            ("", "application/vnd.oci.image.manifest.v1+json"),
            ("{}", "application/vnd.oci.image.manifest.v1+json"),
            ("[]", "application/vnd.oci.image.index.v1+json"),
            (#"{"schemaVersion":2,"manifests":[],"layers":[]}"#, "application/vnd.oci.image.index.v1+json"),
            (#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#, "application/vnd.oci.image.index.v1+json"),
            (#"{"schemaVersion":2,"manifests":[]}"#, "text/html"),
            (#"{"schemaVersion":2,"manifests":[]}"#, "no type"),
            (
                #"{"schemaVersion":1,"fsLayers":[],"history":[]}"#,
                "application/vnd.docker.distribution.manifest.v1+prettyjws"
            ),
            (
                #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#,
                "application/vnd.docker.distribution.manifest.list.v2+json"
            ),
        ])
    func invalid(body: String, type: String) async throws {
        try await withLiveServer { server in
            let reply = try await server.send(
                "PUT", "/v2/a/b/manifests/1", [("Content-Type", type)], body: Array(body.utf8))
            #expect(reply.status == 400)
            #expect(reply.errorCodes == ["MANIFEST_INVALID"])
            #expect(try await server.get("/v2/a/b/tags/list").status == 404)
        }
    }

    @Test("embedded data has to be the content of its digest")
    func embedded() async throws {
        try await withLiveServer { server in
            let config = try await server.push("{}", to: "a/b")
            for (data, status) in [("e30=", 201), ("W10=", 400)] {
                let document = try Document(
                    """
                    {"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.empty.v1+json",\
                    "digest":"\(config)","size":2,"data":"\(data)"},"layers":[],"artifactType":"x/y"}
                    """)
                #expect(try await server.put(document, to: "a/b", as: "1").status == status)
            }
        }
    }

    @Test("a body over the limit is 413, announced or not", arguments: [true, false])
    func tooLarge(isAnnounced: Bool) async throws {
        try await withLiveServer({ $0.manifests.maxBytes = 4_000_000 }) { server in
            let bytes = [UInt8](repeating: UInt8(ascii: " "), count: 4_000_001)
            let body = isAnnounced ? bytes : Array("3d0901\r\n".utf8) + bytes + Array("\r\n0\r\n\r\n".utf8)
            let reply = try await server.send(
                "PUT", "/v2/a/b/manifests/1",
                [("Content-Type", ManifestType.ociManifest.rawValue)]
                    + (isAnnounced ? [] : [("Transfer-Encoding", "chunked")]), body: body)
            #expect(reply.status == 413)
            #expect(reply.errorCodes == ["SIZE_INVALID"])
        }
    }

    @Test("a push by digest has to hash to it; sha512 is an address of its own")
    func byDigest() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b")
            let wrong = try await server.put(image, to: "a/b", as: try sha256([1]).text)
            #expect(wrong.status == 400)
            #expect(wrong.errorCodes == ["DIGEST_INVALID"])
            let long = try sha512(image.bytes)
            let reply = try await server.put(image, to: "a/b", as: "\(long)?tag=long")
            #expect(reply.status == 201)
            #expect(reply.header("Docker-Content-Digest") == long.text)
            #expect(try await server.head("/v2/a/b/manifests/long").header("Docker-Content-Digest") == long.text)
        }
    }

    @Test("manifests survive a restart, settled or not (B5)")
    func restart() async throws {
        try await withRestart { server in
            try await server.pushImage("layer", to: "a/b", as: "1")
        } then: { server, image async throws in
            #expect(try await server.get("/v2/a/b/manifests/1").body == image.bytes)
        }
    }

    @Test(
        "the type stands in Content-Type, with or without parameters, or in the body",
        arguments: [
            ("", 201), ("application/vnd.oci.image.manifest.v1+json; charset=utf-8", 201), ("foo", 400),
        ])
    func contentType(type: String, status: Int) async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b")
            let headers = type.isEmpty ? [] : [("Content-Type", type)]
            let reply = try await server.send("PUT", "/v2/a/b/manifests/1", headers, body: image.bytes)
            #expect(reply.status == status)
            if status == 400 { #expect(reply.errorCodes == ["MANIFEST_INVALID"]) }
            let read = try await server.get("/v2/a/b/manifests/1")
            #expect(read.header("Content-Type") == (status == 201 ? image.type.rawValue : "application/json"))
        }
    }

    @Test("manifests ignore Range, and know conditions for HEAD too")
    func rangesAndConditions() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            for reference in ["1", image.digest.text] {
                let range = try await server.get("/v2/a/b/manifests/\(reference)", [("Range", "bytes=0-1")])
                #expect(range.status == 200)
                #expect(range.body == image.bytes)
                let unchanged = try await server.head(
                    "/v2/a/b/manifests/\(reference)", [("If-None-Match", "\"\(image.digest)\"")])
                #expect(unchanged.status == 304)
            }
        }
    }

    @Test("conditions that mean nothing for a push are 400")
    func badConditions() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            let tag = "\"\(image.digest)\""
            for headers in [[("If-None-Match", tag)], [("If-Match", tag), ("If-None-Match", "*")]] {
                let reply = try await server.put(image, to: "a/b", as: "2", headers)
                #expect(reply.status == 400)
                #expect(reply.errorCodes == ["UNSUPPORTED"])
            }
            #expect(try await server.get("/v2/a/b/manifests/2").status == 404)
        }
    }

    @Test("64 long tags are set at once")
    func mostTags() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b")
            let tags = (10..<74).map { "\($0)" + String(repeating: "x", count: 98) }
            let query = "?" + tags.map { "tag=\($0)" }.joined(separator: "&")
            let reply = try await server.put(image, to: "a/b", as: image.digest.text + query)
            #expect(reply.status == 201)
            #expect(reply.values("OCI-Tag") == tags)
            #expect(try await server.get("/v2/a/b/tags/list").json()["tags"] as? [String] == tags)
        }
    }

    @Test("one tag pushed by many at once succeeds for all, and names one of them")
    func concurrentTag() async throws {
        try await withLiveServer { server in
            var images: [Document] = []
            for index in 0..<12 { images.append(try await server.pushImage("\(index)", to: "a/b")) }
            try await withThrowingTaskGroup(of: Int.self) { group in
                for image in images { group.addTask { try await server.put(image, to: "a/b", as: "1").status } }
                for try await status in group { #expect(status == 201) }
            }
            let reply = try await server.get("/v2/a/b/manifests/1")
            let named = images.first { $0.digest.text == reply.header("Docker-Content-Digest") }
            #expect(named?.bytes == reply.body)
        }
    }
}
