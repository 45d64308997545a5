import BerthCatalog
import BerthModel
import BerthTestSupport
import Testing

@testable import BerthAccess

@Suite("What is disabled, and enabled again")
struct DisablingTests {
    @Test(
        "a personal token opens nothing meanwhile, nor do the tokens that it has brought; then all of them do again (5)"
    )
    func secret() async throws {
        try await withAccess { access, clock async throws in
            let ann = SecretHolder.user(try AccountName("ann"))
            let secret = try await access.addSecret(for: ann, label: "", scopes: nil, seconds: nil, by: .operator)
            let account = try await access.authenticate("ann", secret.text, from: "")
            let bearer = try access.issue(account, RequestedScopes([])).text
            let refresh = try await access.makeRefreshToken(account, from: "")
            func verdicts() async -> [String] {
                let isRefreshed = (try? await access.account(refreshToken: refresh, from: "")) != nil
                return [
                    await access.verdict(.basic(name: "ann", password: secret.text)), await access.verdict(bearer),
                    isRefreshed ? "good" : "refused",
                ]
            }
            #expect(await verdicts() == ["good", "good", "good"])
            #expect(try await access.changeSecret(prefix: secret.prefix, isDisabled: true, by: .operator))
            #expect(await verdicts() == ["refused", "refused", "refused"])
            #expect(try await access.changeSecret(prefix: secret.prefix, isDisabled: true, by: .operator) == false)
            #expect(try await access.changeSecret(prefix: secret.prefix, isDisabled: false, by: .operator))
            #expect(await verdicts() == ["good", "good", "good"])
            clock.advance(seconds: 3600)
            #expect(await access.verdict(bearer) == "expired", "an upload goes on with it")
            try await access.changeSecret(prefix: secret.prefix, isDisabled: true, by: .operator)
            #expect(await access.verdict(bearer) == "refused", "and does not while it rests")
            await #expect(throws: IdentityRefusal.credentials) { try await access.makeRefreshToken(account, from: "") }
        }
    }

