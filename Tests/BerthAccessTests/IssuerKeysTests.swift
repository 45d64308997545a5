import BerthModel
import BerthTestSupport
import Testing

@testable import BerthAccess

/// When an issuer's keys are fetched, and how long they serve.
@Suite("Keys of issuers")
struct IssuerKeysTests {
    @Test("keys rotate: a new one is fetched when a token names it, at most once a minute")
    func rotation() async throws {
        try await withJobs { world async throws in
            #expect(await world.verdict(try world.token()) == JobWorld.job)
            #expect(world.issuer.asked.count == 2, "what it is, and its keys")
            let second = try await IssuerKey("RS256", id: "second")
            world.issuer.publish([world.key, second])
            #expect(await world.verdict(try world.draft(second).text()) == "refused", "not yet looked for again")
            #expect(world.issuer.asked.count == 2)
            world.clock.advance(seconds: 60)
            #expect(await world.verdict(try world.draft(second).text()) == JobWorld.job)
            #expect(await world.verdict(try world.token()) == JobWorld.job)
            #expect(world.issuer.asked.count == 4)
            // The first one is gone: known until the keys are looked for again.
            world.issuer.publish([second])
            #expect(await world.verdict(try world.token()) == JobWorld.job)
            world.clock.advance(seconds: 3_600)
            #expect(await world.verdict(try world.token()) == "refused")
            #expect(await world.verdict(try world.draft(second).text()) == JobWorld.job)
        }
    }

    @Test("whoever names keys that nobody has costs the issuer one fetch a minute")
    func unknownKeys() async throws {
        try await withJobs { world async throws in
            for _ in 0..<3 {
                for number in 0..<10 {
                    let token = try world.token { $0.header["kid"] = "none \(number)" }
                    #expect(await world.verdict(token) == "refused")
                }
                world.clock.advance(seconds: 60)
            }
            #expect(world.issuer.asked.count == 6)
            #expect(try await world.reason().hasPrefix("its issuer has no key none"))
        }
    }

    @Test("the last good keys serve for a day where the issuer is not there")
    func lastGood() async throws {
        try await withJobs { world async throws in
            #expect(await world.verdict(try world.token()) == JobWorld.job)
            world.issuer.isDown(true)
            world.clock.advance(seconds: 24 * 3_600 - 1)
            #expect(await world.verdict(try world.token()) == JobWorld.job)
            world.clock.advance(seconds: 1)
            #expect(await world.verdict(try world.token()) == "unavailable")
            #expect(try await world.reason() == "the issuer's keys cannot be had: it took too long")
            world.issuer.isDown(false)
            #expect(await world.verdict(try world.token()) == "unavailable", "asked a moment ago")
            world.clock.advance(seconds: 60)
            #expect(await world.verdict(try world.token()) == JobWorld.job)
        }
    }

    @Test("an issuer that publishes no key for a while does not make the last good ones forgotten")
    func emptySet() async throws {
        try await withJobs { world async throws in
            #expect(await world.verdict(try world.token()) == JobWorld.job)
            world.issuer.publish([])
            world.clock.advance(seconds: 3_601)
            #expect(await world.verdict(try world.token()) == JobWorld.job)
        }
    }

