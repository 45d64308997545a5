import BerthBlobs
import BerthCatalog
import BerthConfig
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import Testing

/// Distribution specification, "Pushing blobs": how uploads are cut off, taken over, cancelled and closed again.
@Suite("Ends of uploads")
struct UploadEndTests {
    @Test("a closing PUT that breaks off leaves the upload where it was")
    func cutClose() async throws {
        try await withLiveServer { server in
            let location = try await server.startUpload(in: "a/b")
            let first = [UInt8](repeating: 1, count: 100)
            let rest = [UInt8](repeating: 2, count: 900_000)
            let target = "\(location)?digest=\(try sha256(first + rest))"
            try await server.send("PATCH", location, body: first)
            let connection = try server.connect()
            try await connection.write(
                Array("PUT \(target) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n".utf8)
                    + rest.prefix(500_000))
            try await eventually("bytes of the PUT arrive") { try server.uploadedBytes() > 100 }
            await connection.abort()
            #expect(try await server.get(location).header("Range") == "0-99")
            #expect(try await server.send("PUT", target, body: rest).status == 201)
        }
    }

    @Test("of two chunks at once the later wins, and the other is told where to ask")
    func takenOver() async throws {
        try await withLiveServer { server in
            let location = try await server.startUpload(in: "a/b")
            let earlier = try server.connect()
            try await earlier.write(
                Array("PATCH \(location) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n".utf8)
                    + [UInt8](repeating: 1, count: 400))
            try await eventually("the earlier chunk has the upload") { try !server.files(in: "uploads").isEmpty }
            let later = try await server.send("PATCH", location, body: [UInt8](repeating: 2, count: 10))
            #expect(later.status == 202)
            let refused = try await earlier.readReply()
            #expect(refused.status == 416)
            #expect(refused.errorCodes == ["BLOB_UPLOAD_INVALID"])
            #expect(refused.header("Location") == location)
            let end = try #require(later.header("Range").flatMap { Int($0.split(separator: "-")[1]) })
            #expect((9...409).contains(end))
            #expect(try await server.get(location).header("Range") == "0-\(end)")
            let bytes = [UInt8](repeating: 1, count: end - 9) + [UInt8](repeating: 2, count: 10)
            let digest = try sha256(bytes)
            #expect(try await server.send("PUT", "\(location)?digest=\(digest)").status == 201)
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").body == bytes)
        }
    }

    @Test(
        "a closing PUT with the last chunk is 201 again for its own digest, and 404 for any other (B8)",
        arguments: [5, 100_000], [5, 100_000])
    func repeatedLastChunk(first: Int, last: Int) async throws {
        try await withLiveServer { server in
            for (fill, range) in [(1, nil), (2, "\(first)-\(first + last - 1)")] as [(UInt8, String?)] {
                let headers = range.map { [("Content-Range", $0)] } ?? []
                let head = [UInt8](repeating: fill, count: first)
                let tail = [UInt8](repeating: fill + 10, count: last)
                let digest = try sha256(head + tail)
                let location = try await server.startUpload(in: "a/b")
                #expect(try await server.send("PATCH", location, body: head).status == 202)
                for attempt in 1...3 {
                    let reply = try await server.send("PUT", "\(location)?digest=\(digest)", headers, body: tail)
                    #expect(reply.status == 201, "\(range ?? "no range"), attempt \(attempt): \(reply.text)")
                }
                for other in [tail, head] {
                    let target = "\(location)?digest=\(try sha256(other))"
                    let reply = try await server.send("PUT", target, headers, body: tail)
                    #expect(reply.status == 404, "\(range ?? "no range")")
                    #expect(reply.errorCodes == ["BLOB_UPLOAD_UNKNOWN"])
                    #expect(try await server.head("/v2/a/b/blobs/\(try sha256(other))").status == 404)
                }
                #expect(try await server.get("/v2/a/b/blobs/\(digest)").body == head + tail)
            }
        }
    }

    @Test("a repeated closing PUT is 404 once its blob was deleted", arguments: [5, 100_000])
    func repeatedAfterDelete(size: Int) async throws {
        try await withLiveServer { server in
            let bytes = [UInt8](repeating: 3, count: size)
            let digest = try sha256(bytes)
            let location = try await server.startUpload(in: "a/b")
            #expect(try await server.send("PUT", "\(location)?digest=\(digest)", body: bytes).status == 201)
            #expect(try await server.delete("/v2/a/b/blobs/\(digest)").status == 202)
            let again = try await server.send("PUT", "\(location)?digest=\(digest)", body: bytes)
            #expect(again.status == 404)
            #expect(again.errorCodes == ["BLOB_UPLOAD_UNKNOWN"])
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").status == 404)
            // What the first PUT has committed may still be on its way to its place.
            try await eventually("no file is left of either PUT") { try server.files(in: "uploads").isEmpty }
        }
    }

    @Test("how an upload ended outlives a restart (B8)", arguments: [5, 100_000])
    func restart(size: Int) async throws {
        let bytes = [UInt8](repeating: 3, count: size)
        let digest = try sha256(bytes)
        try await withRestart { server in
            let cancelled = try await server.startUpload(in: "a/b")
            try await server.send("PATCH", cancelled, body: bytes)
            try await server.delete(cancelled)
            let finished = try await server.startUpload(in: "a/b")
            try await server.send("PUT", "\(finished)?digest=\(digest)", body: bytes)
            return (cancelled: cancelled, finished: finished)
        } then: { server, locations async throws in
            for location in [locations.cancelled, locations.finished] {
                #expect(try await server.get(location).status == 404)
                #expect(try await server.send("PATCH", location, body: [1]).status == 404)
            }
            let revived = try await server.send("PUT", "\(locations.cancelled)?digest=\(digest)", body: bytes)
            #expect(revived.status == 404)
            let again = try await server.send("PUT", "\(locations.finished)?digest=\(digest)", body: bytes)
            #expect(again.status == 201)
            #expect(try await server.get("/v2/a/b/blobs/\(digest)").body == bytes)
        }
    }

    @Test("a cancelled upload takes no large body either", arguments: [0, 3, 100_000])
    func cancelled(size: Int) async throws {
        try await withLiveServer { server in
            let bytes = [UInt8](repeating: 3, count: 100_000)
            let location = try await server.startUpload(in: "a/b")
            if size > 0 { try await server.send("PATCH", location, body: Array(bytes.prefix(size))) }
            #expect(try await server.delete(location).status == 204)
            let end = try await server.send("PUT", "\(location)?digest=\(try sha256(bytes))", body: bytes)
            #expect(end.status == 404)
            #expect(end.errorCodes == ["BLOB_UPLOAD_UNKNOWN"])
            #expect(try await server.get(location).status == 404)
            #expect(try await server.send("PATCH", location, body: bytes).status == 404)
            #expect(try await server.get(location).status == 404)
            #expect(try server.files(in: "uploads").isEmpty)
        }
    }
}

extension LiveServer {
    /// Size of all files of uploads.
    fileprivate func uploadedBytes() throws -> Int {
        try files(in: "uploads").reduce(0) { sum, name in
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(root)/uploads/\(name)")
            return sum + (attributes[.size] as? Int ?? 0)
        }
    }
}
