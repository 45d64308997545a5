import BerthAccess
import BerthConfig
import BerthFetch
import BerthModel
import BerthTestSupport
import Foundation
import Testing

/// CI jobs that log in with an identity token, over the wire, at an issuer that the test runs.
@Suite("Jobs with identity tokens")
struct JobTests {
    @Test("login, the token expires, the push goes on; the next token is needed when the session is over")
    func push() async throws {
        try await withJobServer { world async throws in
            let (server, token) = (world.server, try world.token())
            let header = basic("oidc", token)
            #expect(try await server.get("/v2/", [header]).status == 200)
            let asked = try await server.askToken(["repository:team/app:pull,push"], as: ("oidc", token))
            let bearer = server.bearer(try #require(try asked.json()["token"] as? String))
            let location = try #require(
                try await server.send("POST", "/v2/team/app/blobs/uploads/", [bearer]).header("Location"))
            world.clock.advance(seconds: 1_800)
            #expect(await world.isRefused(try world.token(issuedAgo: 1_000)))
            // The login was done while it was valid: it still gets tokens, and straight at the API it still counts.
            let later = try await server.askToken(["repository:team/app:pull,push"], as: ("oidc", token))
            #expect(later.status == 200)
            for header in [bearer, server.bearer(try later.json()["token"] as? String ?? ""), header] {
                #expect(try await server.send("PATCH", location, [header], body: Array("12".utf8)).status == 202)
            }
            world.clock.advance(seconds: 1_800)
            #expect(try await server.get("/v2/", [header]).status == 401)
            #expect(try await server.askToken([], as: ("oidc", token)).status == 401)
            let digest = try sha256(Array("121212".utf8))
            let done = try await server.send("PUT", "\(location)?digest=\(digest)", [header])
            #expect(done.status == 201, "an upload outlives the session: \(done.text)")
            #expect(
                try await server.send("POST", "/v2/team/app/blobs/uploads/", [header]).status == 401, "and nothing else"
            )
            #expect(try await server.get("/v2/", [basic("oidc", try world.token())]).status == 200)
        }
    }

    @Test(
        "by POST with a password, as Helm and ORAS do, there is a token and no refresh token", arguments: [true, false])
    func form(isOffline: Bool) async throws {
        try await withJobServer { world async throws in
            let form =
                "grant_type=password&username=oidc&password=\(try world.token())&service=berth&client_id=helm"
                + "&scope=repository%3Ateam%2Fapp%3Apull" + (isOffline ? "&access_type=offline" : "")
            let reply = try await world.post(form)
            #expect(reply.status == 200)
            #expect(try reply.json()["refresh_token"] == nil)
            let query = isOffline ? "&offline_token=true" : ""
            let get = try await world.server.askToken([], as: ("oidc", try world.token()), query)
            #expect(try get.status == 200 && get.json()["refresh_token"] == nil)
        }
    }

    @Test("token exchange gives a session's secret: a bearer token, and the password of oidc")
    func exchange() async throws {
        try await withJobServer { world async throws in
            let exchange = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange"
            let kind = "&subject_token_type=urn:ietf:params:oauth:token-type:id_token"
            let reply = try await world.post("\(exchange)\(kind)&subject_token=\(try world.token())")
            #expect(reply.status == 200 && reply.header("Cache-Control") == "no-store")
            let json = try reply.json()
            #expect(json["issued_token_type"] as? String == "urn:ietf:params:oauth:token-type:access_token")
            #expect(json["token_type"] as? String == "Bearer" && json["expires_in"] as? Int == 3_600)
            let secret = try #require(json["access_token"] as? String)
            world.clock.advance(seconds: 3_000)
            for header in [basic("oidc", secret), world.server.bearer(secret)] {
                #expect(try await world.server.get("/v2/", [header]).status == 200)
                #expect(
                    try await world.server.send("POST", "/v2/team/app/blobs/uploads/", [header]).status == 202)
                #expect(
                    try await world.server.send("POST", "/v2/other/app/blobs/uploads/", [header]).status == 403)
            }
            let tokens = try await world.server.askToken(["repository:team/app:pull"], as: ("oidc", secret))
            #expect(try tokens.json()["expires_in"] as? Int == 600, "it ends with the session")
            for (form, status) in [
                ("\(exchange)&subject_token=\(try world.token())", 400),
                ("\(exchange)&subject_token_type=x&subject_token=\(try world.token())", 400),
                ("\(exchange)\(kind)", 401), ("\(exchange)\(kind)&subject_token=e30.e30.e30", 401),
                ("\(exchange)\(kind)&subject_token=\(secret)", 401),
                ("\(exchange)\(kind)&subject_token=\(try world.token(issuedAgo: 400))", 401),
                ("\(exchange)\(kind)&subject_token=\(try world.token())&requested_token_type=x", 400),
                ("\(exchange)\(kind)&subject_token=a&subject_token=b", 400),
            ] {
                let refused = try await world.post(form)
                #expect(refused.status == status, "\(refused.text)")
            }
        }
    }

    @Test("an upload is its job's: another job of the same rule does not see it")
    func otherJob() async throws {
        try await withJobServer { world async throws in
            let location = try #require(
                try await world.server.send(
                    "POST", "/v2/team/app/blobs/uploads/", [basic("oidc", try world.token())]
                ).header("Location"))
            let other = try world.token(subject: "repo:org/app:ref:refs/heads/other")
            #expect(try await world.server.get(location, [basic("oidc", other)]).status == 404)
            #expect(try await world.server.get(location, [basic("oidc", try world.token())]).status == 204)
        }
    }

    @Test("a session survives a restart, a disabled rule ends it at once")
    func restart() async throws {
        try await withTemporaryFolder { folder in
            try await withIssuer { issuer async throws in
                let clock = ManualClock()
                let key = try await IssuerKey("RS256")
                issuer.publish([key])
                var header = ("", "")
                try await withJobServer(folder, issuer, key, clock) { world async throws in
                    header = basic("oidc", try world.token())
                    #expect(try await world.server.get("/v2/", [header]).status == 200)
                }
                clock.advance(seconds: 1_000)
                issuer.behave(.status(500))
                try await withJobServer(folder, issuer, key, clock) { world async throws in
                    #expect(try await world.server.get("/v2/", [header]).status == 200)
                    var change = Access.TrustChange()
                    change.isDisabled = true
                    try await world.server.access.changeTrust(AccountName("ci"), change, by: .operator)
                    #expect(try await world.server.get("/v2/", [header]).status == 401)
                    change.isDisabled = false
                    try await world.server.access.changeTrust(AccountName("ci"), change, by: .operator)
                    #expect(try await world.server.get("/v2/", [header]).status == 401)
                }
            }
        }
    }

    @Test("keys that rotate are found, and the old ones serve as long as they are published")
    func rotation() async throws {
        try await withJobServer { world async throws in
            #expect(await !world.isRefused(try world.token()))
            let second = try await IssuerKey("ES384", id: "second")
            world.issuer.publish([world.key, second])
            world.clock.advance(seconds: 61)
            #expect(await !world.isRefused(try world.token(key: second)))
            #expect(await !world.isRefused(try world.token()))
        }
    }

    @Test(
        "an issuer that redirects, hangs, drips, sends too much, fails, or is another's, lets nobody in",
        arguments: 0..<behaviours.count)
    func badIssuer(index: Int) async throws {
        try await withJobServer(limit: .milliseconds(500)) { world async throws in
            world.issuer.behave(Self.behaviours[index])
            let reply = try await world.server.get("/v2/", [basic("oidc", try world.token())])
            #expect(reply.status == 503 && reply.header("Retry-After") != nil, "\(reply.text)")
            #expect(reply.errorCodes == ["UNAVAILABLE"])
            #expect(!world.issuer.asked.contains { $0.hasPrefix("/elsewhere") })
            #expect(try await world.server.get("/v2/", [basic("oidc", try world.token())]).status == 503)
        }
    }

    static let behaviours: [TestIssuer.Behaviour] = [
        .redirects, .hangs, .drips, .huge(saysLength: true), .huge(saysLength: false), .status(500), .text("<html>"),
        .foreign, .keysAt("http://127.0.0.1:1/keys"), .keysAt("https://127.0.0.1:1/keys"),
    ]

    @Test("an issuer at a private address is not asked, unless the rule allows it or gives its authority")
    func privateAddress() async throws {
        try await withLiveServer { server async throws in
            try await withIssuer { issuer async throws in
                let key = try await IssuerKey()
                let rule = NewTrustRule(
                    try AccountName("ci"), issuer: issuer.url, audience: "https://registry.test",
                    conditions: [try ClaimCondition("repository=org/app")])
                _ = try await server.access.addTrust(rule, by: .operator)
                let now = Int64(Date().timeIntervalSince1970)
                let token = try IdentityTokenDraft(key, issuer: issuer.url, at: now).text()
                #expect(try await server.get("/v2/", [basic("oidc", token)]).status == 503)
                #expect(issuer.asked.isEmpty)
                _ = try await server.access.addGroup(AccountName("any"), by: .operator)
                let entries = try await server.access.auditEntries(before: nil, limit: 10).map(\.entry)
                #expect(entries.contains { $0.detail.contains("127.0.0.1 is not an address of the public internet") })
            }
        }
    }

    @Test("an operator is told what an issuer publishes, or why nothing comes")
    func check() async throws {
        try await withJobServer { world async throws in
            let name = try AccountName("ci")
            let good = try await world.server.access.checkTrust(name)
            #expect(good.problem == nil && good.keys.map(\.id) == ["first"])
            #expect(good.keys.first?.algorithms == ["PS256", "RS256"])
            for (behaviour, problem) in [
                (TestIssuer.Behaviour.status(404), "the answer has status 404, and only 200 counts"),
                (.foreign, "its openid-configuration is that of another issuer"),
                (.text("<html>"), "its openid-configuration is none"),
                (.huge(saysLength: true), "the answer is larger than 262144 bytes"),
            ] {
                world.issuer.behave(behaviour)
                #expect(try await world.server.access.checkTrust(name).problem == problem)
            }
        }
    }

    @Test("while a login waits for the issuer, others are served")
    func waiting() async throws {
        try await withJobServer(limit: .seconds(2)) { world async throws in
            world.issuer.behave(.hangs)
            let token = try world.token()
            async let slow = world.server.get("/v2/", [basic("oidc", token)])
            try await eventually("the issuer is asked") { !world.issuer.asked.isEmpty }
            for _ in 0..<20 { #expect(try await world.server.get("/healthz").status == 200) }
            #expect(try await slow.status == 503)
        }
    }
}

