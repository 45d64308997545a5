import BerthCatalog
import BerthTestSupport
import Logging
import Testing

@testable import BerthAccess

/// What is kept of the audit log, whoever fills it.
@Suite("Bounds of the audit log")
struct AuditTests {
    private static let day: Int64 = 24 * 3_600

    @Test("entries go when they are too old, in steps, and newer ones stay")
    func age() async throws {
        try await withBounds(AuditBounds()) { access, clock async throws in
            try await access.fill(2_500, isDone: true)
            try await access.fill(1_200, isDone: false)
            clock.advance(seconds: 399 * Self.day)
            try await access.fill(3, isDone: true)
            try await access.fill(2, isDone: false)
            await access.keepHouse()
            #expect(try await access.counts() == [1_202, 2_504])
            clock.advance(seconds: Self.day + 1)
            await access.keepHouse()
            #expect(try await access.counts() == [2, 3])
        }
    }

    @Test("what is too much goes, the oldest first, and refusals push out nothing that was done")
    func count() async throws {
        try await withBounds(AuditBounds(done: 50, refused: 20)) { access, _ async throws in
            try await access.fill(48, isDone: true)
            try await access.fill(5_000, isDone: false)
            await access.keepHouse()
            #expect(try await access.counts() == [20, 49])
            try await access.fill(10, isDone: true)
            await access.keepHouse()
            #expect(try await access.counts() == [20, 50])
            let entries = try await access.auditEntries(before: nil, limit: 10).map(\.entry)
            #expect(!entries.contains { !$0.isDone }, "the newest are there")
        }
    }

    @Test("refusals beyond so many a second are counted, and the number is noted")
    func flood() async throws {
        try await withBounds(AuditBounds()) { access, clock async throws in
            for number in 0..<1_300 {
                let address = "10.0.\(number / 250).\(number % 250)"
                await #expect(throws: IdentityRefusal.credentials) {
                    try await access.account(refreshToken: "x", from: address)
                }
            }
            await access.keepHouse()
            _ = try await access.addGroup(AccountName("team"), by: .operator)
            let entries = try await access.auditEntries(before: nil, limit: 1_000).map(\.entry)
            #expect(entries.contains { $0.detail == "300 more were refused, too many at once to note each" })
            #expect(try await access.counts()[0] == 1_001)
            clock.advance(seconds: 1)
            for _ in 0..<11 { _ = try? await access.account(refreshToken: "x", from: "192.0.2.1") }
            _ = try await access.addGroup(AccountName("other"), by: .operator)
            #expect(try await access.counts()[0] == 1_011, "ten a second")
        }
    }
}

/// A closed registry with one account, and one entry in its audit log.
private func withBounds(_ bounds: AuditBounds, _ body: (Access, ManualClock) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
        let clock = ManualClock()
        let catalog = try await Catalog.open(path: folder + "/berth.db", snapshots: folder, sync: .never)
        var settings = AccessSettings()
        settings.auditBounds = bounds
        let access = try await Access.open(catalog, settings: settings, clock: clock, logger: silent)
        _ = try await access.addUser(AccountName("ann"), hash: nil, isAdmin: false, by: .operator)
        try await body(access, clock)
        try await catalog.close()
    }
}

extension Access {
    fileprivate func fill(_ count: Int, isDone: Bool) async throws {
        let entry = AuditEntry(now, .operator, "test", "x", isDone: isDone)
        try await database.write(
            .small, { t throws(CatalogError) in for _ in 0..<count { try t.insert(entry) } }, settled: { _ in })
    }

    /// Refused ones, and done ones.
    fileprivate func counts() async throws -> [Int64] {
        try await database.read { t throws(CatalogError) in
            try [false, true].map { isDone throws(CatalogError) in
                try t.row("SELECT count(*) FROM audit WHERE outcome = ?", [.bool(isDone)])?.integer(0) ?? 0
            }
        }
    }
}
