import BerthAccess
import BerthModel
import BerthTestSupport
import Testing

/// Every kind of caller × every kind of route × what a repository can be. One table says what each is answered.
@Suite("Who gets what")
struct AccessMatrixTests {
    /// What a caller gets for pulling, pushing and deleting in `public/box` (everyone may pull), `team/box` (granted by
    /// name), and in two that do not exist, `team/new` beside it and `other/new`.
    ///
    /// ok: admitted · 401: challenged · scope: insufficient_scope · token: invalid_token · 404: NAME_UNKNOWN · 403: DENIED
    static let table: [(caller: String, public: String, team: String, new: String, other: String)] = [
        ("nobody", "ok 401 401", "401 401 401", "401 401 401", "401 401 401"),
        ("anonymous token", "ok 401 401", "401 401 401", "401 401 401", "401 401 401"),
        ("anonymous token without scope", "401 401 401", "401 401 401", "401 401 401", "401 401 401"),
        ("outsider", "ok 403 403", "404 403 404", "404 403 404", "404 403 404"),
        ("outsider's token", "ok 403 403", "404 403 404", "404 403 404", "404 403 404"),
        ("reader", "ok 403 403", "ok 403 403", "ok 403 403", "404 403 404"),
        ("reader's token", "ok 403 403", "ok 403 403", "ok 403 403", "404 403 404"),
        ("writer", "ok 403 403", "ok ok 403", "ok ok 403", "404 403 404"),
        ("writer's token", "ok 403 403", "ok ok 403", "ok ok 403", "404 403 404"),
        ("writer's pull token", "ok 403 403", "ok scope 403", "ok scope 403", "404 403 404"),
        ("writer's token without scope", "scope 403 403", "scope scope 403", "scope scope 403", "404 403 404"),
        ("member of a group", "ok 403 403", "ok ok 403", "ok ok 403", "404 403 404"),
        ("maintainer", "ok 403 403", "ok ok ok", "ok ok ok", "404 403 404"),
        ("administrator", "ok ok ok", "ok ok ok", "ok ok ok", "ok ok ok"),
        ("robot", "ok 403 403", "ok ok 403", "ok ok 403", "404 403 404"),
        ("robot's token", "ok 403 403", "ok ok 403", "ok ok 403", "404 403 404"),
        ("robot granted beyond its namespace", "ok 403 403", "404 403 404", "404 403 404", "404 403 404"),
        ("personal token", "ok 403 403", "ok ok 403", "ok ok 403", "404 403 404"),
        ("personal token for pulling", "ok 403 403", "ok 403 403", "ok 403 403", "404 403 404"),
        ("personal token for elsewhere", "404 403 404", "404 403 404", "404 403 404", "404 403 404"),
        ("administrator's narrow token", "404 403 404", "ok 403 403", "ok 403 403", "404 403 404"),
        ("job", "ok 403 403", "ok ok 403", "ok ok 403", "404 403 404"),
        ("job's token", "ok 403 403", "ok ok 403", "ok ok 403", "404 403 404"),
        ("job's session", "ok 403 403", "ok ok 403", "ok ok 403", "404 403 404"),
        ("job of another project", "401 401 401", "401 401 401", "401 401 401", "401 401 401"),
        ("job of a disabled rule", "401 401 401", "401 401 401", "401 401 401", "401 401 401"),
        ("disabled", "401 401 401", "401 401 401", "401 401 401", "401 401 401"),
        ("disabled's token", "token token token", "token token token", "token token token", "token token token"),
        ("wrong password", "401 401 401", "401 401 401", "401 401 401", "401 401 401"),
        ("unknown user", "401 401 401", "401 401 401", "401 401 401", "401 401 401"),
        ("forged token", "token token token", "token token token", "token token token", "token token token"),
        ("unknown scheme", "401 401 401", "401 401 401", "401 401 401", "401 401 401"),
    ]

