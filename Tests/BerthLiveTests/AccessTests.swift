import BerthAccess
import BerthConfig
import BerthModel
import BerthServer
import BerthTestSupport
import Foundation
import Testing

/// What accounts change about pushing, pulling and being reached.
@Suite("A closed registry")
struct AccessTests {
    @Test("the first account closes the registry, on loopback too, and for good")
    func closing() async throws {
        try await withTemporaryFolder { folder in
            try await withLiveServer(root: folder + "/data") { server async throws in
                try await server.pushImage("layer", to: "a/b", as: "1")
                #expect(try await server.get("/v2/a/b/manifests/1").status == 200)
                try await server.addUser("root", isAdmin: true)
                #expect(try await server.get("/v2/a/b/manifests/1").status == 401)
                #expect(try await server.get("/v2/a/b/manifests/1", [basic("root")]).status == 200)
            }
            try await withLiveServer(root: folder + "/data", { $0.access.anonymous = .push }) { server async throws in
                #expect(try await server.get("/v2/a/b/manifests/1").status == 401)
                #expect(try await server.get("/v2/a/b/manifests/1", [basic("root")]).status == 200)
                _ = try await server.access.removeUser(AccountName("root"), by: .operator)
                #expect(
                    try await server.get("/v2/a/b/manifests/1").status == 401, "nobody is left, and nobody comes in")
            }
        }
    }

    @Test("who has come in on a connection is asked again with each request, and others on it are not taken for him")
    func sameConnection() async throws {
        try await withLiveServer { server async throws in
            try await server.pushImage("layer", to: "team/a", as: "1")
            try await server.addUser("ann")
            try await server.addUser("bob")
            try await server.grant("user:ann", .reader, on: "team/**")
            let connection = try TestConnection(port: server.port)
            let target = "/v2/team/a/manifests/1"
            let bearer = try await server.token("repository:team/a:pull", as: "ann")
            for header in [basic("ann"), bearer] {
                for _ in 1...3 { #expect(try await connection.send("GET", target, [header]).status == 200) }
                #expect(try await connection.send("GET", target, [basic("bob")]).status == 404)
                #expect(try await connection.send("GET", target).status == 401)
                #expect(try await connection.send("GET", target, [header]).status == 200)
            }
            for header in [bearer, basic("ann")] {
                #expect(try await connection.send("GET", target, [header]).status == 200)
                try await server.disable("ann")
                #expect(try await connection.send("GET", target, [header]).status == 401)
                try await server.disable("ann", false)
            }
            #expect(try await connection.send("GET", target, [bearer]).status == 401, "of a version that is over")
            #expect(try await connection.send("GET", target, [basic("ann")]).status == 200)
        }
    }

    @Test("an upload outlives the token of whoever began it, for him alone")
    func longUpload() async throws {
        let clock = ManualClock()
        try await withClosedServer(clock: clock) { server async throws in
            try await server.addUser("bob")
            try await server.grant("user:bob", .writer, on: "team/**")
            let header = try await server.token("repository:team/a:pull,push", as: "ann")
            let bobs = try await server.token("repository:team/a:pull,push", as: "bob")
            let started = try await server.send("POST", "/v2/team/a/blobs/uploads/", [header])
            #expect(started.status == 202)
            let location = try #require(started.header("Location"))
            #expect(try await server.send("PATCH", location, [header], body: Array("0123".utf8)).status == 202)
            clock.advance(seconds: 3 * 3600)
            _ = try await server.access.rotateKey(by: .operator)
            clock.advance(seconds: 3600)
            for (who, expected) in [(header, 202), (bobs, 401)] {
                let reply = try await server.send("PATCH", location, [who], body: Array("4567".utf8))
                #expect(reply.status == expected, "\(reply.text)")
            }
            // Another of the same name but another time is no other subject.
            let later = try await server.token("repository:team/a:pull,push", as: "ann")
            #expect(try await server.get(location, [later]).header("Range") == "0-7")
            let fresh = try await server.token("repository:team/a:pull,push", as: "bob")
            #expect(try await server.get(location, [fresh]).status == 404, "a foreign upload is unknown")
            #expect(try await server.get(location).status == 401)
            var tampered = header
            tampered.1 = String(header.1.dropLast(4)) + "AAAA"
            #expect(try await server.get(location, [tampered]).status == 401)
            // Everywhere else the token is over.
            for target in [
                "/v2/", "/v2/team/a/tags/list", "/v2/team/b/blobs/uploads/\(location.split(separator: "/").last ?? "")",
            ] {
                let reply = try await server.get(target, [header])
                #expect(reply.status == 401)
                #expect(reply.header("WWW-Authenticate")?.hasSuffix("error=\"invalid_token\"") == true)
            }
            let digest = try sha256(Array("01234567".utf8))
            let done = try await server.send("PUT", "\(location)?digest=\(digest)", [header])
            #expect(done.status == 201, "\(done.text)")
        }
    }

    @Test("the present right to push is asked on every request of an upload", arguments: ["grant", "account"])
    func uploadAndRights(what: String) async throws {
        let clock = ManualClock()
        try await withClosedServer(clock: clock) { server async throws in
            let header = try await server.token("repository:team/a:pull,push", as: "ann")
            let location = try #require(
                try await server.send("POST", "/v2/team/a/blobs/uploads/", [header]).header("Location"))
            clock.advance(seconds: 3600)
            #expect(try await server.send("PATCH", location, [header], body: [1]).status == 202)
            if what == "grant" {
                try await server.revoke("user:ann", on: "team/**")
                #expect(try await server.send("PATCH", location, [header], body: [1]).status == 403)
            } else {
                try await server.disable("ann")
                #expect(try await server.send("PATCH", location, [header], body: [1]).status == 401)
            }
        }
    }

    @Test("an upload of a principal's is for him whatever he shows: password, personal token, bearer token")
    func sameSubject() async throws {
        try await withClosedServer { server async throws in
            let secret = try await server.addPersonalToken("ann")
            let location = try #require(
                try await server.send("POST", "/v2/team/a/blobs/uploads/", [basic("ann")]).header("Location"))
            let headers = [
                basic("ann"), basic("ann", secret.text),
                try await server.token("repository:team/a:pull,push", as: "ann"),
            ]
            for header in headers { #expect(try await server.get(location, [header]).status == 204) }
        }
    }

    @Test("nobody has more unfinished uploads than he may; starting them costs nothing, and finishing makes room")
    func squatting() async throws {
        try await withLiveServer({ $0.upload.maxOpen = 2 }) { server async throws in
            for name in ["ann", "bob"] {
                try await server.addUser(name)
                try await server.grant("user:\(name)", .writer, on: "team/**")
            }
            func start(_ name: String) async throws -> String {
                try #require(
                    try await server.send("POST", "/v2/team/a/blobs/uploads/", [basic(name)]).header("Location"))
            }
            var locations: [String] = []
            for _ in 0..<3 { locations.append(try await start("ann")) }
            for location in locations[..<2] {
                #expect(try await server.send("PATCH", location, [basic("ann")], body: [1]).status == 202)
            }
            let refused = try await server.send("PATCH", locations[2], [basic("ann")], body: [1])
            #expect(refused.status == 429 && refused.errorCodes == ["TOOMANYREQUESTS"])
            #expect(refused.header("Retry-After") == "60")
            #expect(try await server.send("PATCH", locations[0], [basic("ann")], body: [2]).status == 202)
            #expect(try await server.send("PATCH", try await start("bob"), [basic("bob")], body: [1]).status == 202)
            #expect(try await server.send("DELETE", locations[1], [basic("ann")]).status == 204)
            #expect(try await server.send("PATCH", locations[2], [basic("ann")], body: [1]).status == 202)
            let digest = try sha256([1, 2])
            #expect(try await server.send("PUT", "\(locations[0])?digest=\(digest)", [basic("ann")]).status == 201)
            #expect(try await server.send("PATCH", try await start("ann"), [basic("ann")], body: [1]).status == 202)
        }
    }

    @Test(
        "bytes of unfinished uploads are bounded, whatever request brings them", arguments: ["PATCH", "PUT", "POST"],
        [1, 100])
    func bytes(method: String, times: Int) async throws {
        try await withLiveServer({
            $0.upload.maxOpen = 1
            $0.upload.maxOpenBytes = 100_000 * times
        }) { server async throws in
            let small = [UInt8](repeating: 1, count: 80_000 * times)
            let large = [UInt8](repeating: 2, count: 300_000 * times)
            func bring(_ bytes: [UInt8]) async throws -> Reply {
                let digest = try sha256(bytes)
                if method == "POST" {
                    return try await server.send("POST", "/v2/team/a/blobs/uploads/?digest=\(digest)", body: bytes)
                }
                let location = try await server.startUpload(in: "team/a")
                if method == "PUT" { return try await server.send("PUT", "\(location)?digest=\(digest)", body: bytes) }
                let chunk = try await server.send("PATCH", location, body: bytes)
                guard chunk.status == 202 else {
                    #expect(try await server.delete(location).status == 204)
                    return chunk
                }
                return try await server.send("PUT", "\(location)?digest=\(digest)")
            }
            let refused = try await bring(large)
            #expect(refused.status == 429 && refused.errorCodes == ["TOOMANYREQUESTS"])
            for _ in 0..<2 { #expect(try await bring(small).status == 201) }
        }
    }

    @Test("a chunk of nothing holds no place")
    func nothing() async throws {
        try await withLiveServer({ $0.upload.maxOpen = 1 }) { server async throws in
            for _ in 0..<3 {
                let location = try await server.startUpload(in: "team/a")
                #expect(try await server.send("PATCH", location, body: []).status == 202)
            }
            #expect(try await server.send("PATCH", server.startUpload(in: "team/a"), body: [1]).status == 202)
            let large = [UInt8](repeating: 2, count: 300_000)
            let digest = try sha256(large)
            let whole = "/v2/team/a/blobs/uploads/?digest=\(digest)"
            #expect(try await server.send("POST", whole, body: large).status == 429, "its file would be the second")
        }
    }

    @Test("a condition reads its tag: a token that was not issued for that asks for one that is")
    func condition() async throws {
        try await withClosedServer { server async throws in
            try await server.grant("user:ann", .maintainer, on: "team/**")
            let condition = ("If-Match", "*")
            for (method, action, scope) in [("PUT", "push", "pull,push"), ("DELETE", "delete", "delete,pull")] {
                let token = try await server.token("repository:team/a:\(action)", as: "ann")
                let reply = try await server.send(
                    method, "/v2/team/a/manifests/1", [token, condition], body: method == "PUT" ? Array("{}".utf8) : nil
                )
                #expect(reply.status == 401)
                let challenge = reply.header("WWW-Authenticate") ?? ""
                #expect(challenge.hasSuffix(#"scope="repository:team/a:\#(scope)",error="insufficient_scope""#))
            }
            try await server.addUser("bob")
            try await server.grant("user:bob", .writer, on: "other/**")
            let reply = try await server.send("DELETE", "/v2/team/a/manifests/1", [basic("bob"), condition])
            #expect(reply.status == 404)
        }
    }

    @Test("a mount reads from its source: without that right it is an upload, as if the source had no such blob")
    func mount() async throws {
        try await withLiveServer { server async throws in
            let digest = try await server.push("secret content", to: "other/box")
            try await server.addUser("ann")
            try await server.grant("user:ann", .writer, on: "team/**")
            let missing = "sha256:" + String(repeating: "0", count: 64)
            for source in ["&from=other/box", "&from=missing/box", ""] {
                for blob in [digest.text, missing] {
                    let reply = try await server.send(
                        "POST", "/v2/team/a/blobs/uploads/?mount=\(blob)\(source)", [basic("ann")])
                    #expect(reply.status == 202, "\(source)")
                    #expect(reply.header("Docker-Content-Digest") == nil)
                }
            }
            try await server.grant("user:ann", .reader, on: "other/box")
            let target = "/v2/team/a/blobs/uploads/?mount=\(digest)&from=other/box"
            #expect(try await server.send("POST", target, [basic("ann")]).status == 201)
            let narrow = try await server.token("repository:team/b:pull,push", as: "ann")
            let both = try await server.token(
                "repository:team/b:pull,push", "repository:other/box:pull", as: "ann")
            let other = "/v2/team/b/blobs/uploads/?mount=\(digest)&from=other/box"
            #expect(try await server.send("POST", other, [narrow]).status == 202, "the token is a bound")
            #expect(try await server.send("POST", other, [both]).status == 201)
            let challenge = try await server.send("POST", other).header("WWW-Authenticate")
            #expect(challenge?.contains("scope=\"repository:team/b:pull,push repository:other/box:pull\"") == true)
        }
    }

    @Test("changes of rights are in force with the next request, tokens or not")
    func atOnce() async throws {
        try await withLiveServer { server async throws in
            try await server.pushImage("layer", to: "team/a", as: "1")
            try await server.addUser("ann")
            try await server.grant("user:ann", .reader, on: "team/**")
            let secret = try await server.addPersonalToken("ann")
            let token = try await server.askToken(["repository:team/a:pull"], as: ("ann", secret.text))
            var headers = [
                basic("ann"), basic("ann", secret.text), try await server.token("repository:team/a:pull", as: "ann"),
                server.bearer(try token.json()["token"] as? String ?? ""),
            ]
            func statuses() async throws -> [Int] {
                var found: [Int] = []
                for header in headers {
                    found.append(try await server.get("/v2/team/a/manifests/1", [header]).status)
                }
                return found
            }
            #expect(try await statuses() == [200, 200, 200, 200])
            try await server.revoke("user:ann", on: "team/**")
            #expect(try await statuses() == [404, 404, 404, 404])
            try await server.grant("user:ann", .reader, on: "team/a")
            #expect(try await statuses() == [200, 200, 200, 200])
            try await server.disable("ann")
            #expect(try await statuses() == [401, 401, 401, 401])
            try await server.disable("ann", false)
            try await server.removeSecret(secret)
            #expect(try await statuses() == [200, 401, 401, 401], "enabling does not bring tokens back")
            headers[2] = try await server.token("repository:team/a:pull", as: "ann")
            #expect(try await statuses() == [200, 401, 200, 401])
            try await server.setPassword("ann", "another password")
            #expect(try await statuses() == [401, 401, 401, 401])
        }
    }

    @Test(
        "what is disabled counts no more with the next request, and counts again when it is enabled",
        arguments: ["token", "grant", "group", "key"])
    func resting(what: String) async throws {
        try await withLiveServer { server async throws in
            let (access, team) = (server.access, try AccountName("team"))
            let (group, pattern) = (GrantSubject.group(team), try RepositoryPattern("team/**"))
            try await server.pushImage("layer", to: "team/a", as: "1")
            try await server.addUser("ann")
            _ = try await access.addGroup(team, by: .operator)
            _ = try await access.setMember(AccountName("ann"), of: team, true, by: .operator)
            try await server.grant("group:team", .writer, on: "team/**")
            let secret = try await server.addPersonalToken("ann")
            let scope = ["repository:team/a:pull,push"]
            let token = try await server.askToken(scope, as: ("ann", secret.text)).json()["token"] as? String ?? ""
            let key = try #require(access.keys().first?.id)
            _ = try await access.rotateKey(by: .operator)
            let headers = what == "key" ? [server.bearer(token)] : [basic("ann", secret.text), server.bearer(token)]
            func set(_ isDisabled: Bool) async throws -> Bool {
                switch what {
                case "token":
                    try await access.changeSecret(prefix: secret.prefix, isDisabled: isDisabled, by: .operator)
                case "grant":
                    try await access.changeGrant(to: group, on: pattern, isDisabled: isDisabled, by: .operator)
                case "group": try await access.changeGroup(team, isDisabled: isDisabled, by: .operator)
                default: try await access.changeKey(key, isDisabled: isDisabled, by: .operator)
                }
            }
            func statuses() async throws -> Set<Int> {
                var found: Set<Int> = []
                for header in headers {
                    found.insert(try await server.get("/v2/team/a/manifests/1", [header]).status)
                    let started = try await server.send("POST", "/v2/team/a/blobs/uploads/", [header])
                    found.insert(started.status == 202 ? 200 : started.status)
                }
                return found
            }
            for _ in 0..<2 { #expect(try await statuses() == [200], "remembered or not") }
            #expect(try await set(true))
            #expect(try await statuses() == (["token", "key"].contains(what) ? [401] : [403, 404]))
            #expect(try await set(false))
            #expect(try await statuses() == [200])
        }
    }

    @Test("personal tokens and robots' secrets run out; a robot may have several at once")
    func expiry() async throws {
        let clock = ManualClock()
        try await withClosedServer(clock: clock) { server async throws in
            let short = try await server.addPersonalToken("ann", seconds: 60)
            let first = try await server.addRobot("team+ci")
            let second = try await server.addRobot("team+ci")
            try await server.grant("robot:team+ci", .reader, on: "team/**")
            for (name, secret) in [("ann", short), ("team+ci", first), ("team+ci", second)] {
                #expect(try await server.get("/v2/", [basic(name, secret.text)]).status == 200)
            }
            #expect(try await server.get("/v2/", [basic("bob", short.text)]).status == 401, "another's name")
            try await server.removeSecret(first)
            clock.advance(seconds: 61)
            for (name, secret, status) in [("ann", short, 401), ("team+ci", first, 401), ("team+ci", second, 200)] {
                #expect(try await server.get("/v2/", [basic(name, secret.text)]).status == status)
            }
        }
    }

    @Test(
        "no Host makes the realm somebody else's",
        arguments: [
            ("localhost:5000", "http://localhost:5000/auth/token"),
            ("127.0.0.1:5000", "http://127.0.0.1:5000/auth/token"),
            ("[::1]:5000", "http://[::1]:5000/auth/token"), ("evil.example", nil), ("127.0.0.1.evil.example", nil),
            ("localhost.evil.example:80", nil),
        ] as [(String, String?)])
    func realm(host: String, expected: String?) async throws {
        try await withClosedServer { server async throws in
            for headers in [
                [("Host", host)],
                [("Host", host), ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "https")],
            ] {
                let reply = try await server.get("/v2/", headers)
                let challenge = reply.header("WWW-Authenticate")
                #expect(challenge == expected.map { "Bearer realm=\"\($0)\",service=\"berth\"" })
                #expect(reply.status == (expected == nil ? 400 : 401))
                #expect(reply.text.contains("http.external_url") == (expected == nil))
                #expect(!reply.text.contains("127.0.0.1:0"))
            }
        }
    }

    @Test("under a foreign name credentials and what is public go on, and no repository is told by the refusal")
    func foreignName() async throws {
        try await withClosedServer { server async throws in
            let foreign = ("Host", "registry.example.org")
            #expect(try await server.get("/v2/", [foreign, basic("ann")]).status == 200)
            #expect(try await server.get("/auth/token?service=berth", [foreign, basic("ann")]).status == 200)
            #expect(try await server.get("/healthz", [foreign]).status == 200)
            let hidden = try await server.get("/v2/team/a/tags/list", [foreign, ("X-Request-Id", "1")])
            let missing = try await server.get("/v2/no/such/tags/list", [foreign, ("X-Request-Id", "1")])
            #expect(hidden.status == 400 && hidden.body == missing.body)
        }
    }

    @Test("a configured URL is the realm, its path a prefix; a trusted proxy's word counts where there is none")
    func configuredRealm() async throws {
        try await withLiveServer({
            $0.http.externalURL = try? ExternalURL("https://registry.example.org/berth")
        }) { server async throws in
            try await server.addUser("ann")
            let challenge = try await server.get("/v2/", [("Host", "evil.example")]).header("WWW-Authenticate")
            #expect(
                challenge
                    == "Bearer realm=\"https://registry.example.org/berth/auth/token\",service=\"registry.example.org\""
            )
        }
        try await withLiveServer({ $0.http.trustedProxies = (try? TrustedProxy("127.0.0.1")).map { [$0] } ?? [] }) {
            server async throws in
            try await server.addUser("ann")
            let headers = [
                ("Host", "inner:5000"), ("X-Forwarded-Host", "registry.example.org"), ("X-Forwarded-Proto", "https"),
            ]
            let challenge = try await server.get("/v2/", headers).header("WWW-Authenticate")
            #expect(challenge == "Bearer realm=\"https://registry.example.org/auth/token\",service=\"berth\"")
            let bad = [("X-Forwarded-Host", "a\"b,realm=\"c")]
            let refused = try await server.get("/v2/", bad)
            #expect(refused.status == 400 && refused.header("WWW-Authenticate") == nil)
        }
    }

    @Test("over a Unix socket a proxy that is believed keeps its clients apart, so that one locks out no other")
    func behindSocket() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/s"
            // Its clock stands still, so that nothing is given back however long this takes.
            try await withLiveServer(
                clock: ManualClock(),
                {
                    $0.http.listen.append(.unix(path: path, mode: 0o660))
                    $0.http.trustedProxies = [.unix]
                }
            ) { server async throws in
                try await server.addUser("ann")
                func status(_ client: String, _ name: String, _ password: String) async throws -> Int {
                    let form = Array("grant_type=password&username=\(name)&password=\(password)".utf8)
                    return try await TestConnection(path: path).send(
                        "POST", "/auth/token",
                        [("Content-Type", "application/x-www-form-urlencoded"), ("X-Forwarded-For", client)], body: form
                    ).status
                }
                // Of the account seen from there.
                for _ in 0..<10 { #expect(try await status("192.0.2.1", "ann", "wrong") == 401) }
                #expect(try await status("192.0.2.1", "ann", "wrong") == 429)
                #expect(try await status("192.0.2.2", "ann", "correct+horse") == 200)
                // A forgotten job with a revoked token keeps nobody beside it from logging in.
                for _ in 0..<60 { #expect(try await status("192.0.2.2", "ann", "berth_pat_x") == 401) }
                #expect(try await status("192.0.2.2", "ann", "berth_pat_x") == 429)
                #expect(try await status("192.0.2.2", "ann", "correct+horse") == 200)
                try await eventually("it is noted who it was") {
                    let entries = try await server.access.auditEntries(before: nil, limit: 100)
                    return entries.contains { $0.entry.address == "192.0.2.2" && !$0.entry.isDone }
                }
            }
        }
    }

    @Test("a secret that is revoked or nobody's is noted and counted on every route, and lets its owner in by password")
    func revokedSecret() async throws {
        try await withClosedServer { server async throws in
            let secret = try await server.addPersonalToken("ann")
            #expect(try await server.get("/v2/", [basic("ann", secret.text)]).status == 200)
            try await server.removeSecret(secret)
            for (header, isToken) in [
                (basic("ann", secret.text), false), (basic("oidc", "berth_job_x"), false),
                (server.bearer("berth_job_x"), true),
            ] {
                let refused = try await server.get("/v2/team/a/tags/list", [header])
                #expect(refused.status == 401)
                let challenge = refused.header("WWW-Authenticate") ?? ""
                #expect(challenge.hasPrefix("Bearer ") && challenge.contains("invalid_token") == isToken)
            }
            for _ in 3..<60 { _ = try await server.get("/v2/", [basic("ann", secret.text)]) }
            let many = try await server.get("/v2/", [basic("ann", secret.text)])
            #expect(many.status == 429 && many.header("Retry-After") != nil)
            #expect(try await server.get("/v2/", [basic("ann")]).status == 200)
            try await eventually("each is noted") {
                let entries = try await server.access.auditEntries(before: nil, limit: 200).map(\.entry)
                return entries.filter { $0.action == "login" && !$0.isDone }.count == 60
            }
        }
    }

    @Test("one login that stays is listed and ended, and all others of the account go on")
    func endedLogin() async throws {
        try await withClosedServer { server async throws in
            func login() async throws -> String {
                let reply = try await server.askToken([], as: ("ann", testPassword), "&offline_token=true").json()
                return try #require(reply["refresh_token"] as? String)
            }
            func status(_ refresh: String) async throws -> Int {
                try await server.send(
                    "POST", "/auth/token", [("Content-Type", "application/x-www-form-urlencoded")],
                    body: Array("grant_type=refresh_token&refresh_token=\(refresh)".utf8)
                ).status
            }
            let (laptop, desktop) = (try await login(), try await login())
            let ann = SecretHolder.user(try AccountName("ann"))
            let listed = try await server.access.refreshTokens(of: ann)
            #expect(listed.count == 2 && !listed.contains { $0.secret != nil })
            let lost = try #require(listed.first { laptop.contains("_\($0.prefix)_") })
            #expect(try await server.access.removeSecret(prefix: lost.prefix, by: .operator))
            #expect(try await server.access.removeSecret(prefix: lost.prefix, by: .operator) == false)
            #expect(try await status(laptop) == 401)
            #expect(try await status(desktop) == 200)
            let secret = try await server.addPersonalToken("ann")
            _ = try await server.askToken([], as: ("ann", secret.text), "&offline_token=true")
            #expect(try await server.access.refreshTokens(of: ann).map(\.secret) == [secret.prefix, nil])
            await #expect(throws: AccessError.self) {
                try await server.access.refreshTokens(of: .user(try AccountName("ghost")))
            }
        }
    }

    @Test("Bearer without a token is a token that is not valid", arguments: ["Bearer", "Bearer "])
    func emptyBearer(header: String) async throws {
        try await withClosedServer { server async throws in
            let reply = try await server.get("/v2/", [("Authorization", header)])
            #expect(reply.status == 401)
            #expect(reply.header("WWW-Authenticate")?.hasSuffix("error=\"invalid_token\"") == true)
        }
    }

    @Test("a query or cookie is no place for credentials")
    func elsewhere() async throws {
        try await withClosedServer { server async throws in
            let token = try await server.token("repository:team/a:pull", as: "ann").1.dropFirst(7)
            #expect(try await server.get("/v2/?access_token=\(token)").status == 401)
            #expect(try await server.get("/v2/", [("Cookie", "token=\(token)")]).status == 401)
            let both = [basic("ann"), ("Authorization", "Bearer \(token)")]
            #expect(try await server.get("/v2/", both).status == 401, "one request, one identity")
        }
    }

    @Test("with accounts, a listener whose clients could not be told where to log in is refused at the start")
    func startWithoutRealm() async throws {
        try await withTemporaryFolder { folder in
            try await withLiveServer(root: folder + "/data") { try await $0.addUser("ann") }
            await #expect(throws: StartError.self) {
                try await withLiveServer(
                    root: folder + "/data", { $0.http.listen = [.tcp(host: "0.0.0.0", port: 0)] }
                ) { _ in }
            }
            try await withLiveServer(
                root: folder + "/data",
                {
                    $0.http.listen = [.tcp(host: "0.0.0.0", port: 0)]
                    $0.http.externalURL = try? ExternalURL("http://registry.example.org")
                }
            ) { server async throws in #expect(try await server.get("/v2/", [basic("ann")]).status == 200) }
        }
    }

    @Test("the log of who did what holds changes and failed logins, and no secret")
    func audit() async throws {
        try await withClosedServer { server async throws in
            _ = try await server.get("/v2/", [basic("ann", "guess guess")])
            let secret = try await server.addPersonalToken("ann")
            try await eventually("the failed login is noted") {
                try await server.access.auditEntries(before: nil, limit: 100).contains { $0.entry.action == "login" }
            }
            let entries = try await server.access.auditEntries(before: nil, limit: 100).map(\.entry)
            #expect(Set(entries.map(\.action)) == ["user.add", "grant.add", "token.add", "login"])
            let failed = try #require(entries.first { $0.action == "login" })
            #expect(!failed.isDone && failed.target == "ann" && failed.address == "127.0.0.1")
            let all = entries.map { "\($0)" }.joined()
            #expect(!all.contains(secret.text) && !all.contains("guess") && !all.contains(testPassword))
        }
    }
}
