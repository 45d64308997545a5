import BerthCatalog
import BerthDigest
import BerthModel
import BerthTestSupport
import Testing

@testable import BerthAccess

/// From an identity token to a session, and what ends it.
@Suite("Jobs and their sessions")
struct JobTests {
    @Test("a token first presented while it is valid goes on being accepted; one first presented later is refused")
    func session() async throws {
        try await withJobs { world async throws in
            let (first, second) = (try world.token(), try world.token())
            #expect(await world.verdict(first) == JobWorld.job)
            world.clock.advance(seconds: 3_599)
            #expect(await world.verdict(first) == JobWorld.job)
            #expect(await world.verdict(second) == "refused")
            #expect(try await world.reason() == "it has expired before it was first presented")
            world.clock.advance(seconds: 1)
            #expect(await world.verdict(first) == "expired", "good for its uploads alone")
            await #expect(throws: IdentityRefusal.credentials) {
                try await world.access.authenticate("oidc", first, from: world.address)
            }
        }
    }

    @Test("a token that is valid for longer than a session begins another one")
    func longToken() async throws {
        try await withJobs { world async throws in
            let token = try world.token { $0.claims["exp"] = world.seconds + 10_000 }
            for _ in 0..<2 {
                #expect(await world.verdict(token) == JobWorld.job)
                world.clock.advance(seconds: 3_600)
            }
            #expect(await world.verdict(token) == JobWorld.job)
        }
    }

    @Test("sessions outlive a restart, also where the issuer is gone")
    func restart() async throws {
        try await withTemporaryFolder { folder in
            let (key, clock) = (try await IssuerKey(), ManualClock())
            let issuer = FakeIssuer([key])
            var shown: [String] = []
            try await withJobs(in: folder, issuer, key, clock) { world async throws in
                _ = try await world.access.addTrust(try newRule(), by: .operator)
                shown = [try world.token()]
                #expect(await world.verdict(shown[0]) == JobWorld.job)
                shown.append(try await world.access.exchange(try world.token(), from: world.address).secret)
                shown.append(try world.token())
            }
            issuer.isDown(true)
            clock.advance(seconds: 1_000)
            try await withJobs(in: folder, issuer, key, clock) { world async throws in
                #expect(await world.verdict(shown[0]) == JobWorld.job)
                #expect(await world.verdict(shown[1]) == JobWorld.job)
                #expect(await world.verdict(shown[2]) == "refused", "no session of its own")
                clock.advance(seconds: 2_600)
                #expect(await world.verdict(shown[0]) == "expired")
            }
        }
    }

    @Test(
        "a rule that is disabled or removed ends its sessions with the next request, for good",
        arguments: [true, false])
    func ruleEnds(isRemoved: Bool) async throws {
        try await withJobs { world async throws in
            let name = try AccountName("ci")
            let token = try world.token()
            let secret = try await world.access.exchange(token, from: world.address).secret
            let account = try await world.access.authenticate("oidc", token, from: world.address)
            let bearer = try world.access.issue(account, RequestedScopes(["repository:team/a:pull"])).text
            world.clock.advance(seconds: 400)
            func verdicts() async -> [String] {
                let isCaller =
                    if case .caller = await world.access.identify(.bearer(Substring(bearer)), from: "") { "in" } else {
                        "out"
                    }
                return [await world.verdict(token), await world.verdict(secret), isCaller]
            }
            #expect(await verdicts() == [JobWorld.job, JobWorld.job, "in"])
            if isRemoved {
                #expect(try await world.access.removeTrust(name, by: .operator))
                #expect(await verdicts() == ["refused", "refused", "out"])
                _ = try await world.access.addTrust(try newRule(), by: .operator)
            } else {
                var change = Access.TrustChange()
                change.isDisabled = true
                try await world.access.changeTrust(name, change, by: .operator)
                #expect(await verdicts() == ["refused", "refused", "out"])
                change.isDisabled = false
                try await world.access.changeTrust(name, change, by: .operator)
            }
            #expect(await verdicts() == ["refused", "refused", "out"])
            #expect(await world.verdict(try world.token()) == JobWorld.job, "the next job comes in")
        }
    }

    @Test(
        "sessions that a change of their rule has ended take no room after a restart that kept them from being forgotten"
    )
    func endedAndKept() async throws {
        try await withTemporaryFolder { folder in
            let key = try await IssuerKey("ES256")
            let (issuer, clock) = (FakeIssuer([key]), ManualClock())
            try await withJobs(in: folder, issuer, key, clock) { world async throws in
                _ = try await world.access.addTrust(try newRule(), by: .operator)
                for _ in 0..<2 { #expect(await world.verdict(try world.token()) == JobWorld.job) }
                _ = try await world.access.write { t, _ throws(CatalogError) in
                    try t.execute("UPDATE trust_rule SET version = version + 1", [])
                }
                #expect(await world.verdict(try world.token()) == JobWorld.job)
            }
            try await withJobs(in: folder, issuer, key, clock) { world async throws in
                #expect(world.access.jobs.count == 1)
            }
        }
    }

    @Test("a job may do what its rule is granted, and nothing more")
    func rights() async throws {
        try await withJobs { world async throws in
            let caller = try await world.access.authenticate("oidc", try world.token(), from: world.address).caller
            let (mine, other) = (try RepositoryName("team/app"), try RepositoryName("other/app"))
            #expect(world.access.decide(caller, .pull, mine) && world.access.decide(caller, .push, mine))
            #expect(!world.access.decide(caller, .delete, mine) && !world.access.decide(caller, .pull, other))
            #expect(!world.access.decide(caller, .admin, nil))
            let subject = try GrantSubject("trust:ci")
            for isDisabled in [true, false] {
                try await world.access.changeGrant(
                    to: subject, on: RepositoryPattern("team/**"), isDisabled: isDisabled, by: .operator)
                #expect(world.access.decide(caller, .push, mine) != isDisabled)
            }
            _ = try await world.access.removeGrant(from: subject, on: RepositoryPattern("team/**"), by: .operator)
            #expect(!world.access.decide(caller, .pull, mine))
            _ = try await world.access.addGrant(to: subject, .reader, on: RepositoryPattern("other/*"), by: .operator)
            #expect(world.access.decide(caller, .pull, other) && !world.access.decide(caller, .push, other))
        }
    }

    @Test("of several rules that fit, the first one counts, and one that is disabled does not")
    func order() async throws {
        try await withJobs { world async throws in
            _ = try await world.access.addTrust(try newRule("all", ["repository=org/*"]), by: .operator)
            #expect(await world.verdict(try world.token()) == JobWorld.job)
            let other = try world.token { $0.claims["repository"] = "org/other" }
            #expect(await world.verdict(other).hasPrefix("job:all:"))
            var change = Access.TrustChange()
            change.isDisabled = true
            try await world.access.changeTrust(AccountName("ci"), change, by: .operator)
            #expect(await world.verdict(try world.token()).hasPrefix("job:all:"))
        }
    }

    @Test("nothing that a job is given outlives its session, and it gets no refresh token")
    func bounds() async throws {
        try await withJobs { world async throws in
            let token = try world.token()
            _ = try await world.access.authenticate("oidc", token, from: world.address)
            world.clock.advance(seconds: 3_590)
            let account = try await world.access.authenticate("oidc", token, from: world.address)
            #expect(!account.mayRefresh)
            #expect(try world.access.issue(account, RequestedScopes([])).lifetime == 10)
            await #expect(throws: IdentityRefusal.credentials) {
                try await world.access.makeRefreshToken(account, from: world.address)
            }
        }
    }

    @Test("an exchanged secret is a password of oidc and a bearer token, of oidc alone, for the session's time")
    func exchange() async throws {
        try await withJobs { world async throws in
            let token = try world.token()
            let session = try await world.access.exchange(token, from: world.address)
            #expect(session.lifetime == 3_600 && session.secret.hasPrefix("berth_job_"))
            func isIn(_ shown: Authorization) async -> Bool {
                if case .caller = await world.access.identify(shown, from: world.address) { true } else { false }
            }
            let secret = session.secret
            #expect(await isIn(.basic(name: "oidc", password: secret)))
            #expect(await isIn(.bearer(Substring(secret))))
            #expect(await !isIn(.basic(name: "ann", password: secret)))
            #expect(await !isIn(.basic(name: "OIDC", password: secret)))
            #expect(await !isIn(.bearer(Substring(token))), "an identity token is no bearer token of ours")
            #expect(await !isIn(.basic(name: "ann", password: token)))
            world.clock.advance(seconds: 360)
            await #expect(throws: IdentityRefusal.credentials) {
                try await world.access.exchange(token, from: world.address)
            }
            world.clock.advance(seconds: 3_240)
            #expect(await !isIn(.basic(name: "oidc", password: secret)))
            #expect(await !isIn(.bearer(Substring(secret))))
        }
    }

    @Test("who came in, and who did not and why, is in the audit log, without the token")
    func audit() async throws {
        try await withJobs { world async throws in
            let token = try world.token()
            #expect(await world.verdict(token) == JobWorld.job)
            #expect(await world.verdict(try world.token { $0.claims["ref"] = "refs/tags/v1" }) == "refused")
            #expect(try await world.reason() == "the rule ci has a condition on ref that does not hold")
            let entries = try await world.access.auditEntries(before: nil, limit: 50).map(\.entry)
            let login = try #require(entries.first { $0.action == "job.login" && $0.isDone })
            #expect(login.actor == JobWorld.job && login.target == "ci" && login.address == world.address)
            #expect(login.detail.contains("repository=org/app ref=refs/heads/main"))
            #expect(!entries.contains { $0.detail.contains(token.suffix(40)) })
        }
    }

    @Test("a subject is one line of visible ASCII in a principal, whatever its issuer calls it")
    func subjects() async throws {
        try await withJobs { world async throws in
            let token = try world.token { $0.claims["sub"] = "a b\n%\u{e9}\"" }
            #expect(await world.verdict(token) == "job:ci:a%20b%0a%25%c3%a9\"")
        }
    }

    @Test("sessions are forgotten when no upload can outlive them any more")
    func forgotten() async throws {
        try await withJobs { world async throws in
            let token = try world.token()
            #expect(await world.verdict(token) == JobWorld.job)
            world.clock.advance(seconds: 3_600 + 24 * 3_600)
            await world.access.keepHouse()
            #expect(await world.verdict(token) == "expired")
            world.clock.advance(seconds: 1)
            await world.access.keepHouse()
            #expect(await world.verdict(token) == "refused")
            let kept = try await world.access.database.read { t throws(CatalogError) in try t.jobSessions().count }
            #expect(kept == 0)
        }
    }

    @Test("a job's token stays below 6 KiB, whatever its issuer calls it, and says what there is room for")
    func size() async throws {
        try await withJobs { world async throws in
            let subject = String(repeating: "\u{e9}", count: 256)
            let token = try world.token { $0.claims["sub"] = subject }
            let account = try await world.access.authenticate("oidc", token, from: world.address)
            let long = String(repeating: "a", count: 200)
            let scopes = RequestedScopes(
                (0..<100).map { "repository:team/\(long)/\($0):pull,push" } + ["registry:catalog:*"])
            let issued = try world.access.issue(account, scopes).text
            #expect((3 << 10..<6 << 10).contains(issued.utf8.count))
            if case .caller(let caller) = await world.access.identify(.bearer(Substring(issued)), from: "") {
                #expect(world.access.decide(caller, .push, try RepositoryName("team/\(long)/0")))
            } else {
                Issue.record("refused")
            }
        }
    }

    @Test("a token is exchanged eight times at once at most, and whoever has used it up stops no other job")
    func exchangedOften() async throws {
        try await withJobs { world async throws in
            let token = try world.token { $0.claims["exp"] = world.seconds + 10_000 }
            func exchange() async -> IdentityRefusal? {
                do throws(IdentityRefusal) {
                    _ = try await world.access.exchange(token, from: world.address)
                    return nil
                } catch { return error }
            }
            let refused = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<30 { group.addTask { await exchange() != nil } }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(refused == 22)
            #expect(await world.verdict(try world.token()) == JobWorld.job)
            world.clock.advance(seconds: 3_601)
            #expect(await exchange() == nil, "those that have ended count no more")
        }
    }

    @Test("a rule that was disabled has all its room again")
    func roomAgain() async throws {
        try await withJobs { world async throws in
            let token = try world.token()
            for _ in 0..<8 { _ = try await world.access.exchange(token, from: world.address) }
            await #expect(throws: IdentityRefusal.tooMany(seconds: 60)) {
                try await world.access.exchange(token, from: world.address)
            }
            var change = Access.TrustChange()
            for isDisabled in [true, false] {
                change.isDisabled = isDisabled
                try await world.access.changeTrust(AccountName("ci"), change, by: .operator)
            }
            #expect(world.access.jobs.count == 0)
            _ = try await world.access.exchange(token, from: world.address)
        }
    }

    @Test(
        "other keys of an issuer end what the former ones have let in, unless it is asked for",
        arguments: [true, false])
    func otherKeys(keeps: Bool) async throws {
        try await withJobs { world async throws in
            let (token, set) = (try world.token(), try IssuerKey.set([world.key]))
            #expect(await world.verdict(token) == JobWorld.job)
            let secret = try await world.access.exchange(token, from: world.address).secret
            var change = Access.TrustChange()
            (change.keys, change.keepsSessions) = (set, keeps)
            try await world.access.changeTrust(AccountName("ci"), change, by: .operator)
            #expect(await world.verdict(secret) == (keeps ? JobWorld.job : "refused"))
            #expect(await world.verdict(token) == JobWorld.job, "the token itself is still good by the new keys")
        }
    }

    @Test("a rule, a subject and a token have their bounds of living sessions, and of the ended the oldest go first")
    func bounded() throws {
        let sessions = JobSessions(JobSessions.Bounds(rule: 5, subject: 3, token: 2, ended: 4))
        func hash(_ number: Int) throws -> Hash256 { try #require(Hash256(of: "\(number)")) }
        func begin(_ number: Int, rule: Int64 = 1, subject: String = "a", token: Int, at now: Int64 = 0) throws -> Bool
        {
            let session = JobSession(
                ruleID: rule, version: 1, principal: Principal(jobOf: "r\(rule)", subject: subject),
                expiresAt: now + 10_000_000)
            return sessions.begin(session, try hash(number), for: try hash(token), at: now)
        }
        #expect(try begin(1, token: 100) && begin(2, token: 100))
        #expect(try !begin(3, token: 100), "the token's")
        #expect(try begin(1, token: 100), "it is there")
        #expect(try begin(3, token: 101))
        #expect(try !begin(4, token: 102), "the subject's")
        #expect(try begin(4, subject: "b", token: 102) && begin(5, subject: "c", token: 103))
        #expect(try !begin(6, subject: "d", token: 104), "the rule's")
        #expect(try begin(6, rule: 2, token: 105))
        sessions.forget(rule: 2, at: 0)
        #expect(sessions.count == 5)
        // All have ended, and one of them is one too many.
        #expect(try begin(7, token: 100, at: 11_000_000))
        #expect(try begin(8, token: 100, at: 11_000_000))
        sessions.forget(endedBefore: 0, at: 11_000_000)
        #expect(sessions.count == 6)
        sessions.forget(endedBefore: 10_000_001, at: 11_000_000)
        #expect(sessions.count == 2)
    }
}