/// A server that trusts the jobs of `org/app` at an issuer of the test.
private struct JobServer: Sendable {
    let server: LiveServer
    let issuer: TestIssuer
    let key: IssuerKey
    let clock: ManualClock

    func token(
        issuedAgo seconds: Int64 = 0, key: IssuerKey? = nil, subject: String? = nil
    ) throws -> String {
        var draft = IdentityTokenDraft(key ?? self.key, issuer: issuer.url, at: clock.milliseconds() / 1000 - seconds)
        if let subject { draft.claims["sub"] = subject }
        return try draft.text()
    }

    func isRefused(_ token: String) async -> Bool {
        (try? await server.get("/v2/", [basic("oidc", token)]).status) == 401
    }

    func post(_ form: String) async throws -> Reply {
        try await server.send(
            "POST", "/auth/token", [("Content-Type", "application/x-www-form-urlencoded")], body: Array(form.utf8))
    }
}

/// - Parameter limit: what a fetch may take; tests run many at once, so that it is more than a registry gives.
private func withJobServer(
    limit: Duration = .seconds(60), _ body: (JobServer) async throws -> Void
) async throws {
    try await withTemporaryFolder { folder in
        try await withIssuer { issuer async throws in
            let key = try await IssuerKey("RS256")
            issuer.publish([key])
            try await withJobServer(folder, issuer, key, ManualClock(), limit: limit, body)
        }
    }
}

private func withJobServer(
    _ folder: String, _ issuer: TestIssuer, _ key: IssuerKey, _ clock: ManualClock, limit: Duration = .seconds(60),
    _ body: (JobServer) async throws -> Void
) async throws {
    func configure(_ configuration: inout Configuration) throws {
        configuration.http.externalURL = try ExternalURL("https://registry.test")
    }
    let fetcher = Fetcher(limit: limit) { host, _ throws(FetchError) in [NetworkAddress(host)].compactMap { $0 } }
    try await withLiveServer(
        root: folder + "/data", clock: clock, fetch: { order throws(FetchError) in try await fetcher.fetch(order) },
        { try? configure(&$0) }
    ) { server async throws in
        var rule = NewTrustRule(
            try AccountName("ci"), issuer: issuer.url, audience: nil,
            conditions: [try ClaimCondition("repository=org/app"), try ClaimCondition("ref=refs/heads/main")])
        rule.authority = issuer.authority
        rule.grants = [(.writer, try RepositoryPattern("team/**"))]
        _ = try await server.access.addTrust(rule, by: .operator)
        try await body(JobServer(server: server, issuer: issuer, key: key, clock: clock))
    }
}