    @Test("the table holds", arguments: table.map(\.caller))
    func holds(caller: String) async throws {
        let row = try #require(Self.table.first { $0.caller == caller })
        let clock = ManualClock()
        try await withLiveServer(clock: clock) { server async throws in
            let world = try await World(server)
            let header = try await world.header(of: caller)
            for (repository, expected) in [
                ("public/box", row.public), ("team/box", row.team), ("team/new", row.new), ("other/new", row.other),
            ] {
                let words = expected.split(separator: " ").map(String.init)
                for (requests, word) in zip([world.pulls, world.pushes, world.deletes], words) {
                    for request in requests {
                        let target = request.target.replacing("NAME", with: repository)
                        // Whoever is wrong too often is told nothing but that.
                        if ["disabled", "wrong password", "unknown user"].contains(caller) || caller.hasPrefix("job of")
                        {
                            clock.advance(seconds: 13)
                        }
                        let reply = try await server.send(
                            request.method, target, header.map { [$0] } ?? [], body: request.body)
                        let isMissing = repository.hasSuffix("new")
                        #expect(
                            world.matches(reply, word, isHead: request.method == "HEAD", isMissing: isMissing),
                            "\(request.method) \(target): \(reply.status) \(reply.header("WWW-Authenticate") ?? "") \(reply.text), not \(word)"
                        )
                    }
                }
            }
        }
    }

    @Test("a repository that is hidden and one that is missing are answered with the same bytes")
    func indistinguishable() async throws {
        try await withLiveServer { server async throws in
            let world = try await World(server)
            for caller in ["nobody", "outsider", "outsider's token", "personal token for elsewhere"] {
                let header = try await world.header(of: caller)
                for request in world.pulls + world.pushes + world.deletes {
                    var shown: [String] = []
                    // Names of one length, so that lengths can be compared.
                    for name in ["team/box", "team/bix"] {
                        let reply = try await server.send(
                            request.method, request.target.replacing("NAME", with: name), header.map { [$0] } ?? [],
                            body: request.body)
                        let id = reply.header("X-Request-Id") ?? ""
                        shown.append(
                            "\(reply.status) \(reply.lastingHeaders) \(reply.text.replacing(id, with: ""))"
                                .replacing(name, with: "NAME"))
                    }
                    #expect(shown[0] == shown[1], "\(caller): \(request.method) \(request.target)")
                }
            }
        }
    }

    @Test(
        "the registry as a whole",
        arguments: [
            ("nobody", 401, 401, "public/box"), ("anonymous token", 200, 401, "public/box"),
            ("outsider", 200, 200, "public/box"), ("reader", 200, 200, "public/box team/box"),
            ("reader's token", 200, 401, "public/box team/box"),
            ("reader's catalog token", 200, 200, "public/box team/box"),
            ("administrator", 200, 200, "public/box team/box"),
            ("administrator's narrow token", 200, 200, "team/box"), ("personal token for elsewhere", 200, 200, ""),
            ("wrong password", 401, 401, nil), ("forged token", 401, 401, nil),
        ] as [(String, Int, Int, String?)])
    func whole(caller: String, version: Int, catalog: Int, listed: String?) async throws {
        try await withLiveServer { server async throws in
            let world = try await World(server)
            let headers = try await world.header(of: caller).map { [$0] } ?? []
            #expect(try await server.get("/v2/", headers).status == version)
            #expect(try await server.get("/v2", headers).status == version)
            let list = try await server.get("/v2/_catalog", headers)
            #expect(list.status == catalog)
            if catalog == 200 {
                #expect((try list.json()["repositories"] as? [String])?.joined(separator: " ") == listed)
            } else {
                #expect(list.header("WWW-Authenticate")?.contains(#"scope="registry:catalog:*""#) == true)
            }
            let search = try await server.get("/v1/search?q=box", headers)
            #expect(search.status == (listed == nil ? 401 : 200))
            if let listed {
                let results = try search.json()["results"] as? [[String: Any]] ?? []
                #expect(results.compactMap { $0["name"] as? String }.joined(separator: " ") == listed)
                #expect(try search.json()["num_results"] as? Int == results.count)
            }
            for open in ["/", "/healthz", "/readyz", "/auth/keys"] {
                #expect(try await server.get(open, headers).status == 200)
            }
            #expect(try await server.get("/nothing", headers).status == 404)
            #expect(try await server.send("POST", "/v2/", headers).status == 405)
        }
    }
}

private struct Ask {
    let method: String
    let target: String
    var body: [UInt8]?
}

/// A closed registry with everybody in it.
private struct World {
    let server: LiveServer
    let pulls: [Ask]
    let pushes: [Ask]
    let deletes: [Ask]

