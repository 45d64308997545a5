import BerthDigest
import BerthModel
import BerthTestSupport
import Foundation
import JWTKit
import Testing

@testable import BerthAccess

/// Identity tokens that somebody made up, and what becomes of them.
@Suite("Identity tokens under attack")
struct IDTokenTests {
    @Test("a genuine one is taken, by each algorithm", arguments: ["RS256", "PS256", "ES256", "ES384", "EdDSA"])
    func algorithms(algorithm: String) async throws {
        try await withJobs(algorithm: algorithm) { world async throws in
            #expect(await world.verdict(try world.token()) == JobWorld.job)
        }
    }

    @Test(
        "a forged header opens nothing",
        arguments: [
            #"{"alg":"none","kid":"KID"}"#, #"{"alg":"None","kid":"KID"}"#, #"{"alg":"","kid":"KID"}"#,
            #"{"alg":"HS256","kid":"KID"}"#, #"{"alg":"RS256","kid":"KID"}"#, #"{"alg":"ES384","kid":"KID"}"#,
            #"{"alg":"EdDSA","kid":"KID"}"#, #"{"alg":"ES512","kid":"KID"}"#, #"{"alg":"ES256"}"#,
            #"{"alg":"ES256","kid":""}"#, #"{"alg":"ES256","kid":"unknown"}"#,
            #"{"alg":"ES256","kid":"../../etc/passwd"}"#, #"{"alg":"ES256","kid":"' OR 1=1 --"}"#,
            #"{"alg":"ES256","kid":["KID"]}"#, #"{"alg":"none","kid":"KID","alg":"ES256"}"#,
            #"{"alg":"ES256","kid":"KID","crit":["x"]}"#, "{}", "[]", "x", "",
        ])
    func forgedHeader(header: String) async throws {
        try await withJobs { world async throws in
            let genuine = try world.token().split(separator: ".").map(String.init)
            let forged = Base64URL.encode(Array(header.replacing("KID", with: world.key.id).utf8))
            let signed = "\(forged).\(genuine[1])"
            // With no signature, the genuine one, its own key's, and a MAC under the public key.
            let document = try JSONSerialization.data(withJSONObject: world.key.document, options: .sortedKeys)
            let secret = Array((Array(document) + [UInt8](repeating: 0, count: 32)).prefix(32))
            let own = try IdentityTokenDraft.sign(
                Array(header.replacing("KID", with: world.key.id).utf8), Base64URL.decode(genuine[1]) ?? [],
                try await IssuerKey("ES256", id: world.key.id))
            for token in [
                "\(signed).", "\(signed).\(genuine[2])", own,
                "\(signed).\(Base64URL.encode(SealKey(secret).seal(Array(signed.utf8))))",
                "\(signed).\(Base64URL.encode([UInt8](repeating: 0, count: 64)))",
            ] { #expect(await world.verdict(token) == "refused") }
        }
    }

    @Test(
        "keys, and addresses of keys, that a token brings along mean nothing", arguments: ["jwk", "jku", "x5u", "x5c"])
    func ownKey(field: String) async throws {
        try await withJobs { world async throws in
            let own = try await IssuerKey("ES256", id: world.key.id)
            var draft = world.draft(own)
            draft.header[field] = field == "jwk" ? own.document as Any : "https://evil.example/keys"
            #expect(await world.verdict(try draft.text()) == "refused")
            #expect(try await world.reason() == "its signature is wrong")
            var genuine = world.draft()
            genuine.header[field] = "https://evil.example/keys"
            #expect(await world.verdict(try genuine.text()) == JobWorld.job)
            #expect(world.issuer.asked.allSatisfy { $0.hasPrefix(FakeIssuer.url) })
        }
    }

    @Test(
        "an issuer that is not trusted, byte for byte, opens nothing, and nothing is fetched for it",
        arguments: [
            "https://evil.example", "https://issuer.example/", "https://issuer.example.evil.example",
            "https://ISSUER.example", "http://issuer.example", "issuer.example", "",
            "https://\u{131}ssuer.example",
        ])
    func foreignIssuer(issuer: String) async throws {
        try await withJobs { world async throws in
            #expect(await world.verdict(try world.token { $0.claims["iss"] = issuer }) == "refused")
            #expect(world.issuer.asked.isEmpty)
            #expect(try await world.reason().hasPrefix("no rule trusts the issuer"))
        }
    }

    @Test("claims that are wrong, missing or of another type open nothing", arguments: 0..<wrongClaims.count)
    func claims(index: Int) async throws {
        try await withJobs { world async throws in
            let (claim, value, reason) = Self.wrongClaims[index]
            let token = try world.token { draft in
                switch value {
                case .none: draft.claims[claim] = nil
                case .after(let seconds): draft.claims[claim] = world.seconds + seconds
                case .is(let value): draft.claims[claim] = value
                }
            }
            #expect(await world.verdict(token) == "refused")
            #expect(try await world.reason() == reason, "\(claim) \(value)")
            #expect(world.issuer.asked.isEmpty, "none of this is worth a fetch")
        }
    }

    enum Value: @unchecked Sendable {
        // Strings, numbers and containers of them: never changed.
        case none, after(Int64), `is`(Any)
    }
    private static let none = "it is no identity token"
    private static let audience = "it is not meant for https://registry.test"
    static let wrongClaims: [(claim: String, value: Value, reason: String)] = [
        ("iss", .none, none), ("iss", .is([FakeIssuer.url]), none), ("sub", .none, none), ("sub", .is(1), none),
        ("sub", .is(""), none), ("sub", .is(String(repeating: "a", count: 513)), none), ("exp", .none, none),
        ("exp", .is("9999999999"), none), ("exp", .is(1e300), none), ("exp", .is(-1), none), ("exp", .is(1.5), none),
        ("exp", .is(Int64.max), none), ("nbf", .is("0"), none), ("aud", .none, none), ("aud", .is(1), none),
        ("aud", .is("https://other.test"), audience), ("aud", .is("https://registry.test/"), audience),
        ("aud", .is([String]()), audience), ("aud", .is([["https://registry.test"]]), audience),
        ("aud", .is("https://registry.test https://other.test"), audience),
        ("exp", .after(-60), "it has expired before it was first presented"),
        ("nbf", .after(61), "it is not valid yet"),
        ("repository", .none, "the rule ci has a condition on repository that does not hold"),
        ("repository", .is("org/other"), "the rule ci has a condition on repository that does not hold"),
        ("repository", .is("evil/app"), "the rule ci has a condition on repository that does not hold"),
        ("repository", .is(["org/app"]), "the rule ci has a condition on repository that does not hold"),
        ("ref", .is("refs/heads/a/b"), "the rule ci has a condition on ref that does not hold"),
        ("ref", .is("refs/pull/1/merge"), "the rule ci has a condition on ref that does not hold"),
    ]

    @Test("a clock that differs by a minute does not matter; an audience among several counts")
    func tolerance() async throws {
        try await withJobs { world async throws in
            let seconds = world.seconds
            for (from, to) in [(seconds, seconds - 59), (seconds + 60, seconds + 300)] {
                let token = try world.token { draft in
                    draft.claims["nbf"] = from
                    draft.claims["exp"] = to
                    draft.claims["aud"] = ["https://other.test", "https://registry.test"]
                }
                #expect(await world.verdict(token) == JobWorld.job)
            }
        }
    }

    @Test("a token that was tampered with, or cut, or is something else, opens nothing")
    func tampered() async throws {
        try await withJobs { world async throws in
            let token = try world.token()
            let parts = token.split(separator: ".").map(String.init)
            let claims = Base64URL.decode(parts[1]) ?? []
            let other = String(decoding: claims, as: UTF8.self).replacing("heads\\/main", with: "heads\\/evil")
            #expect(other != String(decoding: claims, as: UTF8.self))
            for text in [
                "\(parts[0]).\(Base64URL.encode(Array(other.utf8))).\(parts[2])", String(token.dropLast()),
                String(token.dropFirst()), token + ".", token + ".x", token + "=", "\(parts[0]).\(parts[1])",
                parts[2], "..", ".", "", " " + token, token + "\n",
                token.replacing(".", with: ".."), String(repeating: "a.", count: 5_000), "e30.e30.e30",
            ] { #expect(await world.verdict(text) == "refused", "\(text.prefix(40))") }
            #expect(await world.verdict(token) == JobWorld.job)
        }
    }

    @Test("a huge token is not looked into", arguments: [11 << 10, 1 << 20])
    func huge(bytes: Int) async throws {
        try await withJobs { world async throws in
            let token = try world.token { $0.claims["more"] = String(repeating: "x", count: bytes) }
            #expect(await world.verdict(token) == "refused")
            #expect(world.issuer.asked.isEmpty)
        }
    }

    @Test("who presents too many wrong ones is told to wait, and what is known is not slowed down")
    func flood() async throws {
        try await withJobs { world async throws in
            let good = try world.token()
            #expect(await world.verdict(good) == JobWorld.job)
            var told: Set<String> = []
            for _ in 0..<80 { told.insert(String(await world.verdict("e30.e30.e30").prefix(7))) }
            #expect(told == ["refused", "tooMany"])
            #expect(await world.verdict(good) == JobWorld.job)
        }
    }

    @Test("whatever bytes a token is made of, nothing but the genuine one opens anything")
    func mutations() async throws {
        try await withJobs { world async throws in
            let genuine = Array(try world.token().utf8)
            var numbers = SeededNumbers(seed: 20)
            for _ in 0..<3_000 {
                var bytes = genuine
                for _ in 0...numbers.below(4) {
                    let position = numbers.below(bytes.count)
                    switch numbers.below(4) {
                    case 0: bytes[position] = UInt8(numbers.below(256))
                    case 1: bytes.remove(at: position)
                    case 2: bytes.insert(UInt8(ascii: "."), at: position)
                    default: bytes = Array(bytes[..<position])
                    }
                    if bytes.isEmpty { break }
                }
                guard bytes != genuine else { continue }
                let text = String(decoding: bytes, as: UTF8.self)
                guard let token = IDToken(text) else { continue }
                let key = try await world.access.issuers[newSource()].key(world.key.id, "ES256")
                #expect((try? key.verify(token.signature, signs: token.signed)) != true, "\(text)")
            }
        }
    }

    private func newSource() -> KeySource {
        KeySource(issuer: FakeIssuer.url, authority: nil, keys: nil, allowsPrivate: false)
    }
}