    @Test("a grant gives nothing meanwhile", arguments: ["everyone", "user:ann", "group:team", "robot:team+ci"])
    func grant(subject: String) async throws {
        try await withAccess { access, _ async throws in
            let (subject, pattern) = (try GrantSubject(subject), try RepositoryPattern("team/**"))
            try await access.addTeam()
            _ = try await access.addGrant(to: subject, .reader, on: pattern, by: .operator)
            let principal: Principal = if case .robot = subject { .robot("team+ci") } else { .user("ann") }
            func pulls() throws -> Bool {
                access.snapshot.allows(principal, .pull, on: try RepositoryName("team/app"))
            }
            func set(_ isDisabled: Bool) async throws -> Bool {
                try await access.changeGrant(to: subject, on: pattern, isDisabled: isDisabled, by: .operator)
            }
            #expect(try pulls())
            #expect(try await set(true))
            #expect(try !pulls())
            #expect(try await set(true) == false)
            #expect(try await set(false))
            #expect(try pulls())
            let wider = try RepositoryPattern("**")
            await #expect(throws: AccessError.unknown("grant to \(subject) on **")) {
                try await access.changeGrant(to: subject, on: wider, isDisabled: true, by: .operator)
            }
        }
    }

    @Test("a grant that is made again stays disabled, also with another role; making a repository public enables it")
    func madeAgain() async throws {
        try await withAccess { access, _ async throws in
            let name = try RepositoryName("team/app")
            let (ann, pattern) = (GrantSubject.user(try AccountName("ann")), RepositoryPattern(name))
            _ = try await access.addGrant(to: ann, .reader, on: pattern, by: .operator)
            try await access.changeGrant(to: ann, on: pattern, isDisabled: true, by: .operator)
            for (role, addition) in [(Role.reader, Addition.thereAlready), (.writer, .added)] {
                #expect(try await access.addGrant(to: ann, role, on: pattern, by: .operator) == addition)
                #expect(!access.snapshot.allows(.user("ann"), .pull, on: name))
            }
            try await access.changeGrant(to: ann, on: pattern, isDisabled: false, by: .operator)
            #expect(access.snapshot.allows(.user("ann"), .push, on: name))
            #expect(try await access.setPublic(true, name, by: .operator))
            try await access.changeGrant(to: .everyone, on: pattern, isDisabled: true, by: .operator)
            #expect(!access.visibility(of: name).isPublic)
            #expect(try await access.setPublic(true, name, by: .operator))
            #expect(access.visibility(of: name).isPublic)
            #expect(try await access.setPublic(true, name, by: .operator) == false)
        }
    }

    @Test("a group gives its members nothing meanwhile; what they have otherwise stays")
    func group() async throws {
        try await withAccess { access, _ async throws in
            let team = try AccountName("team")
            try await access.addTeam()
            for (subject, pattern) in [("group:team", "team/**"), ("user:ann", "own/**")] {
                _ = try await access.addGrant(
                    to: GrantSubject(subject), .writer, on: RepositoryPattern(pattern), by: .operator)
            }
            func pushes() throws -> [Bool] {
                try ["team/app", "own/app"].map {
                    access.snapshot.allows(.user("ann"), .push, on: try RepositoryName($0))
                }
            }
            #expect(try pushes() == [true, true])
            #expect(try await access.changeGroup(team, isDisabled: true, by: .operator))
            #expect(try pushes() == [false, true])
            #expect(try await access.changeGroup(team, isDisabled: true, by: .operator) == false)
            #expect(try await access.changeGroup(team, isDisabled: false, by: .operator))
            #expect(try pushes() == [true, true])
            let ghost = try AccountName("ghost")
            await #expect(throws: AccessError.unknown("group ghost")) {
                try await access.changeGroup(ghost, isDisabled: true, by: .operator)
            }
        }
    }

    @Test("a key signs nothing meanwhile, and what it signed is refused; its successor signs at once (6)")
    func key() async throws {
        try await withAccess { access, clock async throws in
            let first = try #require(access.keys().first?.id)
            let token = try await access.annsToken()
            #expect(await access.verdict(token) == "good")
            await #expect(throws: AccessError.self) {
                try await access.changeKey(first, isDisabled: true, by: .operator)
            }
            #expect(await access.verdict(token) == "good", "it was refused, and nothing was changed")
            _ = try await access.rotateKey(by: .operator)
            let second = try #require(access.keys().last?.id)
            await #expect(throws: AccessError.self, "the first one retires in time, and nothing would sign then") {
                try await access.changeKey(second, isDisabled: true, by: .operator)
            }
            #expect(try await access.changeKey(first, isDisabled: true, by: .operator))
            #expect(try await access.changeKey(first, isDisabled: true, by: .operator) == false)
            #expect(await access.verdict(token) == "refused")
            #expect(!String(decoding: access.keyDocument(), as: UTF8.self).contains(first))
            let next = try await access.annsToken()
            #expect(access.keyID(of: next) == second)
            #expect(await access.verdict(next) == "good")
            #expect(try await access.changeKey(first, isDisabled: false, by: .operator))
            #expect(await access.verdict(token) == "good", "an enabling undoes all of it")
            #expect(try await access.keyID(of: access.annsToken()) == first)
            clock.advance(seconds: 901)
            #expect(try await access.keyID(of: access.annsToken()) == second)
            #expect(
                try await access.changeKey(first, isDisabled: true, by: .operator), "a retired one may rest as well")
            await #expect(throws: AccessError.unknown("key ghost")) {
                try await access.changeKey("ghost", isDisabled: true, by: .operator)
            }
        }
    }

    @Test("a key that cannot be read is no successor, does not wait to sign, and is shown as what it is (6)")
    func unreadableKey() async throws {
        try await withAccess { access, clock async throws in
            let first = try #require(access.keys().first?.id)
            _ = try await access.rotateKey(by: .operator)
            let second = try #require(access.keys().last?.id)
            try await access.damageKey(second)
            #expect(access.keys().map(\.isReadable) == [true, false])
            await #expect(throws: AccessError.self) {
                try await access.changeKey(first, isDisabled: true, by: .operator)
            }
            #expect(try await access.keyID(of: access.annsToken()) == first)
            #expect(try await access.rotateKey(by: .operator) == .added)
            let third = try #require(access.keys().last?.id)
            #expect(try await access.changeKey(first, isDisabled: true, by: .operator))
            #expect(try await access.keyID(of: access.annsToken()) == third)
            try await access.damageKey(third)
            #expect(try await access.removeKey(second, by: .operator))
            let fourth = try #require(access.keys().last?.id)
            #expect(try await access.keyID(of: access.annsToken()) == fourth, "no other one goes on signing")
            let entry = try await access.auditEntries(before: nil, limit: 1).first?.entry
            #expect(entry?.action == "key.remove" && entry?.detail == "replaced by \(fourth)")
            // Only what goes on signing keeps a start from making a key.
            try await access.damageKey(fourth)
            let again = try await Access.open(access.database, AccessSettings(), clock, silent)
            #expect(await again.verdict(try await again.annsToken()) == "good")
            #expect(try await Access.open(access.database, AccessSettings(), clock, silent).keys().count == 4)
        }
    }

    @Test("a removed key is replaced where no other one goes on signing, be it disabled or about to retire")
    func removedKey() async throws {
        try await withAccess { access, clock async throws in
            _ = try await access.rotateKey(by: .operator)
            let waiting = try #require(access.keys().last?.id)
            #expect(try await access.removeKey(waiting, by: .operator))
            clock.advance(seconds: 3600)
            #expect(await access.verdict(try await access.annsToken()) == "good", "the first one has retired meanwhile")
            let second = try #require(access.keys().last?.id)
            _ = try await access.rotateKey(by: .operator)
            let third = try #require(access.keys().last?.id)
            clock.advance(seconds: 901)
            try await access.changeKey(second, isDisabled: true, by: .operator)
            #expect(try await access.removeKey(third, by: .operator))
            let signer = try await access.keyID(of: access.annsToken())
            #expect(signer != second && signer != third)
        }
    }

    @Test("a user, a robot and a trust rule are disabled once, however often it is said, and each once is noted")
    func twice() async throws {
        try await withAccess { access, _ async throws in
            try await access.addTeam()
            let rule = NewTrustRule(
                try AccountName("ci"), issuer: "https://issuer.test", audience: "berth",
                conditions: [try ClaimCondition("sub=repo:org/app:ref")])
            _ = try await access.addTrust(rule, by: .operator)
            var user = Access.UserChange()
            var trust = Access.TrustChange()
            for isDisabled in [true, false] {
                (user.isDisabled, trust.isDisabled) = (isDisabled, isDisabled)
                for isFirst in [true, false] {
                    #expect(try await access.changeUser(AccountName("ann"), user, by: .operator) == isFirst)
                    #expect(
                        try await access.changeRobot(RobotName("team+ci"), isDisabled: isDisabled, by: .operator)
                            == isFirst)
                    #expect(try await access.changeTrust(AccountName("ci"), trust, by: .operator) == isFirst)
                }
            }
            let entries = try await access.auditEntries(before: nil, limit: 100).map(\.entry)
            for action in ["user.change", "robot.change", "trust.change"] {
                let details = entries.filter { $0.action == action }.map(\.detail)
                #expect(details.count == 2 && details.last?.hasPrefix("disabled") == true, "\(action) \(details)")
            }
        }
    }
}

extension Access {
    fileprivate func damageKey(_ id: String) async throws {
        _ = try await write { t, _ throws(CatalogError) in
            try t.execute("UPDATE access_key SET private_key = 'none' WHERE kid = ?", [.text(id)])
        }
    }

    /// A group with ann in it, and a robot.
    fileprivate func addTeam() async throws {
        _ = try await addGroup(AccountName("team"), by: .operator)
        _ = try await setMember(AccountName("ann"), of: AccountName("team"), true, by: .operator)
        _ = try await addRobot(RobotName("team+ci"), by: .operator)
    }
}