    init(_ server: LiveServer) async throws {
        self.server = server
        let image = try await server.pushImage("content", to: "public/box", as: "1")
        try await server.pushImage("content", to: "team/box", as: "1")
        let layer = try sha256(Array("content".utf8))
        pulls = [
            Ask(method: "GET", target: "/v2/NAME/manifests/1"), Ask(method: "HEAD", target: "/v2/NAME/manifests/1"),
            Ask(method: "GET", target: "/v2/NAME/manifests/\(image.digest)"),
            Ask(method: "GET", target: "/v2/NAME/blobs/\(layer)"),
            Ask(method: "HEAD", target: "/v2/NAME/blobs/\(layer)"), Ask(method: "GET", target: "/v2/NAME/tags/list"),
            Ask(method: "GET", target: "/v2/NAME/referrers/\(image.digest)"),
        ]
        pushes = [
            Ask(method: "POST", target: "/v2/NAME/blobs/uploads/"),
            Ask(method: "POST", target: "/v2/NAME/blobs/uploads/?mount=\(layer)&from=public/box"),
            Ask(method: "PUT", target: "/v2/NAME/manifests/2", body: Array("{}".utf8)),
            Ask(method: "PATCH", target: "/v2/NAME/blobs/uploads/x", body: [1]),
            Ask(method: "PUT", target: "/v2/NAME/blobs/uploads/x?digest=\(layer)", body: [1]),
            Ask(method: "GET", target: "/v2/NAME/blobs/uploads/x"),
            Ask(method: "DELETE", target: "/v2/NAME/blobs/uploads/x"),
        ]
        let none = "sha256:" + String(repeating: "0", count: 64)
        deletes = [
            Ask(method: "DELETE", target: "/v2/NAME/manifests/none"),
            Ask(method: "DELETE", target: "/v2/NAME/manifests/\(none)"),
            Ask(method: "DELETE", target: "/v2/NAME/blobs/\(none)"),
        ]
        try await server.addUser("root", isAdmin: true)
        for name in ["outsider", "reader", "writer", "member", "maintainer", "disabled"] {
            try await server.addUser(name)
        }
        let actor = Actor(name: "test", address: "local")
        _ = try await server.access.addGroup(AccountName("builders"), by: actor)
        _ = try await server.access.setMember(AccountName("member"), of: AccountName("builders"), true, by: actor)
        try await server.grant("everyone", .reader, on: "public/**")
        try await server.grant("user:reader", .reader, on: "team/*")
        try await server.grant("user:writer", .writer, on: "team/**")
        try await server.grant("group:builders", .writer, on: "team/**")
        try await server.grant("user:maintainer", .maintainer, on: "*/box")
        try await server.grant("user:maintainer", .maintainer, on: "team/*")
        try await server.revoke("user:maintainer", on: "*/box")
        try await server.grant("user:disabled", .admin, on: "**")
    }

