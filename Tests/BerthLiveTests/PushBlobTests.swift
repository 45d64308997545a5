import BerthBlobs
import BerthCatalog
import BerthConfig
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import Testing

/// Distribution specification, "Pushing blobs".
@Suite("Pushing blobs")
struct PushBlobTests {
    @Test("POST, then PUT with the whole body, is 201 with digest and location")
    func monolithic() async throws {
        try await withLiveServer { server in
            let bytes = Array("hello".utf8)
            let digest = try sha256(bytes)
            let start = try await server.send("POST", "/v2/a/b/blobs/uploads/")
            #expect(start.status == 202)
            #expect(start.header("Range") == "0-0")
            #expect(start.header("Cache-Control") == "no-store")
            let id = try #require(start.header("Docker-Upload-UUID"))
            #expect(UploadID(id) != nil)
            let location = try #require(start.header("Location"))
            #expect(location.hasPrefix("/v2/a/b/blobs/uploads/\(id)."))
            let end = try await server.send("PUT", "\(location)?digest=\(digest)", body: bytes)
            #expect(end.status == 201)
            #expect(end.header("Docker-Content-Digest") == digest.text)
            #expect(end.header("Location") == "/v2/a/b/blobs/\(digest)")
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").body == bytes)
        }
    }

    @Test("starting an upload writes nothing", arguments: [200])
    func writesNothing(count: Int) async throws {
        try await withLiveServer { server in
            for _ in 0..<count { _ = try await server.startUpload(in: "a/b") }
            #expect(try server.files(in: "uploads").isEmpty)
            #expect(try await server.server.registry.catalog.hasRepository(RepositoryName("a/b")) == false)
        }
    }

    @Test("chunks are appended, with and without Content-Range, whatever their size", arguments: [1, 100, 70_000])
    func chunks(size: Int) async throws {
        try await withLiveServer { server in
            let chunk = [UInt8](repeating: 7, count: size)
            let location = try await server.startUpload(in: "a/b")
            let first = try await server.send("PATCH", location, body: chunk)
            #expect(first.status == 202)
            #expect(first.header("Range") == "0-\(size - 1)")
            let next = first.header("Location") ?? ""
            let second = try await server.send(
                "PATCH", next, [("Content-Range", "\(size)-\(2 * size - 1)")], body: chunk)
            #expect(second.status == 202)
            #expect(second.header("Range") == "0-\(2 * size - 1)")
            let rfc = try await server.send(
                "PATCH", next, [("Content-Range", "bytes \(2 * size)-\(3 * size - 1)/*")], body: chunk)
            #expect(rfc.status == 202)
            let whole = chunk + chunk + chunk
            let end = try await server.send("PUT", "\(next)?digest=\(try sha256(whole))")
            #expect(end.status == 201)
            #expect(try await server.get("/v2/a/b/blobs/\(try sha256(whole))").body == whole)
        }
    }

    @Test("Docker's way: one PATCH in transfer chunks, then an empty PUT")
    func dockers() async throws {
        try await withLiveServer { server in
            let location = try await server.startUpload(in: "a/b")
            let connection = try server.connect()
            let body = "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
            let patch = try await connection.send(
                "PATCH", location, [("Transfer-Encoding", "chunked")], body: Array(body.utf8))
            #expect(patch.status == 202)
            #expect(patch.header("Range") == "0-10")
            let digest = try sha256(Array("hello world".utf8))
            let end = try await connection.send("PUT", "\(location)?digest=\(digest.text)")
            #expect(end.status == 201)
        }
    }

    @Test("a gap or overlap is 416 and tells where to go on", arguments: ["3-7", "0-4", "6-10"])
    func outOfOrder(range: String) async throws {
        try await withLiveServer { server in
            let location = try await server.startUpload(in: "a/b")
            try await server.send("PATCH", location, body: Array("hello".utf8))
            for method in ["PATCH", "PUT"] {
                let query = method == "PUT" ? "?digest=\(try sha256([]))" : ""
                let reply = try await server.send(
                    method, location + query, [("Content-Range", range)], body: Array("world".utf8))
                #expect(reply.status == 416)
                #expect(reply.header("Range") == "0-4")
                #expect(reply.header("Location") == location)
                #expect(reply.errorCodes == ["BLOB_UPLOAD_INVALID"])
            }
            let status = try await server.get(location)
            #expect(status.status == 204)
            #expect(status.header("Range") == "0-4")
        }
    }

