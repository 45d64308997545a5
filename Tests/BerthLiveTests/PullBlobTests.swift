import BerthBlobs
import BerthCatalog
import BerthConfig
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import Testing

/// Distribution specification, "Pulling blobs"; RFC 9110, sections 13 and 14.
@Suite("Pulling blobs")
struct PullBlobTests {
    @Test("a blob comes back whole, with the headers of immutable content")
    func whole() async throws {
        try await withLiveServer { server in
            let digest = try await server.push("0123456789", to: "library/box")
            let reply = try await server.get("/v2/library/box/blobs/\(digest)")
            #expect(reply.status == 200)
            #expect(reply.text == "0123456789")
            #expect(reply.header("Docker-Content-Digest") == digest.text)
            #expect(reply.header("ETag") == "\"\(digest)\"")
            #expect(reply.header("Content-Type") == "application/octet-stream")
            #expect(reply.header("Accept-Ranges") == "bytes")
            #expect(reply.header("Cache-Control") == "private, max-age=31536000, immutable")
            #expect(reply.header("Docker-Distribution-Api-Version") == "registry/2.0")
            #expect(reply.header("Content-Encoding") == nil)
        }
    }

    @Test("settled content is the same as staged content (B3)")
    func settled() async throws {
        try await withLiveServer { server in
            let digest = try await server.push("staged first, settled then", to: "library/box")
            #expect(await server.server.registry.settler.settleAll())
            let reply = try await server.get("/v2/library/box/blobs/\(digest)")
            #expect(reply.text == "staged first, settled then")
        }
    }

    @Test(
        "a range answers exactly the bytes asked for",
        arguments: [
            ("bytes=0-0", "0"), ("bytes=5-", "56789"), ("bytes=-3", "789"), ("bytes=8-99", "89"),
            ("bytes=-99", "0123456789"),
            ("Bytes=2-3", "23"), ("bytes=2-3,", "23"), ("bytes= 2-3", "23"), ("bytes=99-,2-3", "23"),
            ("bytes=0-9223372036854775807", "0123456789"), ("bytes=0-99999999999999999999", "0123456789"),
        ])
    func range(header: String, expected: String) async throws {
        try await withLiveServer { server in
            let digest = try await server.push("0123456789", to: "library/box")
            for isSettled in [false, true] {
                if isSettled { await server.server.registry.settler.settleAll() }
                let reply = try await server.get("/v2/library/box/blobs/\(digest)", [("Range", header)])
                #expect(reply.status == 206)
                #expect(reply.text == expected)
                #expect(reply.header("Content-Range")?.hasSuffix("/10") == true)
            }
        }
    }

    @Test(
        "a range that is none, or not worth it, is answered with the whole blob",
        arguments: [
            "bytes=5-2", "bytes=a-b", "items=0-1", "bytes=", "bytes", "bytes=1--2", "bytes=0-5,3-7", "bytes=+1-2",
            "bytes=" + (0...1000).map { "\($0)-\($0)" }.joined(separator: ","),
        ])
    func ignoredRange(header: String) async throws {
        try await withLiveServer { server in
            let digest = try await server.push("0123456789", to: "library/box")
            let reply = try await server.get("/v2/library/box/blobs/\(digest)", [("Range", header)])
            #expect(reply.status == 200)
            #expect(reply.text == "0123456789")
        }
    }

    @Test("a range beyond the blob is 416 with its size", arguments: ["bytes=10-", "bytes=99-100", "bytes=-0"])
    func beyond(header: String) async throws {
        try await withLiveServer { server in
            let digest = try await server.push("0123456789", to: "library/box")
            let reply = try await server.get("/v2/library/box/blobs/\(digest)", [("Range", header)])
            #expect(reply.status == 416)
            #expect(reply.header("Content-Range") == "bytes */10")
            #expect(reply.errorCodes == ["SIZE_INVALID"])
        }
    }

    @Test("several ranges are answered part for part in the order asked")
    func several() async throws {
        try await withLiveServer { server in
            let digest = try await server.push("0123456789", to: "library/box")
            await server.server.registry.settler.settleAll()
            let reply = try await server.get("/v2/library/box/blobs/\(digest)", [("Range", "bytes=6-7,0-1,2-3")])
            #expect(reply.status == 206)
            let type = try #require(reply.header("Content-Type"))
            #expect(type.hasPrefix("multipart/byteranges; boundary="))
            let boundary = type.dropFirst("multipart/byteranges; boundary=".count)
            #expect(boundary.utf8.allSatisfy { $0.isLetterOrDigit })
            let parts = reply.text.components(separatedBy: "--\(boundary)")
            #expect(parts.count == 5)
            #expect(parts[1].hasSuffix("Content-Range: bytes 6-7/10\r\n\r\n67\r\n"))
            #expect(parts[2].hasSuffix("Content-Range: bytes 0-1/10\r\n\r\n01\r\n"))
            #expect(parts[3].hasSuffix("Content-Range: bytes 2-3/10\r\n\r\n23\r\n"))
            #expect(parts[4] == "--\r\n")
        }
    }

