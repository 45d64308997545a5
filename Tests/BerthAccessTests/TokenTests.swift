import BerthCatalog
import BerthDigest
import BerthModel
import BerthRegistry
import BerthTestSupport
import Logging
import Testing

@testable import BerthAccess

/// Tokens that somebody made up, and what becomes of them.
@Suite("Tokens under attack")
struct TokenTests {
    @Test("a genuine token is good until its time is over, clocks differing by a minute")
    func times() async throws {
        try await withAccess { access, clock async throws in
            let token = try await access.annsToken()
            for (seconds, expected) in [(0, "good"), (959, "good"), (960, "expired")] as [(Int64, String)] {
                clock.advance(seconds: seconds - (clock.milliseconds() / 1000 - start))
                #expect(await access.verdict(token) == expected, "after \(seconds) s")
            }
            clock.advance(seconds: start - 61 - clock.milliseconds() / 1000)
            #expect(await access.verdict(token) == "refused", "before its time")
            clock.advance(seconds: 1)
            #expect(await access.verdict(token) == "good")
        }
    }

    @Test(
        "forged tokens are refused",
        arguments: [
            #"{"alg":"none","kid":"KID"}"#, #"{"alg":"None","kid":"KID"}"#, #"{"alg":"HS256","kid":"KID"}"#,
            #"{"alg":"ES256"}"#, #"{"alg":"ES256","kid":"unknown"}"#, #"{"alg":"ES256","kid":"../../etc/passwd"}"#,
            #"{"alg":"ES256","kid":"' OR 1=1 --"}"#, #"{"alg":"ES256","kid":"KID","alg":"none"}"#,
            #"{"alg":"ES256","kid":["KID"]}"#, #"{"alg":"ES256","kid":"KID","crit":["x"]}"#, "{}", "[]", "x", "",
        ])
    func forgedHeader(header: String) async throws {
        try await withAccess { access, _ async throws in
            let genuine = try await access.annsToken().split(separator: ".").map(String.init)
            let id = try #require(access.keys().first?.id)
            let forged = Base64URL.encode(Array(header.replacing("KID", with: id).utf8))
            let signed = "\(forged).\(genuine[1])"
            // With no signature, the genuine one, and a MAC under the public key, as if that were a shared secret.
            let point = access.keyDocument()
            let code = SealKey(Array((point + [UInt8](repeating: 0, count: 32)).prefix(32))).seal(Array(signed.utf8))
            for signature in [
                "", genuine[2], Base64URL.encode(code), Base64URL.encode([UInt8](repeating: 0, count: 64)),
            ] {
                #expect(await access.verdict("\(signed).\(signature)") == "refused")
            }
        }
    }

    @Test("a token that brings its own key is refused", arguments: ["jwk", "jku", "x5u", "x5c"])
    func ownKey(field: String) async throws {
        try await withAccess { access, _ async throws in
            try await withAccess { foreign, _ async throws in
                let claims = try await foreign.annsToken().split(separator: ".").map(String.init)
                let id = try #require(access.keys().first?.id)
                let header = #"{"alg":"ES256","kid":"\#(id)","\#(field)":"https://evil.example/keys"}"#
                let forged = "\(Base64URL.encode(Array(header.utf8))).\(claims[1]).\(claims[2])"
                #expect(await access.verdict(forged) == "refused")
            }
        }
    }

    @Test("claims that are not for this registry are refused, though its key has signed them")
    func foreignClaims() async throws {
        try await withAccess { access, _ async throws in
            let good = BearerToken.Names(issuer: access.settings.issuer, audience: access.settings.service)
            func signed(
                _ names: BearerToken.Names, account: Int64 = 1, version: Int64 = 1, from: Int64 = start,
                to: Int64 = start + 60
            ) -> String {
                let owner = Account(principal: .user("ann"), id: account, version: version, secret: nil)
                let token = BearerToken(for: owner, notBefore: from, expires: to)
                return access.snapshot.keys.sign(token.claims(names, id: "1", access: []), at: access.now) ?? ""
            }
            #expect(await access.verdict(signed(good)) == "good")
            #expect(await access.verdict(signed(.init(issuer: "other", audience: good.audience))) == "refused")
            #expect(await access.verdict(signed(.init(issuer: good.issuer, audience: "other"))) == "refused")
            #expect(await access.verdict(signed(good, account: 2)) == "refused", "another account of that name")
            #expect(await access.verdict(signed(good, version: 2)) == "refused", "the account has changed")
            #expect(await access.verdict(signed(good, from: start + 120)) == "refused", "not yet valid")
            #expect(await access.verdict(signed(good, from: start - 900, to: start - 61)) == "expired")
            for claims in [
                "{}", #"{"iss":"\#(good.issuer)"}"#, "[]",
                #"{"iss":"\#(good.issuer)","aud":["berth"],"sub":"user:ann","nbf":0,"exp":9e99,"berth.account":1,"berth.version":1,"access":[]}"#,
            ] {
                let token = access.snapshot.keys.sign(Array(claims.utf8), at: access.now) ?? ""
                #expect(await access.verdict(token) == "refused", "\(claims)")
            }
        }
    }

