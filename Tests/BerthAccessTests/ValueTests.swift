import BerthModel
import Testing

@testable import BerthAccess

@Suite("Values of access")
struct ValueTests {
    @Test(
        "a pattern matches whole names",
        arguments: [
            ("team/app", "team/app", true), ("team/app", "team/app/x", false), ("team/app", "team/ap", false),
            ("team/**", "team/app", true), ("team/**", "team/a/b/c", true), ("team/**", "team", false),
            ("team/**", "teams/app", false), ("team/*", "team/app", true), ("team/*", "team/a/b", false),
            ("*/cache", "team/cache", true), ("*/cache", "a/b/cache", false), ("*/cache", "cache", false),
            ("**/cache", "a/b/cache", true), ("**", "a", true), ("**", "a/b", true), ("*", "a", true),
            ("*", "a/b", false), ("team-*/app", "team-x/app", true), ("team-*/app", "team/app", false),
            ("a*b*c", "axxbyyc", true), ("a*b*c", "axxbyy", false), ("a/**/z/*", "a/b/z/z/c", true),
            ("a/**/z/*", "a/z/c", false), ("**/a/**", "b/a/c", true), ("**/a/**", "a/a/a", true),
            ("**/a/**", "b/c/d", false),
        ])
    func pattern(pattern: String, name: String, isMatch: Bool) throws {
        #expect(try RepositoryPattern(pattern).matches(RepositoryName(name)) == isMatch)
    }

