import BerthModel
import BerthTestSupport
import Testing

@testable import BerthAccess

@Suite("Trust rules")
struct TrustRuleTests {
    @Test(
        "a pattern means the whole claim, and * stops at / and :",
        arguments: [
            ("org/app", "org/app", true), ("org/app", "org/app2", false), ("org/app", "xorg/app", false),
            ("org/*", "org/app", true), ("org/*", "org/", true), ("org/*", "org/a/b", false), ("org/*", "org", false),
            ("org/*", "evil/org/app", false), ("org/*-*", "org/a-b-c", true), ("org/*-x", "org/a-b-x", true),
            ("repo:org/app:*", "repo:org/app:pull_request", true),
            ("repo:org/app:*", "repo:org/app:ref:refs/heads/main", false),
            ("repo:org/*:ref:refs/heads/main", "repo:org/app:ref:refs/heads/main", true),
            ("repo:org/*:ref:refs/heads/main", "repo:org/app:x:ref:refs/heads/main", false),
            ("repo:org/*:ref:refs/heads/main", "repo:org/app/x:ref:refs/heads/main", false),
            ("*", "a", true), ("*", "", true), ("*", "a:b", false), ("*", "a/b", false), ("a*b*c", "aXbYc", true),
            ("a*b*c", "abc", true), ("a*b*c", "aXbYcZ", false), ("a*ab*b", "aabab", true), ("**", "ab", true),
            ("v*.*", "v1.2.3", true), ("v*.*", "v1", false), ("é*", "é", true), ("A", "a", false), ("a", "a\n", false),
            ("a.c", "abc", false), ("[a]", "a", false), ("*:*", "a:b", true), ("*:*", "a:b:c", false),
        ])
    func patterns(pattern: String, claim: String, isMatch: Bool) throws {
        #expect(try ClaimPattern(pattern).matches(claim) == isMatch)
    }

