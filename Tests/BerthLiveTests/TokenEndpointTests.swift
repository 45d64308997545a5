import BerthAccess
import BerthModel
import BerthTestSupport
import Foundation
import Testing

@Suite("The token endpoint")
struct TokenEndpointTests {
    @Test("a token carries both names, its life, and its moment with milliseconds; nobody keeps it")
    func form() async throws {
        try await withClosedServer { server async throws in
            let reply = try await server.askToken(["repository:team/a:pull"], as: ("ann", testPassword))
            #expect(reply.status == 200)
            let json = try reply.json()
            #expect(json["token"] as? String == json["access_token"] as? String)
            #expect(json["expires_in"] as? Int == 900)
            #expect((json["issued_at"] as? String)?.contains(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) == true)
            #expect(json["refresh_token"] == nil)
            #expect(reply.header("Cache-Control") == "no-store")
            #expect(reply.header("Content-Type") == "application/json")
            let claims = try claims(of: json)
            #expect(claims["sub"] as? String == "user:ann" && claims["aud"] as? String == "berth")
            #expect((claims["jti"] as? String)?.isEmpty == false)
        }
    }

    @Test(
        "what is granted is what was asked and is allowed, in one answer",
        arguments: [
            (["repository:team/a:pull"], "team/a:pull"), (["repository:team/a:pull,push"], "team/a:pull,push"),
            (["repository:team/a:push,pull,delete,fly,*"], "team/a:pull,push"),
            (["repository:team/a:pull repository:other/b:pull"], "team/a:pull"),
            (["repository:team/a:pull", "repository:public/x:pull,push"], "team/a:pull public/x:pull"),
            (["repository:team/a:pull", "repository:team/a:push"], "team/a:pull,push"),
            (["repository:other/b:pull,push,delete"], ""), (["repository:../etc:pull"], ""), ([], ""),
            (["registry:catalog:*"], "catalog:*"), (["nonsense"], ""), (["repository:localhost:5000/x:pull"], ""),
        ])
    func granted(scopes: [String], expected: String) async throws {
        try await withClosedServer { server async throws in
            let reply = try await server.askToken(scopes, as: ("ann", testPassword))
            #expect(reply.status == 200)
            let access = try claims(of: try reply.json())["access"] as? [[String: Any]] ?? []
            let words = access.map {
                "\($0["name"] as? String ?? ""):\(($0["actions"] as? [String] ?? []).joined(separator: ","))"
            }
            #expect(words.joined(separator: " ") == expected)
        }
    }