    @Test(
        "a Content-Range that is none, or not as long as the body, is 400 and changes nothing",
        arguments: [
            "x", "5", "7-5", "5-100", "-5-9", "5-9223372036854775807",
        ])
    func badContentRange(range: String) async throws {
        try await withLiveServer { server in
            let location = try await server.startUpload(in: "a/b")
            try await server.send("PATCH", location, body: Array("hello".utf8))
            let reply = try await server.send("PATCH", location, [("Content-Range", range)], body: Array("world".utf8))
            #expect(reply.status == 400)
            #expect(reply.errorCodes == ["SIZE_INVALID"])
            #expect(try await server.get(location).header("Range") == "0-4")
        }
    }

    @Test("a wrong digest is 400, and the upload stays usable", arguments: [10, 100_000])
    func wrongDigest(size: Int) async throws {
        try await withLiveServer { server in
            let bytes = [UInt8](repeating: 1, count: size)
            let location = try await server.startUpload(in: "a/b")
            try await server.send("PATCH", location, body: bytes)
            let wrong = try await server.send("PUT", "\(location)?digest=\(try sha256([1]))", body: [9])
            #expect(wrong.status == 400)
            #expect(wrong.errorCodes == ["DIGEST_INVALID"])
            #expect(try await server.get(location).header("Range") == "0-\(size - 1)")
            let right = try await server.send("PUT", "\(location)?digest=\(try sha256(bytes + [2]))", body: [2])
            #expect(right.status == 201)
        }
    }

    @Test("a chunk in transfer chunks is measured against Content-Range at its end, and taken back")
    func shortChunk() async throws {
        try await withLiveServer { server in
            let location = try await server.startUpload(in: "a/b")
            let reply = try await server.send(
                "PATCH", location, [("Transfer-Encoding", "chunked"), ("Content-Range", "0-99")],
                body: Array("5\r\nhello\r\n0\r\n\r\n".utf8))
            #expect(reply.status == 400)
            #expect(reply.errorCodes == ["SIZE_INVALID"])
            #expect(try await server.get(location).header("Range") == "0-0")
            #expect(try await server.send("PUT", "\(location)?digest=\(Digest.ofNothing(.sha256))").status == 201)
        }
    }

    @Test("an empty chunk is none, and a closing PUT may bring the last chunk with its range")
    func emptyChunk() async throws {
        try await withLiveServer { server in
            let location = try await server.startUpload(in: "a/b")
            let empty = try await server.send("PATCH", location, body: [])
            #expect(empty.status == 202)
            #expect(empty.header("Range") == "0-0")
            try await server.send("PATCH", location, body: Array("hello".utf8))
            let digest = try sha256(Array("hello world".utf8))
            let end = try await server.send(
                "PUT", "\(location)?digest=\(digest)", [("Content-Range", "5-10")], body: Array(" world".utf8))
            #expect(end.status == 201)
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").text == "hello world")
        }
    }

    @Test("parameters of others around an escaped digest are nobody's business")
    func otherParameters() async throws {
        try await withLiveServer { server in
            let digest = try sha256([1])
            let escaped = digest.text.replacingOccurrences(of: ":", with: "%3A")
            let location = try await server.startUpload(in: "a/b")
            let reply = try await server.send("PUT", "\(location)?_state=a%2Bb&digest=\(escaped)&x=1", body: [1])
            #expect(reply.status == 201)
            let twice = try await server.startUpload(in: "a/b")
            let refused = try await server.send("PUT", "\(twice)?digest=\(digest)&digest=\(digest)", body: [1])
            #expect(refused.status == 400)
        }
    }

