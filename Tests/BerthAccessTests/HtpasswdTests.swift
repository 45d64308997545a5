import BerthCatalog
import BerthModel
import BerthTestSupport
import Testing

@testable import BerthAccess

@Suite("Users of an htpasswd file")
struct HtpasswdTests {
    /// Of "secret seven" and "secret eight".
    static let seven = "$2y$05$c4WoMPo3SXsafkva.HHa6utkEDXhmZdBCPvlkDfCPAzcXseCiv2NG"
    private static let eight = "$2b$05$c4WoMPo3SXsafkva.HHa6utkEDXhmZdBCPvlkDfCPAzcXseCiv2NH"

    private func apply(_ text: String, _ access: Access) async throws -> HtpasswdChange {
        try await access.apply(try HtpasswdFile(text))
    }

    private func opens(_ name: String, _ access: Access) async -> Bool {
        do throws(IdentityRefusal) {
            _ = try await access.authenticate(name, "secret seven", from: "192.0.2.1")
            return true
        } catch { return false }
    }

    @Test("users come, go, come back, and change their password with the file; grants stay")
    func follows() async throws {
        try await withAccess { access, _ in
            #expect(try await apply("bob:\(Self.seven)\ncarol:\(Self.seven)\n", access).added == 2)
            _ = try await access.addGrant(
                to: GrantSubject("user:bob"), .writer, on: RepositoryPattern("team/**"), by: .operator)
            #expect(await opens("bob", access))
            #expect(try await apply("# nobody changed\r\n\nbob:\(Self.seven)\r\ncarol:\(Self.seven)", access).isNothing)
            #expect(await opens("bob", access))
            let account = try await access.authenticate("bob", "secret seven", from: "192.0.2.1")
            let refresh = try await access.makeRefreshToken(account, from: "192.0.2.1")
            #expect(try await apply("carol:\(Self.seven)", access).gone == 1)
            #expect(await !opens("bob", access))
            await #expect(throws: IdentityRefusal.credentials) {
                try await access.account(refreshToken: refresh, from: "192.0.2.1")
            }
            #expect(!access.snapshot.allows(.user("bob"), .push, on: try RepositoryName("team/app")))
            #expect(try await apply("bob:\(Self.seven)\ncarol:\(Self.eight)", access).changed == 2)
            #expect(await opens("bob", access))
            #expect(await !opens("carol", access))
            #expect(access.snapshot.allows(.user("bob"), .push, on: try RepositoryName("team/app")))
        }
    }

    @Test("who was made by a command stays as he is, and who was disabled by one stays disabled")
    func others() async throws {
        try await withAccess { access, _ in
            let change = try await apply("ann:\(Self.seven)\nbob:\(Self.seven)", access)
            #expect(change.others == ["ann"] && change.added == 1)
            #expect(await !opens("ann", access))
            var disabled = Access.UserChange()
            disabled.isDisabled = true
            try await access.changeUser(AccountName("bob"), disabled, by: .operator)
            _ = try await apply("", access)
            _ = try await apply("bob:\(Self.seven)", access)
            #expect(await !opens("bob", access))
            // Also who was gone from the file when the command came.
            var enabled = Access.UserChange()
            enabled.isDisabled = false
            #expect(try await access.changeUser(AccountName("bob"), enabled, by: .operator))
            #expect(await opens("bob", access))
            _ = try await apply("", access)
            #expect(try await access.changeUser(AccountName("bob"), disabled, by: .operator))
            #expect(try await access.changeUser(AccountName("bob"), disabled, by: .operator) == false)
            _ = try await apply("bob:\(Self.seven)", access)
            #expect(await !opens("bob", access))
        }
    }

    @Test("who is gone from the file is not let in by a command that has not seen that yet")
    func goneMeanwhile() async throws {
        try await withAccess { opened, clock async throws in
            let database = FailingReads(opened.database)
            let access = try await Access.open(database, AccessSettings(), clock, silent)
            _ = try await apply("bob:\(Self.seven)", access)
            var change = Access.UserChange()
            change.isDisabled = true
            try await access.changeUser(AccountName("bob"), change, by: .operator)
            change.isDisabled = false
            // Committed, and not in force yet.
            database.fail(true)
            await #expect(throws: AccessError.self) { _ = try await apply("", access) }
            await #expect(throws: AccessError.self) {
                try await access.changeUser(AccountName("bob"), change, by: .operator)
            }
            database.fail(false)
            #expect(await access.bringIntoForce())
            #expect(access.snapshot.user(named: "bob")?.isDisabled == true)
            #expect(await !opens("bob", access))
        }
    }

    @Test("commands do not work against a file that they have not seen yet", arguments: [true, false])
    func unseen(isRemoval: Bool) async throws {
        try await withAccess { opened, clock async throws in
            let database = FailingReads(opened.database)
            let access = try await Access.open(database, AccessSettings(), clock, silent)
            var change = Access.UserChange()
            change.password = "another password"
            database.fail(true)
            await #expect(throws: AccessError.self) { _ = try await apply("bob:\(Self.seven)", access) }
            await #expect(throws: AccessError.self) {
                if isRemoval {
                    _ = try await access.removeUser(AccountName("bob"), by: .operator)
                } else {
                    try await access.changeUser(AccountName("bob"), change, by: .operator)
                }
            }
            database.fail(false)
            #expect(await access.bringIntoForce())
            #expect(await opens("bob", access))
        }
    }

    @Test("commands do not work against the file")
    func commands() async throws {
        try await withAccess { access, _ in
            _ = try await apply("bob:\(Self.seven)\n", access)
            let bob = try AccountName("bob")
            var password = Access.UserChange()
            password.password = "another password"
            await #expect(throws: AccessError.self) { try await access.changeUser(bob, password, by: .operator) }
            await #expect(throws: AccessError.self) { try await access.removeUser(bob, by: .operator) }
            _ = try await apply("", access)
            var enabled = Access.UserChange()
            enabled.isDisabled = false
            await #expect(throws: AccessError.self) { try await access.changeUser(bob, enabled, by: .operator) }
            #expect(try await access.removeUser(bob, by: .operator))
        }
    }

    @Test("without the file its users are users like others, until there is one again")
    func forgotten() async throws {
        try await withAccess { access, _ in
            _ = try await apply("bob:\(Self.seven)\ncarol:\(Self.seven)", access)
            #expect(try await access.endHtpasswd() == Access.HtpasswdEnd(kept: 2, disabled: 0))
            #expect(try await access.endHtpasswd() == nil)
            #expect(await opens("bob", access))
            var password = Access.UserChange()
            password.password = "another password"
            try await access.changeUser(AccountName("carol"), password, by: .operator)
            #expect(try await access.removeUser(AccountName("bob"), by: .operator))
            let change = try await apply("carol:\(Self.seven)", access)
            #expect(change.changed == 1 && change.others.isEmpty)
            #expect(await opens("carol", access))
            await #expect(throws: AccessError.self) {
                try await access.changeUser(AccountName("carol"), password, by: .operator)
            }
        }
    }

    @Test("who is gone from the file does not come back with the file's end, by no secret either, and it is noted")
    func removedStaysOut() async throws {
        try await withAccess { access, _ in
            _ = try await apply("bob:\(Self.seven)\ncarol:\(Self.seven)", access)
            let token = try await access.addSecret(
                for: .user(AccountName("bob")), label: "", scopes: nil, seconds: nil, by: .operator)
            _ = try await apply("carol:\(Self.seven)", access)
            #expect(try await access.endHtpasswd() == Access.HtpasswdEnd(kept: 1, disabled: 1))
            await #expect(throws: IdentityRefusal.credentials) {
                try await access.authenticate("bob", token.text, from: "192.0.2.1")
            }
            let entries = try await access.auditEntries(before: nil, limit: 10).map(\.entry)
            #expect(
                entries.contains { $0.action == "user.change" && $0.target == "bob" && $0.detail == "stays disabled" })
            #expect(entries.contains { $0.action == "htpasswd.end" })
            // The file governs whom it governed before, and lets back in whom it names again.
            let again = try await apply("bob:\(Self.seven)", access)
            #expect(again.changed == 1 && again.gone == 1 && again.others.isEmpty)
            #expect(await opens("bob", access))
            #expect(await !opens("carol", access))
        }
    }

    @Test("without a file somebody who was gone from the last one is let in by name alone")
    func enabledByName() async throws {
        try await withAccess { access, _ in
            _ = try await apply("bob:\(Self.seven)", access)
            _ = try await apply("", access)
            _ = try await access.endHtpasswd()
            var change = Access.UserChange()
            (change.isDisabled, change.password) = (false, "secret seven")
            try await access.changeUser(AccountName("bob"), change, by: .operator)
            #expect(await opens("bob", access))
        }
    }

    @Test("an empty file closes the registry as well")
    func closes() async throws {
        try await withTemporaryFolder { folder in
            let catalog = try await Catalog.open(path: folder + "/berth.db", snapshots: folder, sync: .never)
            let access = try await Access.open(catalog, settings: AccessSettings(), logger: silent)
            #expect(!access.isClosed)
            _ = try await apply("", access)
            #expect(access.isClosed)
            try await catalog.close()
        }
    }

    @Test(
        "a line that is wrong makes the whole file wrong, and is named",
        arguments: [
            ("bob", 1), ("bob:", 1), ("a:\(seven)\nbob:plain", 2), ("bob:$apr1$abc$def", 1), ("b b:\(seven)", 1),
            ("bob:\(seven)\nbob:\(seven)", 2), (":\(seven)", 1), ("bob:\(seven) # c", 1), ("everyone:\(seven)", 1),
            ("bob:$2y$31$c4WoMPo3SXsafkva.HHa6utkEDXhmZdBCPvlkDfCPAzcXseCiv2NG", 1),
        ])
    func wrong(text: String, line: Int) {
        #expect { _ = try HtpasswdFile(text) } throws: { error in
            (error as? AccessError)?.message.hasPrefix("line \(line):") == true
        }
    }
}