    @Test("conditions come before ranges")
    func conditions() async throws {
        try await withLiveServer { server in
            let digest = try await server.push("0123456789", to: "library/box")
            let path = "/v2/library/box/blobs/\(digest)"
            let unchanged = try await server.get(path, [("If-None-Match", "\"\(digest)\""), ("Range", "bytes=0-1")])
            #expect(unchanged.status == 304)
            #expect(unchanged.header("ETag") == "\"\(digest)\"")
            let weak = try await server.get(path, [("If-None-Match", "\"x\", W/\"\(digest)\"")])
            #expect(weak.status == 304)
            let other = try await server.get(path, [("If-None-Match", "\"sha256:0\"")])
            #expect(other.status == 200)
            let ifRange = try await server.get(path, [("If-Range", "\"\(digest)\""), ("Range", "bytes=0-1")])
            #expect(ifRange.status == 206)
            let stale = try await server.get(path, [("If-Range", "\"other\""), ("Range", "bytes=0-1")])
            #expect(stale.status == 200)
        }
    }

    @Test("HEAD has the headers of GET and no body; it ignores ranges")
    func head() async throws {
        try await withLiveServer { server in
            let digest = try await server.push("0123456789", to: "library/box")
            let path = "/v2/library/box/blobs/\(digest)"
            let get = try await server.get(path)
            let head = try await server.head(path, [("Range", "bytes=0-1")])
            #expect(head.status == 200)
            #expect(head.lastingHeaders == get.lastingHeaders)
        }
    }

    @Test("a blob is visible only where it was pushed or mounted (isolation)")
    func isolation() async throws {
        try await withLiveServer { server in
            let digest = try await server.push("secret", to: "team/private")
            try await server.push("other", to: "team/public")
            let elsewhere = try await server.get("/v2/team/public/blobs/\(digest)")
            #expect(elsewhere.status == 404)
            #expect(elsewhere.errorCodes == ["BLOB_UNKNOWN"])
            let nowhere = try await server.get("/v2/team/none/blobs/\(digest)")
            #expect(nowhere.status == 404)
            #expect(nowhere.errorCodes == ["NAME_UNKNOWN"])
        }
    }

    @Test("a manifest is readable under blobs/, a blob is not under manifests/")
    func manifestAsBlob() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "library/box", as: "1")
            let asBlob = try await server.get("/v2/library/box/blobs/\(image.digest)")
            #expect(asBlob.status == 200)
            #expect(asBlob.body == image.bytes)
            #expect(asBlob.header("Content-Type") == "application/octet-stream")
            let layer = try await server.push("layer", to: "library/box")
            let asManifest = try await server.get("/v2/library/box/manifests/\(layer)")
            #expect(asManifest.status == 404)
            #expect(asManifest.errorCodes == ["MANIFEST_UNKNOWN"])
        }
    }

    @Test(
        "what is no digest is 400",
        arguments: [
            "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:" + String(repeating: "G", count: 64),
            "sha256:" + String(repeating: "A", count: 64), "latest", "sha512:" + String(repeating: "a", count: 64),
        ])
    func badDigest(text: String) async throws {
        try await withLiveServer { server in
            let reply = try await server.get("/v2/library/box/blobs/\(text)")
            #expect(reply.status == 400)
            #expect(reply.errorCodes == ["DIGEST_INVALID"])
        }
    }

    @Test("an escaped colon is a colon")
    func escapedColon() async throws {
        try await withLiveServer { server in
            let digest = try await server.push("0123456789", to: "library/box")
            let escaped = digest.text.replacingOccurrences(of: ":", with: "%3A")
            #expect(try await server.get("/v2/library/box/blobs/\(escaped)").status == 200)
        }
    }

    @Test("a large blob comes back byte for byte, whole and from its end", arguments: [5 << 20])
    func large(size: Int) async throws {
        try await withLiveServer { server in
            var content = [UInt8](repeating: 0, count: size)
            for index in content.indices { content[index] = UInt8(truncatingIfNeeded: index &* 31 &+ index >> 8) }
            let digest = try await server.push(content, to: "library/large")
            let reply = try await server.get("/v2/library/large/blobs/\(digest)")
            #expect(reply.body == content)
            let tail = try await server.get("/v2/library/large/blobs/\(digest)", [("Range", "bytes=-7")])
            #expect(tail.body == Array(content.suffix(7)))
        }
    }
}

extension UInt8 {
    fileprivate var isLetterOrDigit: Bool {
        (48...57).contains(self) || (65...90).contains(self) || (97...122).contains(self)
    }
}
