import BerthCatalog
import BerthModel
import BerthTestSupport
import Testing

@testable import BerthAccess

@Suite("Forgetting what has ended")
struct HousekeepingTests {
    enum Table: CaseIterable, Sendable { case sessions, refreshTokens, keys }

    @Test("what has ended goes in steps of a thousand, what has not stays (C6)", arguments: Table.allCases)
    func steps(table: Table) async throws {
        try await withRecording { access, database async throws in
            let now = access.now
            try await access.fill(table, 2_500, endedAt: 1, from: 1)
            try await access.fill(table, 3, endedAt: now, from: 5_000)
            await access.keepHouse()
            #expect(database.deleted == [1_000, 1_000, 500])
            #expect(try await access.count(table) == 3)
            await access.keepHouse()
            #expect(database.deleted.count == 3, "nothing is left to do")
        }
    }

    @Test(
        "the sessions of a rule that is disabled or removed go in steps of a thousand (C6)",
        arguments: [true, false])
    func rule(isRemoved: Bool) async throws {
        try await withRecording { access, database async throws in
            try await access.fill(.sessions, 2_500, endedAt: access.now + 3_600_000_000, from: 1)
            if isRemoved {
                #expect(try await access.removeTrust(AccountName("ci"), by: .operator))
                #expect(database.deleted == [1_000, 1_000, 500, 1], "the rule itself is the last")
                #expect(try await access.removeTrust(AccountName("ci"), by: .operator) == false)
            } else {
                var change = Access.TrustChange()
                change.isDisabled = true
                try await access.changeTrust(AccountName("ci"), change, by: .operator)
                #expect(database.deleted == [1_000, 1_000, 500])
            }
            #expect(try await access.count(.sessions) == 0)
        }
    }
}

/// A closed registry with one account and one trust rule, whose deletions are noted.
private func withRecording(_ body: (Access, RecordingDeletes) async throws -> Void) async throws {
    try await withAccess { opened, clock async throws in
        let rule = NewTrustRule(
            try AccountName("ci"), issuer: "https://issuer.test", audience: "berth",
            conditions: [try ClaimCondition("sub=repo:org/app:ref")])
        _ = try await opened.addTrust(rule, by: .operator)
        let database = RecordingDeletes(opened.database)
        try await body(try await Access.open(database, AccessSettings(), clock, silent), database)
    }
}

extension Access {
    /// Adds rows as they are after their end, numbered from `first`.
    fileprivate func fill(
        _ table: HousekeepingTests.Table, _ count: Int64, endedAt moment: Int64, from first: Int64
    ) async throws {
        let values = [SQLValue.integer(first), .integer(first + count - 1), .integer(moment)]
        let isAdded = try await write { t, _ throws(CatalogError) in
            switch table {
            case .sessions:
                try t.execute(
                    """
                    WITH RECURSIVE number (n) AS (VALUES (?) UNION ALL SELECT n + 1 FROM number WHERE n < ?)
                    INSERT INTO trust_session (hash, rule_id, version, subject, created_at, expires_at)
                    SELECT CAST(n AS BLOB), trust_rule.id, version, 's', 0, ? FROM number, trust_rule
                    """, values)
            case .refreshTokens:
                try t.execute(
                    """
                    WITH RECURSIVE number (n) AS (VALUES (?) UNION ALL SELECT n + 1 FROM number WHERE n < ?)
                    INSERT INTO access_refresh (prefix, hash, user_id, version, created_at, last_used_at)
                    SELECT 'p' || n, x'00', access_user.id, version, 0, ? FROM number, access_user
                    """, values)
            case .keys:
                try t.execute(
                    """
                    WITH RECURSIVE number (n) AS (VALUES (?) UNION ALL SELECT n + 1 FROM number WHERE n < ?)
                    INSERT INTO access_key (kid, private_key, created_at, signs_from, retired_at)
                    SELECT 'k' || n, 'none', 0, 0, ? FROM number
                    """, values)
            }
        }
        #expect(isAdded == Int(count))
    }

    /// But for the key that signs.
    fileprivate func count(_ table: HousekeepingTests.Table) async throws -> Int64? {
        try await database.read { t throws(CatalogError) in
            switch table {
            case .sessions: try t.row("SELECT count(*) FROM trust_session", [])?.integer(0)
            case .refreshTokens: try t.row("SELECT count(*) FROM access_refresh", [])?.integer(0)
            case .keys: try t.row("SELECT count(*) FROM access_key WHERE retired_at IS NOT NULL", [])?.integer(0)
            }
        }
    }
}
