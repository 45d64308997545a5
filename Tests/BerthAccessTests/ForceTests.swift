import BerthCatalog
import BerthModel
import BerthTestSupport
import Logging
import Synchronization
import Testing

@testable import BerthAccess

@Suite("Changes come into force")
struct ForceTests {
    @Test("a revocation that could not be read is reported, and in force once it can be")
    func missedChange() async throws {
        try await withAccess { opened, clock async throws in
            let database = FailingReads(opened.database)
            let access = try await Access.open(database, AccessSettings(), clock, opened.log)
            var change = Access.UserChange()
            change.isDisabled = true
            database.fail(true)
            await #expect(throws: AccessError.self) {
                try await access.changeUser(AccountName("ann"), change, by: .operator)
            }
            #expect(access.trouble != nil)
            #expect(await !access.bringIntoForce())
            #expect(access.trouble != nil)
            database.fail(false)
            let keeping = Task { await access.keepInForce() }
            try await eventually("all is in force") { access.trouble == nil }
            #expect(access.snapshot.user(named: "ann")?.isDisabled == true)
            keeping.cancel()
            await keeping.value
        }
    }

    @Test("a login is over with a change that could not be read yet")
    func missedLogin() async throws {
        try await withAccess { opened, clock async throws in
            let database = FailingReads(opened.database)
            let access = try await Access.open(database, AccessSettings(), clock, opened.log)
            let account = try await access.authenticate("ann", testPassword, from: "")
            let refresh = try await access.makeRefreshToken(account, from: "")
            #expect(try await access.account(refreshToken: refresh, from: "").id == account.id)
            var change = Access.UserChange()
            change.isDisabled = true
            database.fail(true)
            await #expect(throws: AccessError.self) {
                try await access.changeUser(AccountName("ann"), change, by: .operator)
            }
            database.fail(false)
            #expect(access.snapshot.user(named: "ann")?.isDisabled == false, "memory does not know it yet")
            await #expect(throws: IdentityRefusal.credentials) {
                try await access.account(refreshToken: refresh, from: "")
            }
        }
    }

    @Test("a damaged row costs its own account its rights, and nobody else's")
    func damagedRows() async throws {
        try await withAccess { access, _ async throws in
            for name in ["bob", "carol"] {
                _ = try await access.addUser(AccountName(name), password: testPassword, isAdmin: true, by: .operator)
            }
            let ann = try AccountName("ann")
            for pattern in ["team/a", "team/b"] {
                _ = try await access.addGrant(to: .user(ann), .reader, on: RepositoryPattern(pattern), by: .operator)
            }
            _ = try await access.write { t, _ throws(CatalogError) in
                try t.execute("UPDATE access_user SET name = 'no name' WHERE name = 'bob'", [])
                try t.execute("UPDATE access_grant SET pattern = '//' WHERE pattern = 'team/a'", [])
                return try t.execute("UPDATE access_user SET is_disabled = 1 WHERE name = 'carol'", [])
            }
            #expect(access.isClosed)
            for (name, repository, isAllowed) in [
                ("ann", "team/a", false), ("ann", "team/b", true), ("bob", "team/b", false), ("carol", "team/b", false),
            ] {
                let target = try RepositoryName(repository)
                #expect(access.decide(Caller(.user(name)), .pull, target) == isAllowed, "\(name) \(repository)")
            }
        }
    }

    @Test("the first account is acknowledged only once it is noted that the registry is closed")
    func mark() async throws {
        try await withTemporaryFolder { path in
            let catalog = try await Catalog.open(path: path + "/berth.db", snapshots: path, sync: .never)
            let folder = MarkFolder()
            let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let access = try await Access.open(catalog, settings: AccessSettings(), logger: log) {
                try folder.mark()
            }
            await #expect(throws: AccessError.self) {
                try await access.addUser(AccountName("ann"), password: nil, isAdmin: false, by: .operator)
            }
            #expect(access.isClosed)
            folder.fails.store(false, ordering: .relaxed)
            #expect(
                try await access.addUser(AccountName("ann"), password: nil, isAdmin: false, by: .operator)
                    == .thereAlready)
            #expect(folder.marks.load(ordering: .relaxed) == 1)
            try await catalog.close()
        }
    }
}

/// Where the mark goes, or cannot go.
private final class MarkFolder: Sendable {
    let fails = Atomic(true)
    let marks = Atomic(0)

    func mark() throws {
        if fails.load(ordering: .relaxed) { throw TestFailure("a test") }
        marks.add(1, ordering: .relaxed)
    }
}