    @Test("a pattern made to be slow is not")
    func slow() throws {
        let pattern = try ClaimPattern("a*a*a*a*a*a*a*a*b")
        let text = String(repeating: "a", count: 10_000)
        for _ in 0..<50 { #expect(!pattern.matches(text)) }
    }

    @Test(
        "conditions as they are written",
        arguments: [
            ("repository=org/app", true), ("a=b=c", true), ("oidc.circleci.com/project-id=x", true), ("", false),
            ("a", false), ("=a", false), ("a=", false), ("a b=c", false), ("a=b\nc=d", false), ("a=\u{7F}", false),
            ("é=a", false), ("a=" + String(repeating: "*", count: 9), false),
            ("a=" + String(repeating: "x", count: 513), false), (String(repeating: "x", count: 129) + "=a", false),
        ])
    func conditions(text: String, isOne: Bool) throws {
        #expect(((try? ClaimCondition(text)) != nil) == isOne)
        if isOne { #expect(try ClaimCondition(text).description == text) }
    }

    @Test(
        "a rule has to tell whose jobs are meant: the issuer knows all the world",
        arguments: [
            (["repository=org/app"], true), (["repository=org/*"], true), (["repository=*/app"], false),
            (["repository=*/*"], false), (["repository=*"], false), (["repository_owner=org"], true),
            (["repository_owner=o*"], false), (["repository_id=123"], true), (["repository_id=*"], false),
            (["sub=repo:org/app:*"], true), (["sub=repo:*/app:ref:refs/heads/main"], false), (["sub=*"], false),
            (["sub=**:*"], false), (["sub=organization:*:project:*:workspace:*:run_phase:*"], false),
            (["sub=organization:acme:project:*:workspace:*:run_phase:*"], true), (["sub=repo:*"], false),
            (["sub=*:acme:x"], false), (["sub=::x"], false), (["sub=builder"], true), (["sub=build*"], false),
            (["sub=https://ci.example.org/job/*"], true), (["sub=https://*/job/app/"], false),
            (["sub=system:serviceaccount:ci:*"], true), (["project_path=group/app"], true),
            (["ref=refs/heads/main"], false), (["environment=production"], false),
            (["ref=refs/heads/main", "repository=org/app"], true), ([], false),
            (["repository=org/app", "repository=org/other"], false),
        ])
    func projects(conditions: [String], isTaken: Bool) async throws {
        try await withJobs { world async throws in
            let rule = try newRule("new", conditions)
            let added = try? await world.access.addTrust(rule, by: .operator)
            #expect((added == .added) == isTaken)
        }
    }

    @Test("adding a rule twice adds it once; another one under its name is a conflict; grants may come later")
    func twice() async throws {
        try await withJobs { world async throws in
            var rule = try newRule()
            #expect(try await world.access.addTrust(rule, by: .operator) == .thereAlready)
            rule.grants = [(.reader, try RepositoryPattern("base/**"))]
            #expect(try await world.access.addTrust(rule, by: .operator) == .added)
            #expect(try await world.access.addTrust(rule, by: .operator) == .thereAlready)
            let grants = try await world.access.tables().grants.filter { $0.subject.description == "trust:ci" }
            #expect(grants.map { "\($0.role.word) \($0.pattern)" } == ["writer team/**", "reader base/**"])
            await #expect(throws: AccessError.self) {
                try await world.access.addTrust(try newRule("ci", ["repository=org/other"]), by: .operator)
            }
            #expect(try await world.access.removeTrust(rule.name, by: .operator))
            #expect(try await !world.access.removeTrust(rule.name, by: .operator))
            #expect(try await world.access.tables().grants.isEmpty)
        }
    }

    @Test(
        "what no rule can be is refused", arguments: ["http", "query", "audience", "authority", "keys", "empty keys"])
    func refused(kind: String) async throws {
        try await withJobs { world async throws in
            let issuer = kind == "http" ? "http://a" : kind == "query" ? "https://a?b" : "https://a"
            var rule = NewTrustRule(
                try AccountName("new"), issuer: issuer, audience: kind == "audience" ? "a b" : nil,
                conditions: [try ClaimCondition("repository=org/app")])
            if kind == "authority" { rule.authority = "x" }
            if kind == "keys" { rule.keys = "x" }
            if kind == "empty keys" { rule.keys = #"{"keys":[]}"# }
            let error = await #expect(throws: AccessError.self) {
                try await world.access.addTrust(rule, by: .operator)
            }
            if case .invalid = error {} else { Issue.record("\(String(describing: error))") }
        }
    }

    @Test("the audit log tells what of a rule or token widens whom it lets in, and to what")
    func told() async throws {
        try await withJobs { world async throws in
            var rule = NewTrustRule(
                try AccountName("wide"), issuer: "https://a", audience: "b", conditions: [try ClaimCondition("sub=x")])
            (rule.allowsPrivate, rule.keys) = (true, try IssuerKey.set([world.key]))
            _ = try await world.access.addTrust(rule, by: .operator)
            _ = try await world.access.addUser(AccountName("ann"), hash: nil, isAdmin: false, by: .operator)
            for (scopes, seconds) in [([CredentialScope("pull:team/**")], 60), (nil, nil)]
                as [([CredentialScope?]?, Int64?)]
            {
                _ = try await world.access.addSecret(
                    for: .user(AccountName("ann")), label: "", scopes: scopes?.compactMap { $0 }, seconds: seconds,
                    by: .operator)
            }
            let details = try await world.access.auditEntries(before: nil, limit: 10).map(\.entry.detail)
            for detail in [
                "https://a audience b private addresses given keys sub=x", "user ann, pull:team/**, for 60 s",
                "user ann, all that he may do, for ever",
            ] { #expect(details.contains(detail), "\(details)") }
        }
    }

    @Test("without a URL of its own, the registry asks for an audience; the first rule closes it")
    func audience() async throws {
        try await withAccess { access, _ async throws in
            await #expect(throws: AccessError.self) { try await access.addTrust(try newRule(), by: .operator) }
            let rule = NewTrustRule(
                try AccountName("ci"), issuer: "https://a", audience: "berth",
                conditions: [try ClaimCondition("repository=org/app")])
            #expect(try await access.addTrust(rule, by: .operator) == .added)
            #expect(access.isClosed)
        }
    }
}
