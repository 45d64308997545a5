import BerthHTTP
import HTTPTypes
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#endif

extension LiveTests {
    @Suite("TLS")
    struct TLSTests {
        /// A folder with `cert.pem` and `key.pem`, made by the openssl command.
        final class Identity: Sendable {
            let folder: String
            var files: BerthHTTP.TLSConfiguration.Pair {
                .init(certificateFile: "\(folder)/cert.pem", keyFile: "\(folder)/key.pem")
            }
            var certificates: Certificates { Certificates(.init([files])) }

            init() throws {
                var template = Array("/tmp/berth-tls-XXXXXX".utf8CString)
                guard mkdtemp(&template) != nil else { throw RawClient.Failure(text: "mkdtemp") }
                folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
                try renew(name: "one")
            }

            func renew(name: String, rsa: Bool = false) throws {
                let kind = rsa ? ["rsa:2048"] : ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
                try Self.run(
                    ["openssl", "req", "-x509", "-newkey"] + kind + [
                        "-nodes", "-days", "1",
                        "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                        "\(folder)/key.pem",
                        "-out", "\(folder)/cert.pem",
                    ])
            }

            private static func run(_ arguments: [String]) throws {
                var pid = pid_t()
                var actions = posix_spawn_file_actions_t()
                posix_spawn_file_actions_init(&actions)
                posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
                defer { posix_spawn_file_actions_destroy(&actions) }
                var pointers = arguments.map { strdup($0) } + [nil]
                defer { for pointer in pointers { free(pointer) } }
                guard posix_spawnp(&pid, arguments[0], &actions, nil, &pointers, environ) == 0 else {
                    throw RawClient.Failure(text: "openssl is missing")
                }
                var status: CInt = 0
                guard waitpid(pid, &status, 0) == pid, status == 0 else {
                    throw RawClient.Failure(text: "openssl failed")
                }
            }

            deinit {
                for name in ["cert.pem", "key.pem"] { unlink("\(folder)/\(name)") }
                rmdir(folder)
            }
        }

