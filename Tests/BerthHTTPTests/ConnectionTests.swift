import BerthHTTP
import BerthTestSupport
import HTTPTypes
import Logging
import NIOCore
import Testing

#if canImport(Glibc)
import Glibc
#endif

extension LiveTests {
    @Suite("Connections: time, number, and the end")
    struct ConnectionTests {
        static let hello: @Sendable (Request) -> Handling = { _ in .answer(.text("hello")) }

        @Test("a head that does not end gets 408, however steadily its bytes come")
        func slowHead() async throws {
            try await withServer(.local { $0.timeouts.header = .milliseconds(100) }, route: Self.hello) {
                server in
                let client = try await server.connect()
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\nX:")
                let reply = try await client.readReply()
                #expect(reply.status == 408)
                #expect(try await client.readAll().isEmpty)
            }
        }

        @Test("an idle connection is closed without a word, before and after a request")
        func idle() async throws {
            try await withServer(.local { $0.timeouts.idle = .milliseconds(100) }, route: Self.hello) {
                server in
                let client = try await server.connect()
                #expect(try await client.readAll().isEmpty)
            }
            try await withServer(.local { $0.timeouts.idle = .seconds(5) }, route: Self.hello) { server in
                let client = try await server.connect()
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await client.readReply().status == 200)
                #expect(try await client.readAll().isEmpty)
            }
        }

        @Test(
            "a client that takes nothing of its answer is cut off, also of the last one of its connection",
            arguments: ["file", "bytes"], ["", "Connection: close\r\n"])
        func stalledWrite(kind: String, header: String) async throws {
            let bytes = [UInt8](repeating: 1, count: 32 << 20)
            let file = try TemporaryFile(bytes)
            try await withServer(
                .local { $0.timeouts.stalledWrite = .milliseconds(200) },
                route: { _ in
                    .answer(
                        Response(
                            status: .ok,
                            body: kind == "file"
                                ? .file(file.range(0, Int64(bytes.count))) : .bytes(ByteBuffer(bytes: bytes))))
                },
                body: { server in
                    let client = try await server.connect(receiveBuffer: 4096)
                    try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\(header)\r\n")
                    try await eventually("the connection ends") { server.recorder.ended == 1 }
                    #expect(try await client.countAll().bytes < bytes.count)
                })
        }

        @Test("a client with a small window gets all")
        func slowReader() async throws {
            let bytes = [UInt8](repeating: 1, count: 12 << 20)
            let file = try TemporaryFile(bytes)
            try await withServer(
                .local(),
                route: { _ in
                    .answer(Response(status: .ok, body: .file(file.range(0, Int64(bytes.count)))))
                },
                body: { server in
                    let client = try await server.connect(receiveBuffer: 16 << 10)
                    try await client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    #expect(try await client.countAll().bytes > bytes.count)
                })
        }

        @Test("a file that shrinks while it is sent ends the connection")
        func shrunkFile() async throws {
            let bytes = [UInt8](repeating: 1, count: 8 << 20)
            let file = try TemporaryFile(bytes)
            try await withServer(
                .local { $0.timeouts.stalledWrite = .milliseconds(400) },
                route: { _ in
                    .answer(Response(status: .ok, body: .file(file.range(0, Int64(bytes.count)))))
                },
                body: { server in
                    let client = try await server.connect(receiveBuffer: 4096)
                    try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    // With the head behind it, the file's length has been looked at and its sending begun.
                    #expect(try await client.readReply(toHead: true).status == 200)
                    truncate(file.path, 0)
                    #expect(try await client.countAll().bytes < bytes.count)
                })
        }

