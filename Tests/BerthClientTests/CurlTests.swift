import Foundation
import Testing

@Suite("curl")
struct CurlTests {
    @Test(
        "gets single ranges of every form",
        arguments: [
            ("0-0", 0..<1), ("100-199", 100..<200), ("1048000-", 1_048_000..<1_048_576), ("-10", 1_048_566..<1_048_576),
            ("1048570-9999999", 1_048_570..<1_048_576), ("-9999999", 0..<1_048_576),
        ])
    func range(asked: String, expected: Range<Int>) async throws {
        try await withClients(.curl) { at in
            let file = try await at.randomFile("file", megabytes: 1)
            let digest = try await at.upload(file, to: "box")
            let reply = try await at.curl(at.url("box/blobs/\(digest)"), ["-r", asked])
            #expect(reply.status == 206)
            #expect(
                reply.headers["content-range"] == "bytes \(expected.lowerBound)-\(expected.upperBound - 1)/1048576")
            #expect(try bytes(reply.file) == bytes(file)[expected])
        }
    }

    @Test("gets several ranges in one answer")
    func severalRanges() async throws {
        try await withClients(.curl) { at in
            let file = try await at.randomFile("file", megabytes: 1)
            let digest = try await at.upload(file, to: "box")
            let reply = try await at.curl(at.url("box/blobs/\(digest)"), ["-r", "0-9,500000-500099,-5"])
            #expect(reply.status == 206)
            let type = try #require(reply.headers["content-type"])
            let boundary = try #require(type.firstMatch(of: /^multipart\/byteranges; ?boundary="?([^"]+)"?$/)?.1)

            var rest = try bytes(reply.file)[...]
            let content = try bytes(file)
            for (lower, upper) in [(0, 9), (500_000, 500_099), (1_048_571, 1_048_575)] {
                let start = try #require(rest.range(of: Data("--\(boundary)\r\n".utf8)))
                let end = try #require(rest[start.upperBound...].range(of: Data("\r\n\r\n".utf8)))
                let head = String(decoding: rest[start.upperBound..<end.lowerBound], as: UTF8.self)
                #expect(head.lowercased().contains("content-range: bytes \(lower)-\(upper)/1048576"))
                let part = rest[end.upperBound...].prefix(upper - lower + 1)
                #expect(part == content[lower...upper])
                rest = rest[part.endIndex...]
            }
            #expect(rest.starts(with: Data("\r\n--\(boundary)--".utf8)))
        }
    }

    @Test("goes on with a pull that was cut off")
    func resumePull() async throws {
        try await withClients(.curl) { at in
            let file = try await at.randomFile("file", megabytes: 8)
            let digest = try await at.upload(file, to: "box")
            // curl itself stops in the middle: the file is larger than what it may take.
            let cut = try await at.command(
                "sh", ["-c", "curl -sS '\(at.url("box/blobs/\(digest)"))' | head -c 3000000 >part"]
            ).run()
            #expect(cut.status == 0)
            try await at.run("curl", "-sS", "--fail", "-C", "-", "-o", "part", at.url("box/blobs/\(digest)"))
            try await at.run("cmp", "part", file)
            // With all of it there, there is nothing to go on with.
            let reply = try await at.curl(at.url("box/blobs/\(digest)"), ["-r", "8388608-"])
            #expect(reply.status == 416)
            #expect(reply.headers["content-range"] == "bytes */8388608")
        }
    }

    @Test("goes on with an upload after asking how far it got")
    func resumeUpload() async throws {
        try await withClients(.curl) { at in
            let file = try await at.randomFile("file", megabytes: 6)
            let digest = try await at.sha256(file)
            try await at.run("split", "-b", "2M", "-d", "-a", "1", file, "part")
            let begun = try await at.curl(at.url("box/blobs/uploads/"), ["-X", "POST"])
            #expect(begun.status == 202)
            func patch(_ part: Int, to url: String, from start: Int) async throws -> CurlReply {
                let range = "Content-Range: \(start)-\(start + 2_097_151)"
                return try await at.curl(
                    url,
                    [
                        "-X", "PATCH", "--data-binary", "@part\(part)", "-H", range,
                        "-H", "Content-Type: application/octet-stream",
                    ])
            }
            let first = try await patch(0, to: at.location(begun), from: 0)
            #expect(first.status == 202)
            #expect(first.headers["range"] == "0-2097151")
            // A gap is refused, and the server says where to go on.
            let gap = try await patch(2, to: at.location(first), from: 4_194_304)
            #expect(gap.status == 416)
            let status = try await at.curl(at.location(first))
            #expect(status.status == 204)
            #expect(status.headers["range"] == "0-2097151")
            let second = try await patch(1, to: at.location(status), from: 2_097_152)
            #expect(second.status == 202)

            let put = try await at.curl(
                at.location(second, adding: "digest=\(digest)"),
                ["-X", "PUT", "--data-binary", "@part2", "-H", "Content-Type: application/octet-stream"])
            #expect(put.status == 201)
            #expect(put.headers["docker-content-digest"] == digest)
            let pulled = try await at.curl(at.url("box/blobs/\(digest)"))
            try await at.run("cmp", pulled.file, file)
        }
    }

    @Test("uploads a stream of unknown length")
    func stream() async throws {
        try await withClients(.curl) { at in
            let file = try await at.randomFile("file", megabytes: 3)
            let digest = try await at.sha256(file)
            let begun = try await at.curl(at.url("box/blobs/uploads/"), ["-X", "POST"])
            let patched = try await at.curl(
                at.location(begun), ["-X", "PATCH", "-T", file, "-H", "Transfer-Encoding: chunked"])
            #expect(patched.status == 202)
            #expect(patched.headers["range"] == "0-3145727")
            let put = try await at.curl(at.location(patched, adding: "digest=\(digest)"), ["-X", "PUT"])
            #expect(put.status == 201)
        }
    }

    private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }
}
