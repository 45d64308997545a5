import BerthHTTP
import BerthTestSupport
import HTTPTypes
import NIOCore
import Testing

extension LiveTests {
    @Suite("Answers")
    struct AnswerTests {
        @Test("pipelined requests are answered in order, with and without tasks")
        func pipelining() async throws {
            try await withServer(
                route: { request in
                    if request.path == "/task" {
                        return .task {
                            await Task.yield()
                            return .text(request.query ?? "")
                        }
                    }
                    return .answer(.text(request.query ?? ""))
                },
                body: { server in
                    let client = try await server.connect()
                    let count = 500
                    var raw = ""
                    for number in 0..<count {
                        raw += "GET /\(number % 3 == 0 ? "task" : "now")?\(number) HTTP/1.1\r\nHost: a\r\n\r\n"
                        if number % 5 == 0 {
                            raw += "POST /task?b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy"
                        }
                    }
                    try await client.send(raw)
                    for number in 0..<count {
                        #expect(try await client.readReply().text == "\(number)")
                        if number % 5 == 0 { #expect(try await client.readReply().text == "b") }
                    }
                })
        }

        @Test("a client that pipelines and does not read is not read from either")
        func pipeliningUnread() async throws {
            let body = String(repeating: "x", count: 50_000)
            try await withServer(
                route: { _ in .answer(.text(body)) },
                body: { server in
                    let client = try await server.connect(receiveBuffer: 4096)
                    let request = "GET /\(String(repeating: "a", count: 4000)) HTTP/1.1\r\nHost: a\r\n\r\n"
                    let all = Array(String(repeating: request, count: 10_000).utf8)
                    let sent = try await client.sendWhatFits(all)
                    #expect(sent < all.count)
                })
        }

        @Test(
            "HEAD has the fields of GET and no body",
            arguments: ["bytes", "empty", "file", "parts", "stream", "sized", "none"])
        func head(kind: String) async throws {
            let file = try TemporaryFile(pattern(1000))
            try await withServer(
                route: { request in
                    let headers: HeaderFields = [.contentType: "text/plain", .eTag: "\"x\""]
                    return .answer(
                        Response(
                            status: kind == "none" ? .noContent : .ok, headers: headers, body: Self.body(kind, file)
                        ))
                },
                body: { server in
                    let fields = "HTTP/1.1\r\nHost: a\r\nX-Request-Id: same\r\n\r\n"
                    let get = try await server.ask("GET / \(fields)")
                    let client = try await server.connect()
                    try await client.send("HEAD / \(fields)GET / \(fields)")
                    let head = try await client.readReply(toHead: true)
                    let after = try await client.readReply()
                    func comparable(_ reply: RawClient.Reply) -> [String] {
                        reply.fields.map { "\($0.name): \($0.name == "Date" ? "" : $0.value)" }
                    }
                    #expect(comparable(head) == comparable(get))
                    #expect(after.body == get.body)
                    if kind == "none" { #expect(get.field("Content-Length") == nil) }
                    if kind == "empty" { #expect(get.field("Content-Length") == "0") }
                })
        }

        private static func body(_ kind: String, _ file: TemporaryFile) -> Response.Body {
            switch kind {
            case "bytes": .bytes(ByteBuffer(string: "hello"))
            case "file": .file(file.range(10, 500))
            case "parts":
                .parts([
                    .init(bytes: ByteBuffer(string: "a"), file: file.range(0, 5)),
                    .init(bytes: ByteBuffer(string: "z")),
                ])
            case "stream":
                .stream(
                    length: nil,
                    AsyncThrowingStream { continuation in
                        continuation.yield(ByteBuffer(string: "hello"))
                        continuation.finish()
                    })
            case "sized":
                .stream(
                    length: 5,
                    AsyncThrowingStream { continuation in
                        continuation.yield(ByteBuffer(string: "hello"))
                        continuation.finish()
                    })
            default: .empty
            }
        }

        @Test("HEAD may say a length without a body")
        func headLength() async throws {
            try await withServer(
                route: { _ in .answer(Response(status: .ok, headContentLength: 12345)) },
                body: { server in
                    let reply = try await server.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(reply.field("content-length") == "12345")
                })
        }

        @Test(
            "a file of more than 32 MiB leaves whole, and its ranges exactly",
            arguments: [
                (0, 40 << 20), (1, (40 << 20) - 1), (8 << 20, 8 << 20), ((40 << 20) - 1, 1),
                (12345, 20_000_001), (5, 0), (100, 32 << 10), (100, (32 << 10) + 1),
            ])
        func file(offset: Int, length: Int) async throws {
            let bytes = Self.large
            let closed = Gate()
            var file: TemporaryFile? = try TemporaryFile(bytes, closed: closed)
            let range = file?.range(Int64(offset), Int64(length))
            file = nil
            try await Self.serve(range) { server in
                let client = try await server.connect()
                for _ in 0..<2 {
                    try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    let reply = try await client.readReply()
                    expectSame(reply.body, bytes[offset..<(offset + length)])
                }
                #expect(await server.recorder.records.next()?.bytesOut == Int64(length))
            }
        }

        private static let large = pattern(40 << 20)

        private static func serve(
            _ range: Response.FileRange?, _ body: (LiveServer) async throws -> Void
        ) async throws {
            try await withServer(
                route: { _ in
                    .answer(Response(status: .partialContent, body: range.map { .file($0) } ?? .empty))
                }, body: body)
        }

        @Test("parts leave one after another")
        func parts() async throws {
            let bytes = pattern(100_000)
            let file = try TemporaryFile(bytes)
            try await withServer(
                route: { _ in
                    .answer(
                        Response(
                            status: .partialContent,
                            body: .parts([
                                .init(bytes: ByteBuffer(string: "--a\r\n"), file: file.range(0, 70_000)),
                                .init(bytes: ByteBuffer(string: "\r\n--a\r\n"), file: file.range(99_999, 1)),
                                .init(bytes: ByteBuffer(string: "\r\n--a--\r\n")),
                            ])))
                },
                body: { server in
                    let reply = try await server.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    let expected =
                        Array("--a\r\n".utf8) + bytes[..<70_000] + Array("\r\n--a\r\n".utf8) + [bytes[99_999]]
                        + Array("\r\n--a--\r\n".utf8)
                    expectSame(reply.body, expected)
                })
        }

        @Test("a file that is shorter than said breaks the connection off, and is never padded")
        func shortFile() async throws {
            let file = try TemporaryFile(pattern(1000))
            try await withServer(
                route: { _ in
                    .answer(Response(status: .ok, body: .file(file.range(0, 1001))))
                },
                body: { server in
                    let client = try await server.connect()
                    try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    let (count, _) = try await client.countAll()
                    #expect(count < 1001)
                    #expect(await server.recorder.records.next()?.isComplete == false)
                })
        }

        @Test("a client that vanishes in a download frees its descriptor")
        func vanished() async throws {
            let closed = Gate()
            let (started, released) = (Gate(), Gate())
            try await withServer(
                route: { _ in
                    .task {
                        guard let file = try? TemporaryFile(Self.large, closed: closed) else {
                            return .text("no file")
                        }
                        started.open()
                        return Response(status: .ok, body: .file(file.range(0, Int64(Self.large.count))))
                    }
                },
                body: { server in
                    let client = try await server.connect(receiveBuffer: 4096)
                    try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    await started.pass()
                    client.reset()
                    await closed.pass()
                    #expect(await server.recorder.records.next()?.isComplete == false)
                    released.open()
                })
        }

        @Test("a stream leaves in chunks, by length, or until the end for HTTP/1.0")
        func streams() async throws {
            try await withServer(
                route: { request in
                    let stream = AsyncThrowingStream<ByteBuffer, any Error> { continuation in
                        for number in 0..<100 { continuation.yield(ByteBuffer(string: "\(number),")) }
                        continuation.yield(ByteBuffer())
                        continuation.finish()
                    }
                    return .answer(
                        Response(status: .ok, body: .stream(length: request.query.flatMap { Int64($0) }, stream)))
                },
                body: { server in
                    let text = (0..<100).map { "\($0)," }.joined()
                    let chunked = try await server.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(chunked.text == text)
                    #expect(chunked.field("Transfer-Encoding") == "chunked")
                    let sized = try await server.ask("GET /?\(text.utf8.count) HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(sized.text == text)
                    #expect(sized.field("Transfer-Encoding") == nil)
                    let old = try await server.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                    #expect(old.text == text)
                    #expect(old.field("Transfer-Encoding") == nil)
                    #expect(old.field("Connection") == "close")
                })
        }

        @Test(
            "a stream that fails, or has another length than said, breaks the connection off",
            arguments: ["fail", "short", "long"])
        func brokenStreams(kind: String) async throws {
            try await withServer(
                route: { _ in
                    let stream = AsyncThrowingStream<ByteBuffer, any Error> { continuation in
                        continuation.yield(ByteBuffer(string: "hello"))
                        if kind == "fail" {
                            continuation.finish(throwing: RawClient.Failure(text: "disk"))
                        } else {
                            continuation.finish()
                        }
                    }
                    let length: Int64? = kind == "fail" ? nil : kind == "short" ? 6 : 4
                    return .answer(Response(status: .ok, body: .stream(length: length, stream)))
                },
                body: { server in
                    let client = try await server.connect()
                    try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await client.countAll().isReset)
                })
        }

        @Test("what the handler says about the framing is left out")
        func ownFields() async throws {
            try await withServer(
                route: { _ in
                    .answer(
                        Response(
                            status: .ok,
                            headers: [
                                .contentLength: "9", .transferEncoding: "chunked", .connection: "upgrade",
                                .date: "now", .server: "x",
                                .xContentTypeOptions: "sniff", .contentType: "a/b",
                            ], body: .bytes(ByteBuffer(string: "ab"))))
                },
                body: { server in
                    let reply = try await server.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(reply.text == "ab")
                    #expect(
                        reply.fields.map(\.name) == [
                            "Content-Type", "Content-Length", "Date", "X-Content-Type-Options", "X-Request-Id",
                        ])
                })
        }

        @Test("no text of a handler can break out of its field")
        func injection() async throws {
            try await withServer(
                route: { _ in
                    .answer(
                        Response(
                            status: .init(code: 200, reasonPhrase: "a\r\nX: b"),
                            headers: [.contentType: "a\r\nX: b\0"]))
                },
                body: { server in
                    let reply = try await server.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(reply.field("X") == nil)
                    #expect(reply.status == 500)
                })
        }

        @Test("ids are taken over or made, and recorded")
        func requestIDs() async throws {
            try await withServer(
                route: { request in .answer(.text(request.id)) },
                body: { server in
                    let kept = try await server.ask(
                        "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: my-id.1\r\nUser-Agent: me\r\n\r\n")
                    #expect(kept.text == "my-id.1")
                    #expect(kept.field("X-Request-Id") == "my-id.1")
                    let record = await server.recorder.records.next()
                    #expect(record?.id == "my-id.1")
                    #expect(record?.userAgent == "me")
                    #expect(record?.client == "127.0.0.1")
                    #expect(record?.status == .ok)
                    let made = try await server.ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: my id\r\n\r\n")
                    #expect(made.field("X-Request-Id") == made.text)
                    #expect(made.text != "my id")
                })
        }
    }
}