    func header(of caller: String) async throws -> (String, String)? {
        let everything = ["public/box", "team/box", "team/new", "other/new"].map { "repository:\($0):pull,push,delete" }
        switch caller {
        case "nobody": return nil
        case "anonymous token": return try await token(nil, everything)
        case "anonymous token without scope": return try await token(nil, [])
        case "outsider", "reader", "writer", "maintainer": return basic(caller)
        case "outsider's token": return try await token("outsider", everything)
        case "reader's token": return try await token("reader", everything)
        case "reader's catalog token": return try await token("reader", ["registry:catalog:*"])
        case "writer's token": return try await token("writer", everything)
        case "writer's pull token":
            return try await token("writer", everything.map { $0.replacing(",push,delete", with: "") })
        case "writer's token without scope": return try await token("writer", [])
        case "member of a group": return basic("member")
        case "administrator": return basic("root")
        case "robot", "robot's token":
            let secret = try await server.addRobot("team+ci")
            try await server.grant("robot:team+ci", .writer, on: "**")
            return caller == "robot"
                ? basic("team+ci", secret.text) : try await token("team+ci", everything, secret.text)
        case "robot granted beyond its namespace":
            let secret = try await server.addRobot("elsewhere+ci")
            try await server.grant("robot:elsewhere+ci", .admin, on: "**")
            return basic("elsewhere+ci", secret.text)
        case "personal token": return basic("writer", try await server.addPersonalToken("writer").text)
        case "personal token for pulling":
            return basic("writer", try await server.addPersonalToken("writer", scopes: ["pull:**"]).text)
        case "personal token for elsewhere":
            return basic("writer", try await server.addPersonalToken("writer", scopes: ["pull,push:elsewhere/**"]).text)
        case "administrator's narrow token":
            return basic("root", try await server.addPersonalToken("root", scopes: ["pull:team/**"]).text)
        case "job", "job's token", "job's session", "job of another project", "job of a disabled rule":
            let token = try await job(isOf: caller == "job of another project" ? "evil/app" : "org/app")
            switch caller {
            case "job's token": return try await self.token("oidc", everything, token)
            case "job's session":
                return server.bearer(try await server.access.exchange(token, from: "192.0.2.1").secret)
            case "job of a disabled rule":
                var change = Access.TrustChange()
                change.isDisabled = true
                try await server.access.changeTrust(AccountName("ci"), change, by: .operator)
                return basic("oidc", token)
            default: return basic("oidc", token)
            }
        case "disabled", "disabled's token":
            let header = try await token("disabled", everything)
            try await server.disable("disabled")
            return caller == "disabled" ? basic("disabled") : header
        case "wrong password": return basic("writer", "wrong wrong")
        case "unknown user": return basic("ghost")
        case "forged token": return server.bearer("e30.e30.e30")
        case "unknown scheme": return ("Authorization", "Negotiate YTpi")
        default: throw TestFailure("nobody is called \(caller)")
        }
    }

    private func token(
        _ name: String?, _ scopes: [String], _ password: String = testPassword
    ) async throws -> (String, String) {
        let reply = try await server.askToken(scopes, as: name.map { ($0, password) })
        return server.bearer(try reply.json()["token"] as? String ?? "none: \(reply.text)")
    }

    /// An identity token of a job, and a rule that lets the jobs of org/app write below team/.
    private func job(isOf repository: String) async throws -> String {
        let key = try await IssuerKey()
        var rule = NewTrustRule(
            try AccountName("ci"), issuer: "https://issuer.example", audience: "https://registry.test",
            conditions: [try ClaimCondition("repository=org/app")])
        rule.keys = try IssuerKey.set([key])
        rule.grants = [(.writer, try RepositoryPattern("team/**"))]
        _ = try await server.access.addTrust(rule, by: .operator)
        var draft = IdentityTokenDraft(key, issuer: rule.issuer, at: ManualClock().milliseconds() / 1000)
        draft.claims["repository"] = repository
        return try draft.text()
    }

    /// Whether the answer is what `word` of the table means, challenge and all.
    func matches(_ reply: Reply, _ word: String, isHead: Bool, isMissing: Bool) -> Bool {
        let challenge = reply.header("WWW-Authenticate")
        func isChallenge(_ error: String?) -> Bool {
            guard reply.status == 401, reply.values("WWW-Authenticate").count == 1, let challenge,
                challenge.hasPrefix(
                    "Bearer realm=\"http://localhost/auth/token\",service=\"berth\",scope=\"repository:"),
                reply.header("Cache-Control") == "no-store", isHead || reply.errorCodes == ["UNAUTHORIZED"]
            else { return false }
            return error.map { challenge.hasSuffix(",error=\"\($0)\"") } ?? !challenge.contains("error=")
        }
        switch word {
        case "ok":
            // What is not there is not found by those who may look; nobody is asked for anything, nothing is denied.
            return challenge == nil && ![401, 403].contains(reply.status)
                && (isMissing || isHead || reply.errorCodes != ["NAME_UNKNOWN"])
        case "401": return isChallenge(nil)
        case "scope": return isChallenge("insufficient_scope")
        case "token": return isChallenge("invalid_token")
        case "404": return reply.status == 404 && challenge == nil && (isHead || reply.errorCodes == ["NAME_UNKNOWN"])
        case "403":
            return reply.status == 403 && challenge == nil && reply.errorCodes == ["DENIED"]
                && reply.detail["action"] as? String != nil && reply.detail["name"] as? String != nil
        default: return false
        }
    }
}