        /// Everything a server answers until it closes, and the name in its certificate.
        static func fetch(
            _ request: String, port: Int, protocols: [String] = ["http/1.1"], newest: TLSVersion = .tlsv13,
            ciphers: String? = nil
        ) async throws -> (text: [UInt8], name: String?, alpn: String?) {
            var configuration = NIOSSL.TLSConfiguration.makeClientConfiguration()
            configuration.certificateVerification = .none
            configuration.applicationProtocols = protocols
            configuration.minimumTLSVersion = .tlsv1
            configuration.maximumTLSVersion = newest
            if let ciphers { configuration.cipherSuites = ciphers }
            let context = try NIOSSLContext(configuration: configuration)
            let collector = Collector()
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let tls = try NIOSSLClientHandler(context: context, serverHostname: "localhost")
                        try channel.pipeline.syncOperations.addHandler(tls)
                        try channel.pipeline.syncOperations.addHandler(CollectingHandler(collector))
                    }
                }
                .connect(host: "127.0.0.1", port: port).get()
            try? await channel.writeAndFlush(ByteBuffer(string: request))
            try? await channel.closeFuture.get()
            return collector.state.withLock { ($0.bytes, $0.name, $0.alpn) }
        }

        final class Collector: Sendable {
            struct State {
                var bytes: [UInt8] = []
                var name: String?
                var alpn: String?
            }
            let state = Mutex(State())
        }

        final class CollectingHandler: ChannelInboundHandler {
            typealias InboundIn = ByteBuffer
            let collector: Collector
            init(_ collector: Collector) { self.collector = collector }

            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                let bytes = unwrapInboundIn(data)
                let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
                let name = tls?.peerCertificate.map { "\($0)" }
                let alpn = tls?.tlsVersion.map { "\($0)" }
                collector.state.withLock { state in
                    state.bytes += bytes.readableBytesView
                    state.name = name
                    state.alpn = alpn
                }
            }

            func errorCaught(context: ChannelHandlerContext, error: any Error) {
                context.close(promise: nil)
            }
        }

        static let ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

        @Test("files leave whole over TLS, and so do parts", arguments: ["file", "parts", "bytes"])
        func files(kind: String) async throws {
            let identity = try Identity()
            let bytes = pattern(3_000_001)
            let file = try TemporaryFile(bytes)
            try await withServer(
                .local { $0.tls = identity.certificates },
                route: { request in
                    let body: Response.Body =
                        switch kind {
                        case "file": .file(file.range(1, 3_000_000))
                        case "parts":
                            .parts([
                                .init(bytes: ByteBuffer(bytes: bytes[1..<11]), file: file.range(11, 2_000_000)),
                                .init(bytes: ByteBuffer(bytes: bytes[2_000_011...])),
                            ])
                        default: .bytes(ByteBuffer(bytes: bytes[1...]))
                        }
                    return .answer(Response(status: request.peer.isSecure ? .ok : .forbidden, body: body))
                },
                body: { server in
                    let reply = try await Self.fetch(Self.ask, port: server.port).text
                    let isSound = reply.starts(with: "HTTP/1.1 200 OK\r\n".utf8)
                    expectSame(reply.suffix(3_000_000), bytes[1...])
                    #expect(isSound)
                })
        }

        @Test("a body larger than memory allows arrives over TLS")
        func upload() async throws {
            let identity = try Identity()
            try await withServer(.local { $0.tls = identity.certificates }, route: LiveTests.BodyTests.echo) {
                server in
                let body = String(repeating: "0123456789", count: 300_000)
                let request =
                    "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3000000\r\n\r\n" + body
                let reply = try await Self.fetch(request, port: server.port).text
                expectSame(reply.suffix(body.utf8.count), Array(body.utf8))
            }
        }

        @Test("a file that is too short is not padded")
        func shortFile() async throws {
            let identity = try Identity()
            let file = try TemporaryFile(pattern(1000))
            try await withServer(
                .local { $0.tls = identity.certificates },
                route: { _ in
                    .answer(Response(status: .ok, body: .file(file.range(0, 1001))))
                },
                body: { server in
                    let reply = try await Self.fetch(Self.ask, port: server.port).text
                    #expect(reply.count < 1000)
                })
        }

        @Test("TLS 1.1 is refused, and plain HTTP gets nothing")
        func refused() async throws {
            let identity = try Identity()
            try await withServer(
                .local { $0.tls = identity.certificates }, route: LiveTests.ConnectionTests.hello
            ) { server in
                #expect(
                    try await Self.fetch(Self.ask, port: server.port, newest: .tlsv12).text.isEmpty == false)
                #expect(try await Self.fetch(Self.ask, port: server.port, newest: .tlsv11).text.isEmpty)
                let plain = try await server.connect()
                try await plain.send(Self.ask)
                let answer = (try? await plain.readAll()) ?? []
                #expect(!answer.starts(with: "HTTP".utf8))
                #expect(try await Self.fetch(Self.ask, port: server.port).text.isEmpty == false)
            }
        }

        @Test(
            "TLS 1.2 is spoken with forward secrecy and authenticated ciphers alone",
            arguments: [
                (false, "ECDHE-ECDSA-AES128-GCM-SHA256", true), (false, "ECDHE-ECDSA-AES128-SHA", false),
                (true, "ECDHE-RSA-AES256-GCM-SHA384", true), (true, "ECDHE-RSA-CHACHA20-POLY1305", true),
                (true, "ECDHE-RSA-AES128-SHA", false), (true, "AES128-GCM-SHA256", false), (true, "AES128-SHA", false),
            ])
        func ciphers(rsa: Bool, cipher: String, isSpoken: Bool) async throws {
            let identity = try Identity()
            if rsa { try identity.renew(name: "one", rsa: true) }
            try await withServer(
                .local { $0.tls = identity.certificates }, route: LiveTests.ConnectionTests.hello
            ) { server in
                let reply = try await Self.fetch(Self.ask, port: server.port, newest: .tlsv12, ciphers: cipher)
                #expect(reply.text.isEmpty != isSpoken)
            }
        }

        @Test("a handshake that does not come ends the connection")
        func handshakeTime() async throws {
            let identity = try Identity()
            try await withServer(
                .local {
                    $0.tls = identity.certificates
                    $0.timeouts.tlsHandshake = .milliseconds(100)
                }, route: LiveTests.ConnectionTests.hello
            ) { server in
                let client = try await server.connect()
                #expect((try? await client.readAll())?.isEmpty != false)
            }
        }

        @Test("a reload changes the certificate of new connections; one that fails keeps the old")
        func reload() async throws {
            let identity = try Identity()
            try await withServer(
                .local { $0.tls = identity.certificates }, route: LiveTests.ConnectionTests.hello
            ) { server in
                let first = try await Self.fetch(Self.ask, port: server.port)
                #expect(first.name?.contains("one") == true)
                try identity.renew(name: "two")
                #expect(try await Self.fetch(Self.ask, port: server.port).name == first.name)
                try server.server.reloadCertificates()
                let second = try await Self.fetch(Self.ask, port: server.port)
                #expect(second.name?.contains("two") == true)
                unlink(identity.files.keyFile)
                #expect(throws: ListenError.self) { try server.server.reloadCertificates() }
                #expect(try await Self.fetch(Self.ask, port: server.port).name == second.name)
            }
        }

        @Test("a key that is missing is an error at the start")
        func missing() async throws {
            let files = Certificates(.init([.init(certificateFile: "/nowhere/c.pem", keyFile: "/nowhere/k.pem")]))
            let server = LiveTests.ConnectionTests.makeServer(
                [.tcp(host: "127.0.0.1", port: 0)], tls: files)
            await #expect(throws: ListenError.self) { _ = try await server.start() }
            await server.shutdown(grace: .seconds(1))
        }
    }
}
