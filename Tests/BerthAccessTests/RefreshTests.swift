import BerthCatalog
import BerthModel
import BerthTestSupport
import Testing

@testable import BerthAccess

@Suite("Refresh tokens and what they are bound to")
struct RefreshTests {
    enum Change: CaseIterable, Sendable { case password, disabling, removal }

    @Test("none is made for an account that has changed since its password was checked", arguments: Change.allCases)
    func race(change: Change) async throws {
        try await withAccess { access, _ async throws in
            let account = try await access.authenticate("ann", testPassword, from: "")
            try await access.make(change)
            await #expect(throws: IdentityRefusal.credentials) {
                try await access.makeRefreshToken(account, from: "192.0.2.1")
            }
            #expect(try await access.refreshCount() == 0)
        }
    }

    @Test("none is made for a personal token or a robot's secret that is gone")
    func goneSecret() async throws {
        try await withAccess { access, _ async throws in
            _ = try await access.addRobot(RobotName("team+ci"), by: .operator)
            for (holder, name) in [
                (SecretHolder.user(try AccountName("ann")), "ann"), (.robot(try RobotName("team+ci")), "team+ci"),
            ] {
                let secret = try await access.addSecret(
                    for: holder, label: "", scopes: nil, seconds: nil, by: .operator)
                let account = try await access.authenticate(name, secret.text, from: "")
                let token = try await access.makeRefreshToken(account, from: "")
                #expect(try await access.account(refreshToken: token, from: "").principal == account.principal)
                #expect(try await access.removeSecret(prefix: secret.prefix, by: .operator))
                await #expect(throws: IdentityRefusal.credentials) {
                    try await access.makeRefreshToken(account, from: "")
                }
            }
            #expect(try await access.refreshCount() == 0)
        }
    }

    @Test("one that a change of its account has overlooked is refused when it is used")
    func staleVersion() async throws {
        try await withAccess { access, _ async throws in
            let account = try await access.authenticate("ann", testPassword, from: "")
            let token = try await access.makeRefreshToken(account, from: "")
            #expect(try await access.account(refreshToken: token, from: "").id == account.id)
            _ = try await access.write { t, _ throws(CatalogError) in
                try t.execute("UPDATE access_user SET version = version + 1", [])
            }
            await #expect(throws: IdentityRefusal.credentials) {
                try await access.account(refreshToken: token, from: "")
            }
        }
    }

    @Test("an account has a hundred; the one that was not used for longest makes room, and the log gets one line")
    func bounded() async throws {
        try await withAccess { access, clock async throws in
            let account = try await access.authenticate("ann", testPassword, from: "")
            let first = try await access.makeRefreshToken(account, from: "")
            let second = try await access.makeRefreshToken(account, from: "")
            clock.advance(seconds: 61)
            _ = try await access.account(refreshToken: first, from: "")
            for _ in 2..<100 { _ = try await access.makeRefreshToken(account, from: "") }
            #expect(try await access.refreshCount() == 100)
            // A clock that was set back does not make the newest the oldest.
            clock.advance(seconds: -3600)
            let newest = try await access.makeRefreshToken(account, from: "")
            #expect(try await access.refreshCount() == 100)
            for (token, isGood) in [(first, true), (second, false), (newest, true)] {
                #expect(((try? await access.account(refreshToken: token, from: "")) != nil) == isGood)
            }
            await access.keepHouse()
            let entries = try await access.auditEntries(before: nil, limit: 1_000).map(\.entry)
            let issued = entries.filter { $0.action == "refresh.add" }
            #expect(issued.map(\.detail) == ["101"] && issued.map(\.target) == ["user:ann"])
        }
    }

    @Test("many logins by one credential push out nothing of another one, and nothing that is in use")
    func crowd() async throws {
        try await withAccess { access, clock async throws in
            let secret = try await access.addSecret(
                for: .user(AccountName("ann")), label: "", scopes: nil, seconds: nil, by: .operator)
            let byPassword = try await access.authenticate("ann", testPassword, from: "")
            let bySecret = try await access.authenticate("ann", secret.text, from: "")
            let laptop = try await access.makeRefreshToken(byPassword, from: "")
            let build = try await access.makeRefreshToken(bySecret, from: "")
            // Used right after the login, and then not for long.
            _ = try await access.account(refreshToken: build, from: "")
            clock.advance(seconds: 3_600)
            for _ in 0..<150 { _ = try await access.makeRefreshToken(bySecret, from: "") }
            #expect(try await access.refreshCount() == 101)
            for token in [laptop, build] { _ = try await access.account(refreshToken: token, from: "") }
            for _ in 0..<150 { _ = try await access.makeRefreshToken(byPassword, from: "") }
            #expect(try await access.refreshCount() == 200)
            _ = try await access.account(refreshToken: laptop, from: "")
        }
    }

    @Test("a token ends with the personal token that it was issued for, if that is sooner")
    func expiry() async throws {
        try await withAccess { access, _ async throws in
            for (seconds, lifetime) in [(100, 100), (900, 900), (5_000, 900)] as [(Int64, Int64)] {
                let secret = try await access.addSecret(
                    for: .user(AccountName("ann")), label: "", scopes: nil, seconds: seconds, by: .operator)
                let account = try await access.authenticate("ann", secret.text, from: "")
                #expect(try access.issue(account, RequestedScopes([])).lifetime == lifetime)
            }
        }
    }
}

extension Access {
    fileprivate func make(_ change: RefreshTests.Change) async throws {
        let name = try AccountName("ann")
        var fields = UserChange()
        switch change {
        case .password: fields.password = "another password"
        case .disabling: fields.isDisabled = true
        case .removal:
            _ = try await removeUser(name, by: .operator)
            return
        }
        try await changeUser(name, fields, by: .operator)
    }

    fileprivate func refreshCount() async throws -> Int64 {
        try await database.read { t throws(CatalogError) in
            try t.row("SELECT count(*) FROM access_refresh", [])?.integer(0) ?? 0
        }
    }
}