    @Test("no answer about an upload is to be stored")
    func noStore() async throws {
        try await withLiveServer { server in
            let digest = try sha256([1])
            let location = try await server.startUpload(in: "a/b")
            let replies = [
                try await server.send("PUT", "\(location)?digest=\(digest)", body: [1]),
                try await server.send("POST", "/v2/a/b/blobs/uploads/?digest=\(digest)", body: [1]),
                try await server.get(location),
            ]
            #expect(replies.map(\.status) == [201, 201, 404])
            for reply in replies { #expect(reply.header("Cache-Control") == "no-store") }
        }
    }

    @Test("a repeated closing PUT is 201 again, for the same digest alone (B8)", arguments: [5, 100_000])
    func repeated(size: Int) async throws {
        try await withLiveServer { server in
            let bytes = [UInt8](repeating: 3, count: size)
            let digest = try sha256(bytes)
            for isChunked in [false, true] {
                let location = try await server.startUpload(in: "a/b")
                if isChunked { try await server.send("PATCH", location, body: bytes) }
                for _ in 0..<2 {
                    let reply = try await server.send(
                        "PUT", "\(location)?digest=\(digest)", body: isChunked ? [] : bytes)
                    #expect(reply.status == 201)
                }
                let empty = try await server.send("PUT", "\(location)?digest=\(digest)")
                #expect(empty.status == 201)
                #expect(try await server.get("/v2/a/b/blobs/\(digest)").body == bytes)
                await server.server.registry.settler.settleAll()
                #expect(try await server.get("/v2/a/b/blobs/\(digest)").body == bytes)
                let foreign = [UInt8](repeating: 8, count: size)
                let wrong = try await server.send("PUT", "\(location)?digest=\(try sha256(foreign))", body: foreign)
                #expect(wrong.status == 404)
                #expect(try await server.get("/v2/a/b/blobs/\(digest)").body == bytes)
                let other = try await server.send("PUT", "\(location)?digest=\(try sha256([1]))", body: [1])
                #expect(other.status == 404)
                #expect(other.errorCodes == ["BLOB_UPLOAD_UNKNOWN"])
                #expect(try await server.send("PATCH", location, body: [1]).status == 404)
                #expect(try await server.get(location).status == 404)
            }
        }
    }

    @Test("nothing is given for a digest alone")
    func noBytes() async throws {
        try await withLiveServer { server in
            let digest = try await server.push("secret", to: "team/private")
            let location = try await server.startUpload(in: "team/mine")
            let reply = try await server.send("PUT", "\(location)?digest=\(digest)")
            #expect(reply.status == 400)
            #expect(reply.errorCodes == ["DIGEST_INVALID"])
            #expect(try await server.get("/v2/team/mine/blobs/\(digest)").status == 404)
        }
    }

    @Test("zero bytes are a blob", arguments: Digest.Algorithm.allCases)
    func empty(algorithm: Digest.Algorithm) async throws {
        try await withLiveServer { server in
            let digest = Digest.ofNothing(algorithm)
            let location = try await server.startUpload(in: "a/b")
            #expect(try await server.send("PUT", "\(location)?digest=\(digest)").status == 201)
            let reply = try await server.get("/v2/a/b/blobs/\(digest)")
            #expect(reply.status == 200)
            #expect(reply.header("Content-Length") == "0")
            await server.server.registry.settler.settleAll()
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").status == 200)
        }
    }

    @Test("sha512 works, named at the start or only at the end", arguments: ["?digest-algorithm=sha512", ""])
    func sha512s(query: String) async throws {
        try await withLiveServer { server in
            for size in [10, 200_000] {
                let bytes = [UInt8](repeating: 5, count: size)
                let digest = try sha512(bytes)
                let location = try await server.startUpload(in: "a/b", query)
                try await server.send("PATCH", location, body: bytes)
                let end = try await server.send("PUT", "\(location)?digest=\(digest)")
                #expect(end.status == 201)
                #expect(try await server.get("/v2/a/b/blobs/\(digest)").body == bytes)
            }
        }
    }

    @Test("an unknown algorithm is 400")
    func unknownAlgorithm() async throws {
        try await withLiveServer { server in
            let reply = try await server.send("POST", "/v2/a/b/blobs/uploads/?digest-algorithm=md5")
            #expect(reply.status == 400)
        }
    }

    @Test("a single POST with a digest is 201; a wrong one stores nothing")
    func singlePost() async throws {
        try await withLiveServer { server in
            let reply = try await server.send(
                "POST", "/v2/a/b/blobs/uploads/?digest=\(try sha256([1, 2]))", body: [1, 2, 3])
            #expect(reply.status == 400)
            #expect(reply.errorCodes == ["DIGEST_INVALID"])
            let large = [UInt8](repeating: 1, count: 300_000)
            let wrong = try await server.send("POST", "/v2/a/b/blobs/uploads/?digest=\(try sha256([1]))", body: large)
            #expect(wrong.status == 400)
            #expect(try server.files(in: "uploads").isEmpty)
            let right = try await server.push(large, to: "a/b")
            #expect(try await server.get("/v2/a/b/blobs/\(right)").body == large)
        }
    }

    @Test("an upload works for its repository alone, and only with its own seal (B8)")
    func seals() async throws {
        try await withLiveServer { server in
            let location = try await server.startUpload(in: "a/b")
            let ticket = location.split(separator: "/").last.map(String.init) ?? ""
            for target in [
                "/v2/a/c/blobs/uploads/\(ticket)", "/v2/a/b/blobs/uploads/\(ticket.dropLast())A",
                "/v2/a/b/blobs/uploads/\(ticket.split(separator: ".")[0])", "/v2/a/b/blobs/uploads/x",
            ] where target != location {
                for method in ["GET", "PATCH", "PUT", "DELETE"] {
                    let query = method == "PUT" ? "?digest=\(try sha256([]))" : ""
                    let reply = try await server.send(method, target + query)
                    #expect(reply.status == 404, "\(method) \(target)")
                    #expect(reply.errorCodes == ["BLOB_UPLOAD_UNKNOWN"])
                }
            }
        }
    }

    @Test("a cancelled upload is gone, also when it never had a byte", arguments: [true, false])
    func cancelled(hasBytes: Bool) async throws {
        try await withLiveServer { server in
            let location = try await server.startUpload(in: "a/b")
            if hasBytes { try await server.send("PATCH", location, body: [1, 2, 3]) }
            #expect(try await server.delete(location).status == 204)
            #expect(try await server.get(location).status == 404)
            #expect(try await server.send("PATCH", location, body: [1]).status == 404)
            #expect(try await server.send("PUT", "\(location)?digest=\(try sha256([1]))", body: [1]).status == 404)
            #expect(try server.files(in: "uploads").isEmpty)
        }
    }

    @Test("an upload goes on after a restart of the server (B7)")
    func resumed() async throws {
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
        let digest = try sha256(bytes)
        try await withRestart { server in
            let location = try await server.startUpload(in: "a/b")
            try await server.send("PATCH", location, body: Array(bytes[..<200_000]))
            return location
        } then: { server, location async throws in
            #expect(try await server.get(location).header("Range") == "0-199999")
            try await server.send("PATCH", location, body: Array(bytes[200_000...]))
            let end = try await server.send("PUT", "\(location)?digest=\(digest)")
            #expect(end.status == 201)
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").body == bytes)
        }
    }

    @Test("one digest uploaded by many at once succeeds for all", arguments: [1000, 500_000])
    func many(size: Int) async throws {
        try await withLiveServer { server in
            let bytes = [UInt8](repeating: 9, count: size)
            let digest = try sha256(bytes)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<12 {
                    group.addTask {
                        let location = try await server.startUpload(in: "a/b\(index % 3)")
                        return try await server.send("PUT", "\(location)?digest=\(digest)", body: bytes).status
                    }
                }
                for try await status in group { #expect(status == 201) }
            }
            for index in 0..<3 { #expect(try await server.get("/v2/a/b\(index)/blobs/\(digest)").body == bytes) }
            await server.server.registry.settler.settleAll()
            #expect(try await server.get("/v2/a/b0/blobs/\(digest)").body == bytes)
            #expect(try server.files(in: "uploads").isEmpty)
        }
    }

    @Test("a body that breaks off keeps what came of it, and the upload goes on there")
    func brokenOff() async throws {
        try await withLiveServer { server in
            let location = try await server.startUpload(in: "a/b")
            let connection = try server.connect()
            try await connection.write(
                Array("PATCH \(location) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n".utf8)
                    + [UInt8](repeating: 1, count: 600))
            // The later request wins, and waits until the earlier one has let go of the upload.
            await connection.abort()
            let status = try await server.get(location)
            #expect(status.status == 204)
            let end = try #require(status.header("Range").flatMap { Int($0.split(separator: "-")[1]) })
            #expect(end <= 599)
        }
    }

    @Test(
        "content that was deleted behind the registry's back is 404, and healed by a push (B9)",
        arguments: [100, 200_000])
    func healed(size: Int) async throws {
        try await withLiveServer { server in
            let bytes = [UInt8](repeating: 4, count: size)
            let digest = try await server.push(bytes, to: "a/b")
            await server.server.registry.settler.settleAll()
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").status == 200)
            try server.removeContent(digest)
            let missing = try await server.head("/v2/a/b/blobs/\(digest)")
            #expect(missing.status == 404)
            try await server.push(bytes, to: "a/b")
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").body == bytes)
        }
    }
}
