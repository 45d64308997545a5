import BerthModel
import BerthTestSupport
import HTTPTypes
import NIOCore
import Testing

@testable import BerthHTTP

#if canImport(Glibc)
import Glibc
#endif

@Suite("Which certificate is for which name")
struct CertificateNamesTests {
    private static func names() -> CertificateNames {
        var names = CertificateNames()
        names.add(["registry.example.org", "shared.example.org"], addresses: [], of: 0)
        names.add(
            ["*.example.org", "Other.Example.net", "shared.example.org"],
            addresses: [IPAddress("192.0.2.7"), IPAddress("2001:db8::7")].compactMap { $0 }, of: 1)
        return names
    }

    @Test(
        "exact names before wildcards, a wildcard for one label, the first of two, whatever the case",
        arguments: [
            ("registry.example.org", 0), ("REGISTRY.example.org.", 0), ("shared.example.org", 0), ("a.example.org", 1),
            ("other.example.net", 1), ("a.b.example.org", nil), ("example.org", nil), (".example.org", nil),
            ("example.net", nil), ("", nil), (".", nil), ("192.0.2.7", nil),
        ] as [(String, Int?)])
    func number(host: String, expected: Int?) { #expect(Self.names().number(of: host) == expected) }

    @Test(
        "what may be named to clients: all names of all certificates, and their addresses",
        arguments: [
            ("registry.example.org", true), ("a.example.org", true), ("192.0.2.7", true), ("2001:db8:0::7", true),
            ("192.0.2.8", false), ("a.b.example.org", false), ("evil.example.com", false), ("", false),
        ])
    func cover(host: String, expected: Bool) { #expect(Self.names().cover(host) == expected) }
}

extension LiveTests {
    @Suite("Certificates")
    struct CertificateTests {
        /// Tells who the client has shown to be.
        static let who: @Sendable (Request) -> Handling = { request in
            let names = request.peer.certificate?.names.map(\.description) ?? ["nobody"]
            return .answer(.text(names.joined(separator: " ")))
        }

        /// A folder with certificates, and a server with the first of them and more.
        private func withTLS(
            _ change: (inout TLSConfiguration, _ folder: String) throws -> Void = { _, _ in },
            proxies: [CIDR] = [], authority: TestAuthority? = nil,
            _ body: (BerthHTTPTests.LiveServer, TestAuthority, String) async throws -> Void
        ) async throws {
            let authority = try authority ?? TestAuthority()
            try await withTemporaryFolder { folder in
                try authority.issue(["dns:localhost", "ip:127.0.0.1"], common: "first").write(to: folder, "first")
                var files = TLSConfiguration([
                    .init(certificateFile: folder + "/first.crt", keyFile: folder + "/first.key")
                ])
                try change(&files, folder)
                try await withServer(
                    .local {
                        $0.tls = Certificates(files)
                        $0.trustedProxies = proxies
                    }, route: Self.who
                ) { server in try await body(server, authority, folder) }
            }
        }

        // MARK: Files that change

        /// As the server's own service looks: until a look changes nothing any more.
        private func look(_ server: BerthHTTPTests.LiveServer) throws -> Bool {
            var hasRead = false
            for _ in 0..<3 where try server.server.reloadChangedCertificates() { hasRead = true }
            return hasRead
        }

        private func shown(_ server: BerthHTTPTests.LiveServer, _ authority: TestAuthority) async throws -> String {
            let connection = try await TLSConnection(port: server.port, authority: authority.pem)
            _ = try await connection.send("GET", "/")
            return connection.serverCertificate
        }

        @Test("a pair that was exchanged is read by itself, running connections go on, and nothing is read twice")
        func changed() async throws {
            try await withTLS { server, authority, folder async throws in
                let running = try await TLSConnection(port: server.port, authority: authority.pem)
                #expect(try await running.send("GET", "/").status == 200)
                #expect(try look(server) == false)
                try authority.issue(["dns:localhost"], common: "second").write(to: folder, "first")
                #expect(try look(server))
                #expect(try look(server) == false)
                #expect(try await shown(server, authority).contains("second"))
                #expect(try await running.send("GET", "/").status == 200)
                #expect(running.serverCertificate.contains("first"))
            }
        }

        @Test("half of a pair keeps the old one, is told of once, and the other half completes it")
        func half() async throws {
            try await withTLS { server, authority, folder async throws in
                let next = try authority.issue(["dns:localhost"], common: "second")
                try writeFile(next.certificate, to: folder + "/first.crt")
                #expect(throws: ListenError.self) { try look(server) }
                #expect(try look(server) == false)
                #expect(try await shown(server, authority).contains("first"))
                try next.write(to: folder, "first")
                #expect(try look(server))
                #expect(try await shown(server, authority).contains("second"))
            }
        }

        @Test("what is still being written is left alone until it rests")
        func restless() async throws {
            try await withTLS { server, authority, folder async throws in
                for number in 0..<5 {
                    try authority.issue(["dns:localhost"], common: "number \(number)").write(to: folder, "first")
                    #expect(try server.server.reloadChangedCertificates() == false)
                }
                #expect(try server.server.reloadChangedCertificates())
                #expect(try await shown(server, authority).contains("number 4"))
            }
        }

        @Test(
            "links that lead elsewhere are seen: certbot's of files, Kubernetes' of a folder", arguments: [true, false])
        func links(isFolder: Bool) async throws {
            let authority = try TestAuthority()
            try await withTLS(
                { files, folder in
                    for version in ["one", "two"] {
                        mkdir("\(folder)/\(version)", 0o700)
                        try authority.issue(["dns:localhost"], common: version).write(to: "\(folder)/\(version)", "tls")
                    }
                    if isFolder {
                        symlink("one", "\(folder)/..data")
                        for end in ["crt", "key"] { symlink("..data/tls.\(end)", "\(folder)/live.\(end)") }
                    } else {
                        for end in ["crt", "key"] { symlink("one/tls.\(end)", "\(folder)/live.\(end)") }
                    }
                    files.pairs[0] = .init(certificateFile: "\(folder)/live.crt", keyFile: "\(folder)/live.key")
                }, authority: authority
            ) { server, authority, folder async throws in
                #expect(try await shown(server, authority).contains("one"))
                let links = isFolder ? [("two", "..data")] : ["crt", "key"].map { ("two/tls.\($0)", "live.\($0)") }
                for (target, name) in links {
                    symlink(target, "\(folder)/new")
                    rename("\(folder)/new", "\(folder)/\(name)")
                }
                #expect(try look(server))
                #expect(try await shown(server, authority).contains("two"))
            }
        }

        @Test("files that are gone keep the old certificate, and count again when they are back")
        func gone() async throws {
            try await withTLS { server, authority, folder async throws in
                rename("\(folder)/first.key", "\(folder)/away")
                #expect(throws: ListenError.self) { try look(server) }
                #expect(try await shown(server, authority).contains("first"))
                rename("\(folder)/away", "\(folder)/first.key")
                #expect(try look(server))
            }
        }

        // MARK: Several

        @Test(
            "each name gets its certificate, and the first is for all others",
            arguments: [
                ("localhost", "first"), ("other.example.org", "second"), ("a.wild.example.org", "third"),
                ("a.b.wild.example.org", "first"), ("unknown.example.org", "first"), (nil, "first"),
            ] as [(String?, String)])
        func serverNames(name: String?, expected: String) async throws {
            let authority = try TestAuthority()
            try await withTLS(
                { files, folder in
                    try authority.issue(["dns:other.example.org"], common: "second").write(to: folder, "second")
                    try authority.issue(["dns:*.wild.example.org"], common: "third").write(to: folder, "third")
                    files.pairs += ["second", "third"].map {
                        .init(certificateFile: "\(folder)/\($0).crt", keyFile: "\(folder)/\($0).key")
                    }
                }, authority: authority
            ) { server, _, _ async throws in
                let connection = try await TLSConnection(port: server.port, name: name)
                #expect(try await connection.send("GET", "/").status == 200)
                #expect(connection.serverCertificate.contains(expected), "\(connection.serverCertificate)")
            }
        }

        // MARK: Clients

        private func withClients(
            required: Bool = false, proxies: [CIDR] = [],
            _ body: (BerthHTTPTests.LiveServer, TestAuthority, String) async throws -> Void
        ) async throws {
            let authority = try TestAuthority()
            try await withTLS(
                { files, folder in
                    try writeFile(authority.pem, to: folder + "/clients.crt")
                    files.clientAuthorityFile = folder + "/clients.crt"
                    files.requiresClientCertificate = required
                }, proxies: proxies, authority: authority, body)
        }

        private func ask(
            _ server: BerthHTTPTests.LiveServer, _ identity: TestIdentity?, _ headers: [(String, String)] = []
        ) async throws -> String {
            try await TLSConnection(port: server.port, showing: identity).send("GET", "/", headers).text
        }

        @Test("the names of a good certificate are known: URIs and DNS names, and nothing else of it")
        func names() async throws {
            try await withClients { server, authority, _ async throws in
                let identity = try authority.issue(
                    [
                        "uri:spiffe://test/ci", "dns:CI.example.org", "email:ann@example.org", "ip:10.0.0.1",
                        "dns:*.example.org",
                    ], for: .client, common: "dns:root")
                #expect(try await ask(server, identity) == "uri:spiffe://test/ci dns:ci.example.org")
                #expect(try await ask(server, nil) == "nobody")
            }
        }

        @Test("a certificate that is not good ends the handshake", arguments: [false, true])
        func notGood(required: Bool) async throws {
            try await withClients(required: required) { server, authority, _ async throws in
                let foreign = try TestAuthority().issue(["dns:a"], for: .client)
                let expired = try authority.issue(["dns:a"], for: .client, secondsLeft: -60)
                let forServers = try authority.issue(["dns:a"], for: .server)
                for identity in [foreign, expired, forServers] {
                    await #expect(throws: (any Error).self) { try await ask(server, identity) }
                }
                if required { await #expect(throws: (any Error).self) { try await ask(server, nil) } }
                #expect(try await ask(server, authority.issue(["dns:a"], for: .client)) == "dns:a")
            }
        }

        @Test("where clients are not asked, a certificate says nothing")
        func off() async throws {
            try await withTLS { server, authority, _ async throws in
                #expect(try await ask(server, authority.issue(["dns:a"], for: .client)) == "nobody")
            }
        }

        @Test(
            "no header stands in for a handshake",
            arguments: [
                "X-Forwarded-Client-Cert", "X-SSL-Client-Cert", "Client-Cert", "X-Client-Verify", "X-Forwarded-User",
            ])
        func headers(name: String) async throws {
            try await withClients(proxies: [CIDR("127.0.0.1")].compactMap { $0 }) { server, _, _ async throws in
                #expect(try await ask(server, nil, [(name, "URI=spiffe://test/ci;DNS=a")]) == "nobody")
            }
        }

        @Test("what comes through a trusted proxy is not the proxy's own")
        func proxy() async throws {
            try await withClients(proxies: [CIDR("127.0.0.1")].compactMap { $0 }) { server, authority, _ async throws in
                let identity = try authority.issue(["dns:proxy"], for: .client)
                #expect(try await ask(server, identity, [("X-Forwarded-For", "192.0.2.1")]) == "nobody")
                #expect(try await ask(server, identity) == "nobody")
            }
        }

        @Test("an authority that is gone ends what it vouched for; one more leaves all as it is")
        func authorities() async throws {
            try await withClients { server, authority, folder async throws in
                let identity = try authority.issue(["dns:a"], for: .client)
                let connection = try await TLSConnection(port: server.port, showing: identity)
                let plain = try await TLSConnection(port: server.port)
                #expect(try await connection.send("GET", "/").text == "dns:a")
                #expect(try await plain.send("GET", "/").text == "nobody")
                let second = try TestAuthority("second")
                try writeFile((authority.pem + second.pem), to: folder + "/clients.crt")
                #expect(try look(server))
                #expect(try await connection.send("GET", "/").text == "dns:a")
                #expect(try await ask(server, second.issue(["dns:b"], for: .client)) == "dns:b")
                try writeFile(second.pem, to: folder + "/clients.crt")
                #expect(try look(server))
                #expect(await connection.isClosedByPeer())
                #expect(try await plain.send("GET", "/").text == "nobody")
                await #expect(throws: (any Error).self) { try await ask(server, identity) }
            }
        }

        @Test("authorities that cannot be read are an error at the start, and keep the old ones later")
        func unreadable() async throws {
            try await withClients { server, authority, folder async throws in
                try writeFile("nothing", to: folder + "/clients.crt")
                #expect(throws: ListenError.self) { try look(server) }
                #expect(try await ask(server, authority.issue(["dns:a"], for: .client)) == "dns:a")
                let files = TLSConfiguration(
                    [.init(certificateFile: folder + "/first.crt", keyFile: folder + "/first.key")],
                    clientAuthorityFile: folder + "/clients.crt")
                let other = LiveTests.ConnectionTests.makeServer(
                    [.tcp(host: "127.0.0.1", port: 0)], tls: Certificates(files))
                await #expect(throws: ListenError.self) { _ = try await other.start() }
                await other.shutdown(grace: .zero)
            }
        }
    }
}