    @Test("one bit changed anywhere, or anything added, and the token is nobody's")
    func tampered() async throws {
        try await withAccess { access, _ async throws in
            let token = try await access.annsToken()
            for position in stride(from: 0, to: token.utf8.count, by: 7) {
                var bytes = Array(token.utf8)
                bytes[position] = bytes[position] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
                #expect(await access.verdict(String(decoding: bytes, as: UTF8.self)) == "refused")
            }
            for bad in [
                "", ".", "..", "...", token + ".x", token + "=", " " + token, String(repeating: "a", count: 100_000),
                String(repeating: "a.", count: 4_000), token.replacing(".", with: ".."),
            ] { #expect(await access.verdict(bad) == "refused") }
        }
    }

    @Test("random texts are refused, and none stops anything")
    func fuzz() async throws {
        try await withAccess { access, _ async throws in
            let token = Array(try await access.annsToken().utf8)
            var random = SystemRandomNumberGenerator()
            for _ in 0..<3_000 {
                var bytes = token
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                        in: 0x20..<0x7F, using: &random)
                }
                if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random)) }
                let text = String(decoding: bytes, as: UTF8.self)
                if text.utf8.elementsEqual(token) { continue }
                #expect(await access.verdict(text) == "refused")
                _ = Authorization(text)
                _ = RequestedScopes([text])
            }
        }
    }

    @Test("what ends an account or its credentials ends their tokens at once")
    func revocation() async throws {
        try await withAccess { access, _ async throws in
            let name = try AccountName("ann")
            let token = try await access.annsToken()
            var change = Access.UserChange()
            change.isDisabled = true
            try await access.changeUser(name, change, by: .operator)
            #expect(await access.verdict(token) == "refused")
            change.isDisabled = false
            try await access.changeUser(name, change, by: .operator)
            #expect(await access.verdict(token) == "refused", "enabling does not bring it back")
            try await access.expectEnd(of: access.annsToken()) { () async throws in
                var change = Access.UserChange()
                change.password = "another password"
                try await access.changeUser(name, change, by: .operator)
            }
            let again = try await access.annsToken()
            let id = try #require(access.keys().first?.id)
            #expect(try await access.removeKey(id, by: .operator))
            #expect(await access.verdict(again) == "refused", "its key is gone")
            let next = try await access.annsToken()
            #expect(await access.verdict(next) == "good", "a new key took over")
            _ = try await access.removeUser(name, by: .operator)
            _ = try await access.addUser(name, password: testPassword, isAdmin: false, by: .operator)
            #expect(await access.verdict(next) == "refused", "a later account of the same name is another one")
        }
    }

    @Test("a token that was found genuine while its key was removed is not good after that")
    func removedKey() async throws {
        try await withAccess { access, _ async throws in
            let token = try await access.annsToken()
            #expect(await access.verdict(token) == "good")
            let hash = try #require(Hash256(of: token))
            let remembered = try #require(access.tokens[hash])
            #expect(try await access.removeKey(try #require(access.keys().first?.id), by: .operator))
            access.remember(remembered, hash)
            #expect(await access.verdict(token) == "refused")
        }
    }

    @Test("times that are no times are refused", arguments: [Int64.max, .max - 59, 1 << 41, -1, .min])
    func absurdTimes(time: Int64) async throws {
        try await withAccess { access, _ async throws in
            let owner = Account(principal: .user("ann"), id: 1, version: 1, secret: nil)
            let names = BearerToken.Names(issuer: access.settings.issuer, audience: access.settings.service)
            for token in [
                BearerToken(for: owner, notBefore: start, expires: time),
                BearerToken(for: owner, notBefore: time, expires: start + 60),
            ] {
                let text = access.snapshot.keys.sign(token.claims(names, id: "1", access: []), at: access.now) ?? ""
                #expect(await access.verdict(text) == "refused")
            }
        }
    }

    @Test("remembered tokens take a bounded memory, and those of nobody do not push out those of accounts")
    func memory() async throws {
        try await withAccess { access, _ async throws in
            let token = try await access.annsToken()
            #expect(await access.verdict(token) == "good")
            let hash = try #require(Hash256(of: token))
            let claims = try #require(try JSONValue.object(parsing: Self.wide))
            let names = BearerToken.Names(issuer: access.settings.issuer, audience: access.settings.service)
            let wide = try #require(BearerToken(claims, key: "1", names))
            #expect(wide.weight > 20_000)
            for number in 0..<20_000 { access.remember(wide, try #require(Hash256(of: "\(number)"))) }
            #expect(access.anonymousTokens.weight <= 2 << 20)
            #expect(access.tokens[hash] != nil)
        }
    }

    /// Claims of an anonymous token for as much as one can say.
    private static var wide: String {
        let entries = (0..<100).map {
            #"{"type":"repository","name":"\#(String(repeating: "a", count: 200))/\#($0)","actions":["pull"]}"#
        }
        return #"{"iss":"berth","aud":"berth","sub":"anonymous","nbf":0,"exp":1,"berth.account":0,"berth.version":0,"#
            + #""access":[\#(entries.joined(separator: ","))]}"#
    }

    @Test("a new key is published before it signs, and an old one verifies as long as uploads last")
    func rotation() async throws {
        try await withAccess { access, clock async throws in
            let old = try #require(access.keys().first?.id)
            let before = try await access.annsToken()
            #expect(try await access.rotateKey(by: .operator) == .added)
            #expect(try await access.rotateKey(by: .operator) == .thereAlready)
            let new = try #require(access.keys().last?.id)
            let published = String(decoding: access.keyDocument(), as: UTF8.self)
            #expect(published.contains(old) && published.contains(new))
            #expect(try await access.keyID(of: access.annsToken()) == old)
            clock.advance(seconds: 901)
            let after = try await access.annsToken()
            #expect(access.keyID(of: after) == new)
            #expect(await access.verdict(after) == "good")
            #expect(await access.verdict(before) == "good")
            clock.advance(seconds: 24 * 3600)
            #expect(await access.verdict(before) == "expired")
            clock.advance(seconds: 3600)
            access.tokens.removeAll()
            #expect(await access.verdict(before) == "refused")
            #expect(!String(decoding: access.keyDocument(), as: UTF8.self).contains(old))
            await access.keepHouse()
        }
    }

    @Test("sixty connections that show the same password at once are one login: one check, and none is refused")
    func oneLogin() async throws {
        try await withAccess { access, _ async throws in
            let before = access.passwords.stretched
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<60 {
                    group.addTask { _ = try await access.authenticate("ann", testPassword, from: "192.0.2.1") }
                }
                try await group.waitForAll()
            }
            #expect(access.passwords.stretched == before + PasswordQueue.work("$y$"))
            let refusals = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        (try? await access.authenticate("ann", "wrong wrong", from: "192.0.2.1")) == nil
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(refusals == 20, "each wrong one is a try of its own")
        }
    }

    @Test("names that exist and names that do not cost the same, and are answered the same")
    func enumeration() async throws {
        try await withAccess { access, _ async throws in
            _ = try await access.addUser(AccountName("nopassword"), password: nil, isAdmin: false, by: .operator)
            var work = PasswordQueue.work("$y$")
            for name in [
                "ann", "nobody", "nopassword", "an\u{6E}\u{301}", "\u{212A}", "five", "ann", "nobody", "six", "five",
            ] {
                // From the first one on, all names cost what the dearest costs.
                if let cost = ["five": 5, "six": 6][name] {
                    let hash = "$2y$0\(cost)$c4WoMPo3SXsafkva.HHa6utkEDXhmZdBCPvlkDfCPAzcXseCiv2NG"
                    _ = try await access.addUser(AccountName(name), hash: hash, isAdmin: false, by: .operator)
                    work = PasswordQueue.work("$y$") + max(PasswordQueue.work(hash), work - PasswordQueue.work("$y$"))
                }
                let before = access.passwords.stretched
                await #expect(throws: IdentityRefusal.credentials) {
                    try await access.authenticate(name, "wrong wrong", from: "192.0.2.1")
                }
                #expect(access.passwords.stretched == before + work, "\(name)")
            }
        }
    }

    @Test("guessing is slowed down, and what is known to be right is never slowed down")
    func bruteForce() async throws {
        try await withAccess { access, clock async throws in
            _ = try await access.authenticate("ann", testPassword, from: "192.0.2.1")
            for _ in 0..<10 {
                await #expect(throws: IdentityRefusal.credentials) {
                    try await access.authenticate("ann", "wrong wrong", from: "192.0.2.1")
                }
            }
            let before = access.passwords.stretched
            await #expect(throws: IdentityRefusal.tooMany(seconds: 12)) {
                try await access.authenticate("ann", "wrong wrong", from: "192.0.2.1")
            }
            #expect(access.passwords.stretched == before, "not even looked at")
            _ = try await access.authenticate("ann", testPassword, from: "192.0.2.1")
            clock.advance(seconds: 61)
            _ = try await access.authenticate("ann", testPassword, from: "192.0.2.1")
        }
    }

    @Test("a name that Unicode takes for the same is another one")
    func foldedNames() async throws {
        try await withAccess { access, _ async throws in
            _ = try await access.addUser(AccountName("Kay"), password: testPassword, isAdmin: false, by: .operator)
            _ = try await access.authenticate("Kay", testPassword, from: "")
            let before = access.passwords.stretched
            await #expect(throws: IdentityRefusal.credentials) {
                try await access.authenticate("\u{212A}ay", testPassword, from: "")
            }
            #expect(access.passwords.stretched == before + PasswordQueue.work("$y$"))
        }
    }

    @Test("many attempts at once are no more than many in turn")
    func atOnce() async throws {
        try await withAccess { access, _ async throws in
            let before = access.passwords.stretched
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<40 {
                    group.addTask { _ = try? await access.authenticate("ann", "wrong wrong", from: "192.0.2.1") }
                }
            }
            #expect(access.passwords.stretched - before <= 10 * PasswordQueue.work("$y$"))
        }
    }

    @Test("texts that look like secrets and are nobody's lock no account, and are not written down")
    func wrongSecrets() async throws {
        try await withAccess { access, _ async throws in
            for number in 0..<300 {
                await #expect(throws: IdentityRefusal.self) {
                    try await access.authenticate("ann", "berth_pat_x", from: "192.0.2.\(number % 250)")
                }
                await #expect(throws: IdentityRefusal.self) {
                    try await access.account(refreshToken: "x", from: "192.0.2.\(number % 250)")
                }
            }
            _ = try await access.authenticate("ann", testPassword, from: "198.51.100.1")
            await #expect(throws: IdentityRefusal.credentials) {
                try await access.authenticate("berth_pat_secret", "berth_pat_secret", from: "198.51.100.2")
            }
            _ = try await access.addGroup(AccountName("team"), by: .operator)
            let entries = try await access.auditEntries(before: nil, limit: 1_000).map(\.entry)
            #expect(entries.contains { $0.target == "berth_***" })
            #expect(!entries.contains { $0.target.contains("secret") })
        }
    }

    @Test("a token never grows beyond 6 KiB")
    func size() async throws {
        try await withAccess { access, _ async throws in
            _ = try await access.addGrant(
                to: .user(AccountName("ann")), .writer, on: .everything, by: .operator)
            let long = String(repeating: "a", count: 200)
            let scopes = RequestedScopes((0..<100).map { "repository:\(long)/\($0):pull,push" })
            let account = try await access.authenticate("ann", testPassword, from: "")
            let token = try access.issue(account, scopes)
            #expect(token.text.utf8.count < 6 << 10)
            #expect(await access.verdict(token.text) == "good")
        }
    }
}

extension JSONValue {
    static func object(parsing text: String) throws -> JSONObject? {
        guard case .object(let object) = try JSONValue(parsing: Array(text.utf8)) else { return nil }
        return object
    }
}

extension Access {
    fileprivate func expectEnd(of token: String, by change: () async throws -> Void) async throws {
        #expect(await verdict(token) == "good")
        try await change()
        #expect(await verdict(token) == "refused")
    }
}