    @Test("docker login: no scope, a refresh token, and the token opens /v2/")
    func login() async throws {
        try await withClosedServer { server async throws in
            let ping = try await server.get("/v2/")
            #expect(ping.status == 401)
            #expect(
                ping.values("WWW-Authenticate") == ["Bearer realm=\"http://localhost/auth/token\",service=\"berth\""])
            #expect(ping.header("Docker-Distribution-Api-Version") == "registry/2.0")
            let reply = try await server.get(
                "/auth/token?account=ann&client_id=docker&offline_token=true&service=berth", [basic("ann")])
            let json = try reply.json()
            let refresh = try #require(json["refresh_token"] as? String)
            let token = try #require(json["token"] as? String)
            #expect(try await server.get("/v2/", [server.bearer(token)]).status == 200)
            for _ in 0..<2 {
                let next = try await server.post(
                    "grant_type=refresh_token&service=berth&client_id=docker&scope=repository%3Ateam%2Fa%3Apull&refresh_token=\(refresh)"
                )
                #expect(next.status == 200)
                #expect(try next.json()["refresh_token"] == nil, "clients keep the first for ever")
                let token = try #require(try next.json()["access_token"] as? String)
                #expect(try await server.get("/v2/team/a/tags/list", [server.bearer(token)]).status == 404)
            }
        }
    }

    @Test("a password by POST, with spaces and plus signs as forms write them")
    func post() async throws {
        try await withClosedServer { server async throws in
            try await server.setPassword("ann", "a b+c&d=e%")
            let form =
                "grant_type=password&username=ann&password=a+b%2Bc%26d%3De%25&service=berth&client_id=containerd-client"
                + "&scope=repository%3Ateam%2Fa%3Apull+repository%3Ateam%2Fb%3Apush&access_type=offline"
            let reply = try await server.post(form)
            #expect(reply.status == 200)
            let json = try reply.json()
            #expect((try claims(of: json)["access"] as? [Any])?.count == 2)
            #expect(json["refresh_token"] as? String != nil)
        }
    }

    @Test(
        "who is not who he says gets a Basic challenge and never an anonymous token",
        arguments: ["", "Basic", "Basic eDp5", "Basic OnB3", "Basic Og==", "Bearer x", "Negotiate x", "Basic !!"])
    func refused(header: String) async throws {
        try await withClosedServer { server async throws in
            let reply = try await server.get(
                "/auth/token?service=berth&scope=repository:public/x:pull", [("Authorization", header)])
            #expect(reply.status == 401)
            #expect(reply.values("WWW-Authenticate").count == 1)
            #expect(reply.header("WWW-Authenticate")?.hasPrefix("Basic realm=") == true)
            #expect(reply.errorCodes == ["UNAUTHORIZED"])
            #expect(reply.header("Cache-Control") == "no-store")
        }
    }

    @Test("known and unknown names are answered alike", arguments: [true, false])
    func enumeration(isPost: Bool) async throws {
        try await withClosedServer { server async throws in
            var shown: [String] = []
            for name in ["ann", "bob"] {
                let reply =
                    isPost
                    ? try await server.post("grant_type=password&username=\(name)&password=wrongwrong")
                    : try await server.get("/auth/token", [basic(name, "wrongwrong")])
                let id = reply.header("X-Request-Id") ?? ""
                shown.append("\(reply.status) \(reply.lastingHeaders) \(reply.text.replacing(id, with: ""))")
            }
            #expect(shown[0] == shown[1])
        }
    }

    @Test(
        "what cannot be read is refused",
        arguments: [
            ("grant_type=password&grant_type=password", 400), ("grant_type=client_credentials", 400), ("", 400),
            ("grant_type=password&username=%zz", 400), ("grant_type=refresh_token&refresh_token=x", 401),
            ("grant_type=refresh_token", 401), ("grant_type=password&username=ann&username=bob", 400),
            ("grant_type=password&username=ann", 401),
            ("grant_type=password&username=ann&password=correct+horse&scope=a&scope=b", 200),
        ])
    func badForms(form: String, status: Int) async throws {
        try await withClosedServer { server async throws in
            #expect(try await server.post(form).status == status)
        }
    }

    @Test("methods, types and sizes")
    func edges() async throws {
        try await withClosedServer { server async throws in
            #expect(try await server.send("PUT", "/auth/token").status == 405)
            #expect(try await server.send("DELETE", "/auth/token").header("Allow") == "GET, HEAD, POST")
            #expect(
                try await server.send(
                    "POST", "/auth/token", [("Content-Type", "application/json")], body: [0x7B, 0x7D]
                )
                .status == 415)
            let large = try await server.post("scope=" + String(repeating: "a", count: 64 << 10))
            #expect(large.status == 413 && large.errorCodes == ["SIZE_INVALID"])
            #expect(try await server.get("/auth/token?scope=%zz").status == 400)
            #expect(try await server.get("/auth/token/").status == 404)
            let many = (0..<90).map { "scope=repository:team/r\($0):pull,push" }.joined(separator: "&")
            let reply = try await server.get("/auth/token?\(many)", [basic("ann")])
            #expect((try reply.json()["token"] as? String)?.utf8.count ?? .max < 6 << 10)
        }
    }

    @Test("refresh tokens end with the password, the account, their secret, and after 30 days without use")
    func refreshEnds() async throws {
        let clock = ManualClock()
        try await withClosedServer(clock: clock) { server async throws in
            func refresh(_ name: String, _ password: String = testPassword) async throws -> String {
                let reply = try await server.get("/auth/token?offline_token=true", [basic(name, password)])
                return try #require(try reply.json()["refresh_token"] as? String)
            }
            func status(_ token: String) async throws -> Int {
                try await server.post("grant_type=refresh_token&refresh_token=\(token)").status
            }
            var token = try await refresh("ann")
            try await server.setPassword("ann", "another password")
            #expect(try await status(token) == 401)
            token = try await refresh("ann", "another password")
            try await server.disable("ann")
            #expect(try await status(token) == 401)
            try await server.disable("ann", false)
            #expect(try await status(token) == 401)
            let secret = try await server.addPersonalToken("ann")
            token = try await refresh("ann", secret.text)
            #expect(try await status(token) == 200)
            try await server.removeSecret(secret)
            #expect(try await status(token) == 401)
            token = try await refresh("ann", "another password")
            clock.advance(seconds: 29 * 24 * 3600)
            #expect(try await status(token) == 200)
            // That it was used is written with the next commit.
            try await server.addUser("bob")
            clock.advance(seconds: 29 * 24 * 3600)
            #expect(try await status(token) == 200, "each use begins the 30 days anew")
            try await server.addUser("carol")
            clock.advance(seconds: 30 * 24 * 3600)
            #expect(try await status(token) == 401)
            #expect(try await status(String(token.dropLast()) + "0") == 401)
        }
    }

    @Test("guessing is answered 429 with the time to wait; other accounts go on")
    func bruteForce() async throws {
        try await withClosedServer { server async throws in
            try await server.addUser("bob")
            for _ in 0..<10 {
                #expect(try await server.get("/auth/token", [basic("ann", "wrongwrong")]).status == 401)
            }
            for target in ["/auth/token", "/v2/"] {
                let reply = try await server.get(target, [basic("ann", "wrongwrong")])
                #expect(reply.status == 429 && reply.errorCodes == ["TOOMANYREQUESTS"])
                #expect((reply.header("Retry-After").flatMap(Int.init) ?? 0) > 0)
            }
            #expect(try await server.get("/auth/token", [basic("bob")]).status == 200)
        }
    }

    @Test("the public keys are there for others to check with, and no private part")
    func keys() async throws {
        try await withClosedServer { server async throws in
            let reply = try await server.get("/auth/keys")
            let keys = try #require(try reply.json()["keys"] as? [[String: Any]])
            #expect(keys.count == 1)
            #expect(keys[0]["kty"] as? String == "EC" && keys[0]["crv"] as? String == "P-256")
            #expect(keys[0]["d"] == nil)
        }
    }

    @Test("without accounts there are no tokens, and nothing is asked for")
    func open() async throws {
        try await withLiveServer { server async throws in
            for target in ["/auth/token", "/auth/keys"] { #expect(try await server.get(target).status == 404) }
            #expect(try await server.get("/v2/").status == 200)
            #expect(try await server.get("/v2/", [basic("ann")]).status == 200)
            #expect(try await server.get("/v2/", [server.bearer("x")]).status == 200)
        }
    }

    private func claims(of json: [String: Any]) throws -> [String: Any] {
        let token = try #require(json["token"] as? String)
        let part = token.split(separator: ".")[1]
        let bytes = try #require(Base64URL.decode(part))
        return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }
}

extension LiveServer {
    fileprivate func post(_ form: String) async throws -> Reply {
        try await send(
            "POST", "/auth/token", [("Content-Type", "application/x-www-form-urlencoded")], body: Array(form.utf8))
    }
}

/// A server with an account, `ann`, who may write below team/.
func withClosedServer(
    clock: ManualClock? = nil, _ body: (LiveServer) async throws -> Void
) async throws {
    try await withLiveServer(clock: clock ?? ManualClock()) { server async throws in
        try await server.addUser("ann")
        try await server.grant("user:ann", .writer, on: "team/**")
        try await server.grant("everyone", .reader, on: "public/**")
        try await body(server)
    }
}