        @Test("connections over the limit get 503, those within it are served")
        func limit() async throws {
            try await withServer(.local { $0.limits.connections = 2 }, route: Self.hello) { server in
                let first = try await server.connect()
                let second = try await server.connect()
                for client in [first, second] {
                    try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await client.readReply().status == 200)
                }
                let third = try await server.connect()
                #expect(try await third.readReply().status == 503)
                #expect(try await third.readAll().isEmpty)
                third.shut()
                first.shut()
                try await eventually("two connections end") { server.recorder.connections == 1 }
                #expect(try await server.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
                try await second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await second.readReply().status == 200)
            }
        }

        @Test("a client that ends its sending side still gets its answer")
        func halfClosed() async throws {
            let gate = Gate()
            try await withServer(
                route: { request in
                    .task {
                        _ = try? await request.body.collect(upTo: 10)
                        await gate.pass()
                        return .text("hello")
                    }
                },
                body: { server in
                    let client = try await server.connect()
                    try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na")
                    client.endSending()
                    gate.open()
                    #expect(try await client.readReply().text == "hello")
                    #expect(try await client.readAll().isEmpty)
                })
        }

        @Test("every connection that began has ended, and every request is reported once")
        func counted() async throws {
            try await withServer(route: Self.hello) { server in
                for _ in 0..<20 {
                    let client = try await server.connect()
                    try await client.send(
                        "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGARBAGE\r\n\r\n")
                    _ = try await client.readAll()
                }
                for number in 0..<60 {
                    let record = await server.recorder.records.next()
                    #expect(record?.status.code == (number % 3 == 2 ? 400 : 200))
                    #expect((record?.method == nil) == (number % 3 == 2))
                }
                try await eventually("all connections end") { server.recorder.ended == 20 }
            }
        }

        // MARK: Stopping

        @Test("a stop ends idle connections, lets running requests finish, and refuses new ones")
        func stop() async throws {
            let (started, gate) = (Gate(), Gate())
            try await withServer(
                route: { request in
                    .task {
                        started.open()
                        await gate.pass()
                        return .text(request.path)
                    }
                },
                body: { server in
                    let idle = try await server.connect()
                    let partial = try await server.connect()
                    try await partial.send("GET /late HTTP/1.1\r\n")
                    let running = try await server.connect()
                    try await running.send(
                        "GET /running HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n")
                    await started.pass()
                    async let stopped: Void = server.server.shutdown(grace: .seconds(20))
                    #expect(try await idle.readAll().isEmpty)
                    await #expect(throws: RawClient.Failure.self) { _ = try await server.connect() }
                    try await partial.send("Host: a\r\n\r\n")
                    let refused = try await partial.readReply()
                    #expect(refused.status == 503)
                    #expect(refused.text == "draining")
                    gate.open()
                    let reply = try await running.readReply()
                    #expect(reply.text == "/running")
                    #expect(reply.field("Connection") == "close")
                    #expect(try await running.readAll().isEmpty)
                    partial.shut()
                    running.shut()
                    await stopped
                })
        }

        @Test("after the time of grace everything ends, tasks by cancellation")
        func graceIsOver() async throws {
            let (started, cancelled) = (Gate(), Gate())
            try await withServer(
                route: { request in
                    .task {
                        started.open()
                        do { for try await _ in request.body {} } catch { cancelled.open() }
                        return .text("late")
                    }
                },
                body: { server in
                    let client = try await server.connect()
                    try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
                    await started.pass()
                    await server.server.shutdown(grace: .milliseconds(50))
                    await cancelled.pass()
                    _ = try? await client.readAll()
                })
        }

        // MARK: Listening

        static func makeServer(_ listeners: [ListenAddress], tls: Certificates? = nil) -> HTTPServer {
            HTTPServer(
                configuration: HTTPServerConfiguration(listeners: listeners, tls: tls, eventLoops: 1),
                handler: TestHandler(route: hello), observer: Recorder(),
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        }

        @Test("every address of both families may be listened on with one port")
        func bothFamilies() async throws {
            // Another process may take a port that was free a moment ago.
            for _ in 0..<5 {
                let scout = Self.makeServer([.tcp(host: "0.0.0.0", port: 0)])
                let port = try #require(try await scout.start().first?.port)
                await scout.shutdown(grace: .zero)
                let server = Self.makeServer([.tcp(host: "0.0.0.0", port: port), .tcp(host: "::", port: port)])
                let bound = try? await server.start()
                await server.shutdown(grace: .zero)
                if bound?.count == 2 { return }
            }
            Issue.record("never both")
        }

        @Test(
            "a Unix socket is served with its mode, a stale one replaced, a live one and a file respected"
        )
        func unixSocket() async throws {
            let path = "/tmp/berth-http-\(UInt64.random(in: .min ... .max)).sock"
            let address = ListenAddress.unix(path: path, mode: 0o600)
            let first = Self.makeServer([address, .tcp(host: "127.0.0.1", port: 0)])
            let bound = try await first.start()
            #expect(bound.first == .unix(path: path))
            #expect((bound.last?.port ?? 0) > 0)
            var status = stat()
            #expect(lstat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
            let client = try await RawClient.connect(path: path)
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await client.readReply().text == "hello")

            let second = Self.makeServer([address])
            await #expect(throws: ListenError.socketIsLive(path: path)) { _ = try await second.start() }
            await second.shutdown(grace: .seconds(1))
            await first.shutdown(grace: .seconds(1))
            #expect(lstat(path, &status) != 0)

            // A socket that nobody serves: bound, and its owner gone.
            makeStaleSocket(path)
            let third = Self.makeServer([address])
            _ = try await third.start()
            await third.shutdown(grace: .seconds(1))

            close(open(path, O_CREAT | O_WRONLY, 0o600))
            let fourth = Self.makeServer([address])
            await #expect(throws: ListenError.notASocket(path: path)) { _ = try await fourth.start() }
            await fourth.shutdown(grace: .seconds(1))
            unlink(path)
        }

        private func makeStaleSocket(_ path: String) {
            let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
            withUnsafePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            close(descriptor)
        }

        @Test("an address in use is an error that names it, and leaves nothing behind")
        func addressInUse() async throws {
            let first = Self.makeServer([.tcp(host: "127.0.0.1", port: 0)])
            let port = try await first.start().first?.port ?? 0
            let taken = ListenAddress.tcp(host: "127.0.0.1", port: port)
            let path = "/tmp/berth-http-\(UInt64.random(in: .min ... .max)).sock"
            let second = Self.makeServer([.unix(path: path), taken])
            await #expect(throws: ListenError.addressInUse(taken)) { _ = try await second.start() }
            var status = stat()
            #expect(lstat(path, &status) != 0)
            await second.shutdown(grace: .seconds(1))
            await #expect(throws: ListenError.alreadyStarted) { _ = try await first.start() }
            await first.shutdown(grace: .seconds(1))
        }

        @Test("IPv6 is listened on as well")
        func ipv6() async throws {
            let server = Self.makeServer([.tcp(host: "127.0.0.1", port: 0), .tcp(host: "::1", port: 0)])
            do {
                let bound = try await server.start()
                #expect(bound.count == 2)
                #expect(bound.last?.description.hasPrefix("[::1]:") == true)
            } catch {
                // A machine without IPv6 says so.
                guard case .failed = error else { throw error }
            }
            await server.shutdown(grace: .seconds(1))
        }

        @Test("a trusted proxy's word about its client is taken")
        func proxied() async throws {
            try await withServer(
                .local { $0.trustedProxies = [CIDR("127.0.0.0/8")].compactMap(\.self) },
                route: { request in
                    .answer(.text("\(request.peer.address) \(request.peer.isSecure)"))
                },
                body: { server in
                    let reply = try await server.ask(
                        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\r\n"
                    )
                    #expect(reply.text == "192.0.2.7 true")
                })
        }
    }
}
