import BerthAccess
import BerthConfig
import BerthHTTP
import BerthModel
import BerthServer
import BerthTestSupport
import Foundation
import Testing

/// Client certificates at the whole server: who counts as whom, on which route, and for how long.
@Suite("Client certificates")
struct CertificateTests {
    private static let ann = "uri:spiffe://test/ann"
    private static let ci = "dns:ci.test"

    /// A closed registry with TLS, where `ann` writes below team/ and the robot `team+ci` reads there.
    private func withRegistry(
        _ mode: Configuration.TLS.ClientAuth = .optional,
        _ body: (LiveServer, TestAuthority) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let authority = try TestAuthority()
            try authority.issue(["dns:localhost"]).write(to: folder, "server")
            try authority.pem.write(toFile: folder + "/clients.crt", atomically: true, encoding: .utf8)
            try await withLiveServer(
                { configuration in
                    configuration.http.tls.certificate = folder + "/server.crt"
                    configuration.http.tls.key = folder + "/server.key"
                    configuration.http.tls.clientCA = folder + "/clients.crt"
                    configuration.http.tls.clientAuth = mode
                },
                { server in
                    try await server.addUser("ann")
                    try await server.addUser("bob")
                    _ = try await server.addRobot("team+ci")
                    try await server.grant("user:ann", .writer, on: "team/**")
                    try await server.grant("robot:team+ci", .reader, on: "team/**")
                    try await server.map(Self.ann, to: .user(AccountName("ann")))
                    try await server.map(Self.ci, to: .robot(RobotName("team+ci")))
                    try await body(server, authority)
                })
        }
    }

    private func connect(
        _ server: LiveServer, _ authority: TestAuthority, as names: String...
    ) async throws -> TLSConnection {
        let identity = names.isEmpty ? nil : try authority.issue(names, for: .client)
        return try await TLSConnection(port: server.port, authority: authority.pem, showing: identity)
    }

    @Test("a mapped certificate is a login: on /v2/, for reading, for pushing, and no further than its account")
    func login() async throws {
        try await withRegistry { server, authority async throws in
            let ann = try await connect(server, authority, as: Self.ann)
            #expect(try await ann.send("GET", "/v2/").status == 200)
            let started = try await ann.send("POST", "/v2/team/app/blobs/uploads/")
            #expect(started.status == 202)
            #expect(try await ann.send("GET", "/v2/team/app/tags/list").status == 404)
            #expect(try await ann.send("GET", "/v2/_catalog").status == 200)
            let robot = try await connect(server, authority, as: Self.ci)
            #expect(try await robot.send("GET", "/v2/").status == 200)
            let refused = try await robot.send("POST", "/v2/team/app/blobs/uploads/")
            #expect(refused.status == 403 && refused.errorCodes == ["DENIED"])
            #expect(refused.header("WWW-Authenticate") == nil)
            #expect(try await robot.send("GET", "/v2/other/app/tags/list").errorCodes == ["NAME_UNKNOWN"])
        }
    }

    @Test("on every route a certificate is answered as its account is by password, and a stranger's as nobody")
    func everyRoute() async throws {
        try await withRegistry { server, authority in
            try await server.grant("everyone", .reader, on: "public/**")
            let nobody = try await connect(server, authority)
            let digest = "sha256:" + String(repeating: "0", count: 64)
            let routes = ["public/box", "team/box", "other/box"].flatMap { name in
                [
                    ("GET", "/v2/\(name)/manifests/1"), ("HEAD", "/v2/\(name)/blobs/\(digest)"),
                    ("GET", "/v2/\(name)/tags/list"), ("GET", "/v2/\(name)/referrers/\(digest)"),
                    ("POST", "/v2/\(name)/blobs/uploads/"), ("DELETE", "/v2/\(name)/manifests/1"),
                    ("DELETE", "/v2/\(name)/blobs/\(digest)"),
                    ("POST", "/v2/\(name)/blobs/uploads/?mount=\(digest)&from=other/box"),
                ]
            }
            let others = [("GET", "/v2/"), ("GET", "/v2/_catalog"), ("GET", "/v1/search?q=box")]
            let secret = try await server.access.addSecret(
                for: .robot(RobotName("team+ci")), label: "", scopes: nil, seconds: nil, by: .operator)
            for (names, header) in [
                ([Self.ann], basic("ann")), ([Self.ci], basic("team+ci", secret.text)), (["dns:stranger"], nil),
            ] as [([String], (String, String)?)] {
                let identity = try authority.issue(names, for: .client)
                let shown = try await TLSConnection(port: server.port, authority: authority.pem, showing: identity)
                for (method, target) in routes + others {
                    let expected = try await nobody.send(method, target, header.map { [$0] } ?? [])
                    let reply = try await shown.send(method, target)
                    #expect(reply.status == expected.status, "\(names) \(method) \(target)")
                    #expect(reply.errorCodes == expected.errorCodes)
                    #expect(reply.header("WWW-Authenticate") == expected.header("WWW-Authenticate"))
                }
            }
        }
    }

    @Test(
        "the browser shows its certificate for others' web pages too: they do nothing by it",
        arguments: [
            ([("Origin", "https://evil.test")], false), ([("Origin", "null")], false),
            ([("Origin", "https://localhost")], true), ([("Sec-Fetch-Site", "cross-site")], false),
            ([("Sec-Fetch-Site", "same-site")], false), ([("Sec-Fetch-Site", "same-origin")], true),
            ([("Sec-Fetch-Site", "none")], true), ([], true),
        ] as [([(String, String)], Bool)])
    func foreignPages(headers: [(String, String)], isTaken: Bool) async throws {
        try await withRegistry { server, authority async throws in
            let ann = try await connect(server, authority, as: Self.ann)
            let digest = "sha256:" + String(repeating: "0", count: 64)
            let mount = "/v2/team/app/blobs/uploads/?mount=\(digest)&from=team/secret"
            #expect(try await ann.send("POST", mount, headers).status == (isTaken ? 202 : 401))
            let token = try await ann.send("GET", "/auth/token?scope=repository:team/app:push", headers).json()
            let bearer = ("Authorization", "Bearer \(try #require(token["token"] as? String))")
            let used = try await ann.send("POST", "/v2/team/app/blobs/uploads/", [bearer])
            #expect(used.status == (isTaken ? 202 : 401))
            // What the page's own script had to know is not the browser's to give.
            #expect(try await ann.send("POST", "/v2/team/app/blobs/uploads/", headers + [basic("ann")]).status == 202)
        }
    }

    @Test("no certificate, one that no rule names, and one of two accounts are nobody")
    func nobody() async throws {
        try await withRegistry { server, authority async throws in
            for names in [[], ["uri:spiffe://test/stranger"], [Self.ann, Self.ci]] {
                let identity = names.isEmpty ? nil : try authority.issue(names, for: .client)
                let connection = try await TLSConnection(port: server.port, authority: authority.pem, showing: identity)
                let reply = try await connection.send("GET", "/v2/")
                #expect(reply.status == 401)
                let realm = "https://localhost/auth/token"
                #expect(reply.header("WWW-Authenticate")?.hasPrefix("Bearer realm=\"\(realm)\"") == true)
                #expect(try await connection.send("GET", "/v2/team/app/tags/list").status == 401)
            }
        }
    }

    @Test("Authorization goes before the certificate: right it wins, wrong it is refused")
    func both() async throws {
        try await withRegistry { server, authority async throws in
            let ann = try await connect(server, authority, as: Self.ann)
            let upload = "/v2/team/app/blobs/uploads/"
            #expect(try await ann.send("POST", upload).status == 202)
            #expect(try await ann.send("POST", upload, [basic("bob")]).status == 403)
            #expect(try await ann.send("GET", "/v2/", [basic("bob")]).status == 200)
            #expect(try await ann.send("GET", "/v2/", [basic("bob", "wrong wrong")]).status == 401)
            #expect(try await ann.send("GET", "/v2/", [("Authorization", "Bearer wrong")]).status == 401)
            #expect(try await ann.send("GET", "/v2/", [("Authorization", "Nonsense")]).status == 401)
            // A token for nobody is asked for on purpose, as is one for another account.
            let robot = try await connect(server, authority, as: Self.ci)
            let token = try await robot.send("GET", "/auth/token?scope=repository:team/app:pull,push").json()["token"]
            let bearer = ("Authorization", "Bearer \(token as? String ?? "")")
            #expect(try await ann.send("POST", upload, [bearer]).status == 403)
        }
    }

    @Test("at the token endpoint it is the account, unless credentials are sent; nothing lasts longer than it")
    func tokens() async throws {
        try await withRegistry { server, authority async throws in
            let identity = try authority.issue([Self.ann], for: .client, secondsLeft: 300)
            let ann = try await TLSConnection(port: server.port, authority: authority.pem, showing: identity)
            let query = "/auth/token?service=berth&scope=repository:team/app:pull,push"
            let reply = try await ann.send("GET", query + "&offline_token=true")
            let json = try reply.json()
            #expect(reply.status == 200 && json["refresh_token"] == nil)
            // A certificate's times are whole seconds, rounded; so are a token's.
            #expect((1...301).contains(json["expires_in"] as? Int ?? 0))
            let bearer = ("Authorization", "Bearer \(json["token"] as? String ?? "")")
            // The token is a bearer token: it works on a connection without a certificate.
            let other = try await connect(server, authority)
            #expect(try await other.send("POST", "/v2/team/app/blobs/uploads/", [bearer]).status == 202)
            #expect(try await ann.send("GET", query, [basic("ann", "wrong wrong")]).status == 401)
            try await server.disable(rule: Self.ann)
            #expect(try await other.send("POST", "/v2/team/app/blobs/uploads/", [bearer]).status == 401)
            // Without a rule that counts it is a token for everybody, which opens nothing here.
            let anonymous = try await ann.send("GET", query).json()["token"] as? String ?? ""
            #expect(
                try await ann.send("POST", "/v2/team/app/blobs/uploads/", [("Authorization", "Bearer \(anonymous)")])
                    .status == 401)
        }
    }

    @Test("disabling the rule, the account, or removing either counts with the next request of a kept connection")
    func ended() async throws {
        try await withRegistry { server, authority async throws in
            let ann = try await connect(server, authority, as: Self.ann)
            func status() async throws -> Int { try await ann.send("GET", "/v2/").status }
            #expect(try await status() == 200)
            try await server.disable(rule: Self.ann)
            #expect(try await status() == 401)
            try await server.disable(rule: Self.ann, false)
            #expect(try await status() == 200)
            try await server.disable("ann")
            #expect(try await status() == 401)
            try await server.disable("ann", false)
            #expect(try await status() == 200)
            try await server.revoke("user:ann", on: "team/**")
            #expect(try await ann.send("POST", "/v2/team/app/blobs/uploads/").status == 403)
            _ = try await server.access.removeUser(AccountName("ann"), by: .operator)
            #expect(try await status() == 401)
        }
    }

    @Test("a certificate whose time is over during a connection counts no more")
    func expired() async throws {
        try await withRegistry { server, authority async throws in
            let identity = try authority.issue([Self.ann], for: .client, secondsLeft: 3)
            let ann = try await TLSConnection(port: server.port, authority: authority.pem, showing: identity)
            #expect(try await ann.send("GET", "/v2/").status == 200)
            try await eventually("its time is over") { try await ann.send("GET", "/v2/").status == 401 }
        }
    }

    @Test("where certificates are required there is no connection without one, and an account is needed still")
    func required() async throws {
        try await withRegistry(.required) { server, authority async throws in
            await #expect(throws: (any Error).self) {
                _ = try await connect(server, authority).send("GET", "/v2/")
            }
            #expect(try await connect(server, authority, as: Self.ann).send("GET", "/v2/").status == 200)
            let stranger = try await connect(server, authority, as: "dns:stranger")
            #expect(try await stranger.send("GET", "/v2/").status == 401)
            #expect(try await stranger.send("GET", "/v2/", [basic("bob")]).status == 200)
        }
    }

    @Test("the names of all certificates may be told to clients, also those that came later")
    func realm() async throws {
        try await withTemporaryFolder { folder in
            let authority = try TestAuthority()
            try authority.issue(["dns:localhost", "dns:one.test"]).write(to: folder, "one")
            try authority.issue(["dns:*.two.test", "ip:192.0.2.9"]).write(to: folder, "two")
            try await withLiveServer(
                { configuration in
                    configuration.http.tls.certificate = folder + "/one.crt"
                    configuration.http.tls.key = folder + "/one.key"
                    configuration.http.tls.additional = [
                        .init(certificate: folder + "/two.crt", key: folder + "/two.key")
                    ]
                },
                { server in
                    try await server.addUser("ann")
                    func realm(_ host: String) async throws -> String {
                        let connection = try await TLSConnection(port: server.port)
                        let reply = try await connection.send("GET", "/v2/", [("Host", host)])
                        let challenge = reply.header("WWW-Authenticate") ?? ""
                        return challenge.split(separator: "\"").dropFirst().first.map(String.init) ?? ""
                    }
                    for host in ["localhost", "one.test:5000", "a.two.test", "192.0.2.9"] {
                        #expect(try await realm(host) == "https://\(host)/auth/token")
                    }
                    for host in ["evil.test", "a.b.two.test", "two.test", "192.0.2.10", "three.test"] {
                        #expect(try await realm(host) == "", "\(host)")
                    }
                    try authority.issue(["dns:three.test"]).write(to: folder, "two")
                    try server.server.http.reloadCertificates()
                    #expect(try await realm("three.test") == "https://three.test/auth/token")
                    #expect(try await realm("a.two.test") == "")
                })
        }
    }
}

extension LiveServer {
    fileprivate func map(_ name: String, to holder: SecretHolder) async throws {
        let name = try #require(CertificateName(name))
        _ = try await access.addCertificate(name, for: holder, by: .operator)
    }

    fileprivate func disable(rule name: String, _ isDisabled: Bool = true) async throws {
        let name = try #require(CertificateName(name))
        try await access.changeCertificate(name, isDisabled: isDisabled, by: .operator)
    }
}