    @Test(
        "a pattern that could match no name is refused",
        arguments: [
            "", "/", "a/", "/a", "a//b", "Team/**", "a***", "a/b**", "a b", "-a", "a_", "*/" + "a*" + "/é",
            String(repeating: "*/", count: 40) + "a", "a*a*a*a*a*a*a*a*a*a",
        ])
    func badPattern(text: String) { #expect(throws: RepositoryPatternError.self) { try RepositoryPattern(text) } }

    @Test("a pattern made to be slow is not")
    func slowPattern() throws {
        let pattern = try RepositoryPattern("**/a*/**/a*/**/a*/**/b")
        let name = try RepositoryName(Array(repeating: "aaa", count: 60).joined(separator: "/"))
        for _ in 0..<1_000 { #expect(!pattern.matches(name)) }
    }

    @Test(
        "scopes as clients write them",
        arguments: [
            (["repository:a/b:pull"], "a/b=pull"), (["repository:a/b:pull,push"], "a/b=pull,push"),
            (["repository:a:push,pull"], "a=pull,push"), (["repository:a:*"], "a=pull,push,delete"),
            (["repository:a:pull repository:b:push"], "a=pull b=push"),
            (["repository:a:pull", "repository:a:push"], "a=pull,push"),
            (["repository:a:pull,fly"], "a=pull"), (["repository:a:"], "a="),
            (["repository(plugin):a:pull", "x:y:z", "repository", "repository:pull", ":", "::", ""], ""),
            (["repository:Bad:pull", "repository:../x:pull", "repository:a\"b:pull"], ""),
            (["registry:catalog:*"], "catalog"), (["registry:catalog:search"], "catalog"), (["registry:other:*"], ""),
        ])
    func scopes(parameters: [String], expected: String) {
        let scopes = RequestedScopes(parameters)
        let words =
            scopes.repositories.map { "\($0.name)=\($0.actions.text)" } + (scopes.asksForCatalog ? ["catalog"] : [])
        #expect(words.joined(separator: " ") == expected)
    }

    @Test("no more than a hundred scopes are read")
    func manyScopes() {
        let scopes = RequestedScopes((0..<500).map { "repository:r\($0):pull" })
        #expect(scopes.repositories.count == 100)
        #expect(RequestedScopes([(0..<500).map { "repository:r\($0):pull" }.joined(separator: " ")]) == scopes)
    }

    @Test(
        "the Authorization header",
        arguments: [
            ("Bearer abc", Authorization.bearer("abc")), ("bearer  abc", .bearer("abc")),
            ("Basic YTpi", .basic(name: "a", password: "b")), ("BASIC YTpi", .basic(name: "a", password: "b")),
            ("Basic YTo=", .basic(name: "a", password: "")), ("Basic YTo", .basic(name: "a", password: "")),
            ("Basic YTpiOmM=", .basic(name: "a", password: "b:c")), ("Basic YQ==", .unknown), ("Basic", .unknown),
            ("Basic ", .unknown), ("Basic !!!", .unknown), ("Digest x", .unknown), ("", .unknown),
            ("Bearer ", .bearer("")), ("Bearer", .bearer("")), ("Bearerx", .unknown), (" Bearer", .unknown),
            ("Basic /zo6", .unknown), ("Basic YTpi, Basic YTpi", .unknown),
        ])
    func authorization(header: String, expected: Authorization) { #expect(Authorization(header) == expected) }

    @Test(
        "names of accounts",
        arguments: [
            ("ann", true), ("Ann.B-c_d@example.org", true), ("0", true), ("", false), ("a b", false), ("a:b", false),
            ("a+b", false), (".a", false), ("-a", false), ("anonymous", false), ("Everyone", false), ("oidc", false),
            ("é", false), (String(repeating: "a", count: 65), false), ("a\n", false),
        ])
    func accountNames(text: String, isName: Bool) { #expect(((try? AccountName(text)) != nil) == isName) }

    @Test("nobody gets a name under which the registry's own doings are put down", arguments: ["operator", "Htpasswd"])
    func ownNames(text: String) async throws {
        try await withAccess { access, _ async throws in
            let name = try AccountName(text)
            await #expect(throws: AccessError.invalid("the name '\(text)' is taken")) {
                try await access.addUser(name, hash: nil, isAdmin: false, by: .operator)
            }
            #expect(throws: AccessError.self) { _ = try HtpasswdFile("\(text):$y$j9T$") }
        }
    }

    @Test("a robot reaches its namespace and nothing else")
    func robotNames() throws {
        let robot = try RobotName("team/apps+ci")
        #expect(robot.namespace.text == "team/apps")
        for (name, isReached) in [
            ("team/apps", true), ("team/apps/web", true), ("team/apps2", false), ("team", false), ("team/app", false),
        ] { #expect(robot.reaches(try RepositoryName(name)) == isReached) }
        for text in ["ci", "+ci", "team+", "Team+ci", "team+ci+x", "team+CI", "a b+c"] {
            #expect(throws: AccessError.self) { try RobotName(text) }
        }
    }

    @Test("a secret is recognised whole, and only whole")
    func secrets() throws {
        for kind in SecretText.Kind.allCases {
            let secret = try #require(SecretText(new: kind))
            #expect(secret.text.hasPrefix("berth_\(kind.rawValue)_"))
            let read = try #require(SecretText(secret.text))
            #expect(read.prefix == secret.prefix && read.hash == secret.hash && read.kind == kind)
            for bad in [
                String(secret.text.dropLast()), secret.text + "0", secret.text.uppercased(),
                secret.text.replacing("_\(kind.rawValue)_", with: "_xyz_"), "x" + secret.text,
            ] { #expect(SecretText(bad) == nil, "\(bad)") }
        }
        for bad in ["", "berth_", "berth____", "berth_pat_a_b_c", String(repeating: "berth_", count: 100)] {
            #expect(SecretText(bad) == nil)
        }
    }

    @Test("passwords: yescrypt for new ones, bcrypt understood, nothing too long")
    func passwords() throws {
        let hash = try #require(PasswordHash.make("correct horse"))
        #expect(hash.hasPrefix("$y$"))
        #expect(PasswordHash.check("correct horse", hash))
        #expect(!PasswordHash.check("correct horsf", hash) && !PasswordHash.check("", hash))
        #expect(!PasswordHash.check("correct horse\0x", hash))
        let bcrypt = "$2y$05$c4WoMPo3SXsafkva.HHa6utkEDXhmZdBCPvlkDfCPAzcXseCiv2NG"
        #expect(PasswordHash.check("secret seven", bcrypt) && !PasswordHash.check("secret eight", bcrypt))
        #expect(PasswordHash.isKnown(bcrypt) && !PasswordHash.isKnown("$apr1$x$y") && !PasswordHash.isKnown("{SHA}x"))
        #expect(!PasswordHash.check(String(repeating: "a", count: 73), bcrypt))
        #expect(PasswordHash.make(String(repeating: "a", count: 257)) == nil)
        #expect(PasswordHash.objection(to: "berth_pat_and more") != nil)
        #expect(PasswordHash.objection(to: "short") != nil && PasswordHash.objection(to: "long enough") == nil)
    }

    @Test("attempts empty a bucket, time fills it, and one account's do not lock another")
    func attempts() {
        let attempts = Attempts()
        for _ in 0..<10 { #expect(attempts.take("ann", from: "192.0.2.1", at: 0) == nil) }
        #expect(attempts.take("ann", from: "192.0.2.1", at: 0) == 12)
        #expect(attempts.take("ann", from: "192.0.2.2", at: 0) == nil)
        #expect(attempts.take("bob", from: "192.0.2.1", at: 0) == nil)
        #expect(attempts.take("ann", from: "192.0.2.1", at: 12_000) == nil)
        for _ in 0..<60 { _ = attempts.take("x\(Int.random(in: 0..<1_000_000))", from: "192.0.2.9", at: 0) }
        #expect(attempts.take("new", from: "192.0.2.9", at: 0) != nil)
    }

    @Test("what was right is given back")
    func givenBack() {
        let attempts = Attempts()
        for _ in 0..<100 {
            #expect(attempts.take("ann", from: "192.0.2.1", at: 0) == nil)
            attempts.giveBack("ann", from: "192.0.2.1", isRight: false, at: 0)
        }
    }

    @Test("however many others fail, who is guessing stays locked out")
    func flooded() {
        let attempts = Attempts()
        for _ in 0..<10 { _ = attempts.take("ann", from: "192.0.2.1", at: 0) }
        for number in 0..<70_000 {
            _ = attempts.take("x\(number)", from: "10.\(number >> 16).\(number >> 8 & 255).\(number & 255)", at: 1)
            if number % 1_000 == 0 { #expect(attempts.take("ann", from: "192.0.2.1", at: 1) == 12, "\(number)") }
        }
    }

    @Test("buckets are bounded: full ones go first, then those that are nearly full")
    func bounded() {
        var buckets = Buckets(capacity: 10, refill: 12)
        for number in 0..<Buckets.most { buckets.add(-1, "old \(number)", at: 0) }
        for _ in 0..<10 { buckets.add(-1, "guessed", at: 11_000) }
        #expect(buckets.count <= Buckets.most)
        for number in 0..<Buckets.most { buckets.add(-1, "new \(number)", at: 13_000) }
        #expect(buckets.count <= Buckets.most)
        #expect(buckets.wait("guessed", at: 13_000) > 0)
    }

    @Test(
        "addresses of one network are one",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:1:2::1", "20:1:d:b8:0:1:0:2/64"),
            ("2001:db8:1:2:ffff:1:2:3%eth0", "20:1:d:b8:0:1:0:2/64"), ("unix", "unix"), ("a:b", "a:b"), ("", ""),
        ])
    func networks(address: String, network: String) { #expect(Network.of(address) == network) }

    @Test("on a Unix socket accounts alone are counted")
    func unix() {
        let attempts = Attempts()
        for number in 0..<200 { #expect(attempts.take("ann", from: "unix", at: 0) == nil, "\(number)") }
        #expect(attempts.take("ann", from: "unix", at: 0) != nil)
        #expect(attempts.take("bob", from: "unix", at: 0) == nil)
        #expect(attempts.takeSecret(from: "unix", at: 0) == nil)
    }

    @Test("nobody locks an account out, by failing elsewhere or beside it, from where it was opened lately")
    func proven() {
        let attempts = Attempts()
        let (home, day) = ("192.0.2.1", Int64(24 * 3_600_000))
        #expect(attempts.take("ann", from: home, at: 0) == nil)
        attempts.giveBack("ann", from: home, isRight: true, at: 0)
        for number in 0..<220 { _ = attempts.take("ann", from: "198.51.100.\(number % 30)", at: 1) }
        for number in 0..<70 { _ = attempts.take("x\(number)", from: home, at: 1) }
        #expect(attempts.take("ann", from: "203.0.113.1", at: 1) != nil, "the account's bucket is empty")
        #expect(attempts.take("bob", from: home, at: 1) != nil, "and the address's")
        for _ in 0..<10 { #expect(attempts.take("ann", from: home, at: 1) == nil) }
        #expect(attempts.take("ann", from: home, at: 1) == 12, "guessing is as slow there as anywhere")
        for number in 0..<220 { _ = attempts.take("ann", from: "198.51.100.\(number % 30)", at: day) }
        #expect(attempts.take("ann", from: home, at: day) != nil, "that is long ago")
    }

    @Test("wrong secrets are counted by address, over a Unix socket all together, and keep nobody from logging in")
    func secretAttempts() {
        let attempts = Attempts()
        for address in ["192.0.2.1", "unix"] {
            for _ in 0..<60 { #expect(attempts.takeSecret(from: address, at: 0) == nil) }
            #expect(attempts.takeSecret(from: address, at: 0) == 2)
            #expect(attempts.take("ann", from: address, at: 0) == nil)
        }
        #expect(attempts.takeSecret(from: "192.0.2.2", at: 0) == nil)
    }

    @Test("what happened lately is bounded, and the oldest goes")
    func recentTimes() {
        var times = RecentTimes(lasting: 1_000_000)
        for number in 0...RecentTimes.most { times.note("\(number)", at: Int64(number)) }
        #expect(times.count <= RecentTimes.most)
        #expect(!times.holds("0", at: 20_000) && times.holds("\(RecentTimes.most)", at: 20_000))
        #expect(!times.holds("\(RecentTimes.most)", at: 1_020_000))
    }

    @Test(
        "bcrypt is taken in a range of costs",
        arguments: [
            ("$2y$03$", false), ("$2y$04$", true), ("$2b$14$", true), ("$2a$15$", false), ("$2y$31$", false),
            ("$2y$5$x", false), ("$2y$", false), ("$2x$05$", false), ("$y$j9T$", true),
        ])
    func bcryptCosts(start: String, isKnown: Bool) {
        #expect(PasswordHash.isKnown(start + "c4WoMPo3SXsafkva.HHa6utkEDXhmZdBCPvlkDfCPAzcXseCiv2NG") == isKnown)
    }

    @Test("a check takes the same work whatever there is under a name, also with bcrypt of several costs")
    func equalWork() async throws {
        let queue = PasswordQueue()
        let yescrypt = try #require(PasswordHash.make("correct horse"))
        let (five, seven) = (bcrypt(5), bcrypt(7))
        for (dearest, hashes, work) in [
            (nil, [nil, yescrypt, "$2y$31$c4WoMPo3SXsafkva"], 1_000_000),
            (7, [nil, yescrypt, five, seven, "$2y$31$c4WoMPo3SXsafkva"], 1_000_128),
        ] as [(Int?, [String?], Int)] {
            for hash in hashes {
                let before = queue.stretched
                #expect(try await queue.check("wrong password", hash, dearest: dearest) == false)
                #expect(queue.stretched - before == work, "\(hash ?? "none")")
            }
        }
        let right = "$2y$05$c4WoMPo3SXsafkva.HHa6utkEDXhmZdBCPvlkDfCPAzcXseCiv2NG"
        #expect(try await queue.check("secret seven", right, dearest: 7))
        #expect(try await queue.check("correct horse", yescrypt, dearest: 7))
    }

    @Test("a decoy is stretched as a real one is", arguments: [4, 5, 10])
    func decoys(cost: Int) {
        #expect(PasswordHash.isKnown(PasswordHash.bcryptDecoy(cost: cost)))
        #expect(PasswordHash.stretches("a password", PasswordHash.bcryptDecoy(cost: cost)))
    }

    private func bcrypt(_ cost: Int) -> String { "$2y$0\(cost)$c4WoMPo3SXsafkva.HHa6utkEDXhmZdBCPvlkDfCPAzcXseCiv2NG" }

    @Test(
        "moments as text",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_767_225_599_999, "2025-12-31T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] as [(Int64, String)])
    func timestamps(milliseconds: Int64, text: String) { #expect(Timestamp.text(milliseconds: milliseconds) == text) }
}
