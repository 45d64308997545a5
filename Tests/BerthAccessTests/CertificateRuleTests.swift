import BerthCatalog
import BerthModel
import BerthTestSupport
import Testing

@testable import BerthAccess

@Suite("Rules about client certificates")
struct CertificateRuleTests {
    private func certificate(_ names: String..., expires: Int64 = start + 3600) -> ClientCertificate {
        ClientCertificate(names: names.compactMap { CertificateName($0) }, expires: expires)
    }

    private func name(_ text: String) throws -> CertificateName { try #require(CertificateName(text)) }

    /// `ann` by a URI, a robot by a DNS name.
    private func withRules(_ body: (Access, ManualClock) async throws -> Void) async throws {
        try await withAccess { access, clock in
            _ = try await access.addRobot(RobotName("team+ci"), by: .operator)
            let added = try await access.addCertificate(
                name("uri:spiffe://test/ann"), for: .user(AccountName("ann")), by: .operator)
            #expect(added == .added)
            _ = try await access.addCertificate(
                name("dns:ci.test"), for: .robot(RobotName("team+ci")), by: .operator)
            try await body(access, clock)
        }
    }

    @Test("a name opens exactly the account that its rule says")
    func opens() async throws {
        try await withRules { access, _ async throws in
            #expect(access.account(certificate("uri:spiffe://test/ann"))?.principal == .user("ann"))
            #expect(access.account(certificate("dns:CI.test"))?.principal == .robot("team+ci"))
            #expect(access.account(certificate("dns:other.test", "dns:ci.test"))?.principal == .robot("team+ci"))
            for name in ["uri:spiffe://test/Ann", "uri:spiffe://test/ann/", "dns:ci.test.evil", "uri:x:ci.test"] {
                #expect(access.account(certificate(name)) == nil, "\(name)")
            }
            #expect(access.account(certificate()) == nil)
        }
    }

    @Test("names of two accounts open none, also while one of them is disabled")
    func two() async throws {
        try await withRules { access, _ async throws in
            let both = certificate("uri:spiffe://test/ann", "dns:ci.test")
            #expect(access.account(both) == nil)
            try await access.changeCertificate(name("dns:ci.test"), isDisabled: true, by: .operator)
            #expect(access.account(both) == nil)
            #expect(try await access.removeCertificate(name("dns:ci.test"), by: .operator))
            #expect(access.account(both)?.principal == .user("ann"))
            _ = try await access.addCertificate(name("dns:ci.test"), for: .user(AccountName("ann")), by: .operator)
            #expect(access.account(both)?.principal == .user("ann"))
        }
    }

    @Test("it counts until its last second, and as long as rule and account are enabled")
    func ends() async throws {
        try await withRules { access, clock async throws in
            let shown = certificate("uri:spiffe://test/ann", expires: start + 60)
            clock.advance(seconds: 59)
            #expect(access.account(shown) != nil)
            clock.advance(seconds: 1)
            #expect(access.account(shown) == nil)
            let later = certificate("uri:spiffe://test/ann")
            let rule = try name("uri:spiffe://test/ann")
            try await access.changeCertificate(rule, isDisabled: true, by: .operator)
            #expect(access.account(later) == nil)
            try await access.changeCertificate(rule, isDisabled: false, by: .operator)
            #expect(access.account(later) != nil)
            var change = Access.UserChange()
            change.isDisabled = true
            try await access.changeUser(AccountName("ann"), change, by: .operator)
            #expect(access.account(later) == nil)
            #expect(try await access.removeUser(AccountName("ann"), by: .operator))
            #expect(try await access.tables().certificates.map(\.name.description) == ["dns:ci.test"])
        }
    }

    @Test("a token that it brought ends with the rule, the account and the certificate, and is not refreshed")
    func tokens() async throws {
        try await withRules { access, clock async throws in
            let account = try #require(access.account(certificate("uri:spiffe://test/ann", expires: start + 120)))
            #expect(!account.mayRefresh)
            let token = try access.issue(account, RequestedScopes([]))
            #expect(token.lifetime == 120)
            func isGood() async -> Bool {
                if case .caller(let caller) = await access.identify(Authorization("Bearer \(token.text)"), from: "x") {
                    caller.principal == .user("ann")
                } else {
                    false
                }
            }
            let rule = try name("uri:spiffe://test/ann")
            #expect(await isGood())
            try await access.changeCertificate(rule, isDisabled: true, by: .operator)
            #expect(await !isGood())
            try await access.changeCertificate(rule, isDisabled: false, by: .operator)
            #expect(await isGood())
            #expect(try await access.removeCertificate(rule, by: .operator))
            _ = try await access.addCertificate(rule, for: .user(AccountName("ann")), by: .operator)
            #expect(await !isGood(), "another rule of the same name is another rule")
        }
    }

    @Test("a rule can be added twice, and to nobody else nor for nobody")
    func adding() async throws {
        try await withRules { access, _ async throws in
            let rule = try name("uri:spiffe://test/ann")
            let ann = SecretHolder.user(try AccountName("ann"))
            #expect(try await access.addCertificate(rule, for: ann, by: .operator) == .thereAlready)
            let robot = SecretHolder.robot(try RobotName("team+ci"))
            await #expect(throws: AccessError.self) { try await access.addCertificate(rule, for: robot, by: .operator) }
            let ghost = SecretHolder.user(try AccountName("ghost"))
            await #expect(throws: AccessError.unknown("user ghost")) {
                try await access.addCertificate(name("dns:ghost"), for: ghost, by: .operator)
            }
            await #expect(throws: AccessError.self) {
                try await access.changeCertificate(name("dns:ghost"), isDisabled: true, by: .operator)
            }
            #expect(try await access.removeCertificate(name("dns:ghost"), by: .operator) == false)
            let entries = try await access.auditEntries(before: nil, limit: 10).map(\.entry.action)
            #expect(entries.filter { $0 == "certificate.add" }.count == 2)
        }
    }
}