    @Test("an issuer that is away makes nobody look like an attacker")
    func away() async throws {
        try await withJobs { world async throws in
            world.issuer.isDown(true)
            for _ in 0..<100 { #expect(await world.verdict(try world.token()) == "unavailable") }
            world.issuer.isDown(false)
            world.clock.advance(seconds: 60)
            #expect(await world.verdict(try world.token()) == JobWorld.job)
        }
    }

    @Test("however many jobs come at once, keys are fetched once")
    func atOnce() async throws {
        try await withJobs { world async throws in
            let tokens = try (0..<50).map { _ in try world.token() }
            let verdicts = await withTaskGroup(of: String.self) { group in
                for token in tokens { group.addTask { await world.verdict(token) } }
                return await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(verdicts == [JobWorld.job])
            #expect(world.issuer.asked.count == 2)
        }
    }

    @Test("the same token many times at once is one session, and opens for all")
    func sameAtOnce() async throws {
        try await withJobs { world async throws in
            let token = try world.token()
            let verdicts = await withTaskGroup(of: String.self) { group in
                for _ in 0..<50 { group.addTask { await world.verdict(token) } }
                return await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(verdicts == [JobWorld.job])
        }
    }

    @Test(
        "documents that are none, or another's, give no key",
        arguments: [
            ("/.well-known/openid-configuration", ""), ("/.well-known/openid-configuration", "<html>"),
            ("/.well-known/openid-configuration", #"{"issuer":"https://issuer.example"}"#),
            (
                "/.well-known/openid-configuration",
                #"{"issuer":"https://evil.example","jwks_uri":"https://issuer.example/keys"}"#
            ),
            (
                "/.well-known/openid-configuration",
                #"{"issuer":"https://issuer.example","jwks_uri":"http://issuer.example/keys"}"#
            ),
            (
                "/.well-known/openid-configuration",
                #"{"issuer":"https://issuer.example","jwks_uri":"file:///etc/passwd"}"#
            ),
            ("/keys", ""), ("/keys", "[]"), ("/keys", #"{"keys":{}}"#), ("/keys", "{"),
        ])
    func badDocuments(path: String, text: String) async throws {
        try await withJobs { world async throws in
            world.issuer.answer(path, text)
            #expect(await world.verdict(try world.token()) == "unavailable")
        }
    }

    @Test(
        "keys of other kinds, and broken ones, are passed over",
        arguments: [
            #"{"kty":"oct","kid":"first","k":"c2VjcmV0"}"#,
            #"{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"first"}"#,
            #"{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"first"}"#, #"{"kty":"RSA","n":"","e":"","kid":"first"}"#,
            #"{"kty":"OKP","crv":"X25519","x":"AA","kid":"first"}"#, #"{"kid":"first"}"#, "1", "null", "[]",
        ])
    func badKeys(key: String) async throws {
        try await withJobs { world async throws in
            world.issuer.answer("/keys", #"{"keys":[\#(key)]}"#)
            #expect(await world.verdict(try world.token()) == "unavailable", "as good as none")
        }
    }

    @Test("a key for something else than signatures, or for another algorithm, is not used", arguments: ["use", "alg"])
    func otherUse(field: String) async throws {
        try await withJobs { world async throws in
            var document = world.key.document
            document[field] = field == "use" ? "enc" : "ES384"
            let members = document.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ",")
            world.issuer.answer("/keys", "{\"keys\":[{\(members)}]}")
            #expect(await world.verdict(try world.token()) == "unavailable", "as good as none")
        }
    }

    @Test("keys that are given are used, changed at once, and nothing is fetched")
    func given() async throws {
        try await withJobs { world async throws in
            let (first, second) = (try await IssuerKey("EdDSA", id: "a"), try await IssuerKey("PS256", id: "b"))
            var rule = NewTrustRule(
                try AccountName("cluster"), issuer: "kubernetes", audience: "berth",
                conditions: [try ClaimCondition("sub=system:serviceaccount:ci:*")])
            rule.keys = try IssuerKey.set([first])
            _ = try await world.access.addTrust(rule, by: .operator)
            func token(_ key: IssuerKey) throws -> String {
                var draft = IdentityTokenDraft(key, issuer: "kubernetes", at: world.seconds)
                draft.claims["sub"] = "system:serviceaccount:ci:builder"
                draft.claims["aud"] = ["berth"]
                return try draft.text()
            }
            #expect(await world.verdict(try token(first)) == "job:cluster:system:serviceaccount:ci:builder")
            #expect(await world.verdict(try token(second)) == "refused")
            var change = Access.TrustChange()
            change.keys = try IssuerKey.set([second])
            try await world.access.changeTrust(rule.name, change, by: .operator)
            #expect(await world.verdict(try token(second)).hasPrefix("job:cluster:"))
            #expect(await world.verdict(try token(first)) == "refused")
            #expect(world.issuer.asked.isEmpty)
        }
    }
}
