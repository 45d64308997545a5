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

    @Test("the sessions of a rule that is disabled go in steps of a thousand (C6)")
    func rule() async throws {
        try await withRecording { access, database async throws in
            try await access.fill(.sessions, 2_500, endedAt: access.now + 3_600_000_000, from: 1)
            var change = Access.TrustChange()
            change.isDisabled = true
            try await access.changeTrust(AccountName("ci"), change, by: .operator)
            #expect(database.deleted == [1_000, 1_000, 500])
            #expect(try await access.count(.sessions) == 0)
        }
    }

    enum Owner: CaseIterable, Sendable { case user, robot, group, trust }

    @Test("what hangs on something that is removed goes in steps of a thousand (C6)", arguments: Owner.allCases)
    func removal(owner: Owner) async throws {
        try await withRecording { access, database async throws in
            try await access.fill(owner, 2_500)
            #expect(try await access.remove(owner))
            #expect(database.deleted == [1_000, 1_000, 500, 1], "itself is the last")
            #expect(try await access.remove(owner) == false)
            #expect(try await access.left(of: owner) == 0)
            let details = try await access.auditEntries(before: nil, limit: 2).map(\.entry)
            #expect(details.map(\.action) == ["\(owner).remove", "\(owner).change"], "it was disabled first")
        }
    }

    @Test("what is little goes in one write with what it hangs on", arguments: Owner.allCases)
    func smallRemoval(owner: Owner) async throws {
        try await withRecording { access, database async throws in
            try await access.fill(owner, 900)
            #expect(try await access.remove(owner))
            #expect(database.deleted == [901])
            #expect(try await access.left(of: owner) == 0)
            let entries = try await access.auditEntries(before: nil, limit: 2).map(\.entry.action)
            #expect(entries.first == "\(owner).remove" && !entries.contains("\(owner).change"))
        }
    }

    @Test("a removal that is cut off leaves nothing that counts, and a second one does the rest", arguments: [1, 2, 3])
    func cutOff(steps: Int) async throws {
        try await withRecording { access, database async throws in
            let token = try await access.annsToken()
            try await access.fill(.user, 2_500)
            database.fail(after: steps)
            await #expect(throws: AccessError.self) { _ = try await access.remove(.user) }
            #expect(await access.verdict(token) == "refused")
            #expect(await access.verdict(.basic(name: "ann", password: testPassword)) == "refused")
            database.fail(after: .max)
            var change = Access.UserChange()
            change.isDisabled = false
            try await access.changeUser(AccountName("ann"), change, by: .operator)
            #expect(await access.verdict(token) == "refused", "an enabling brings no token back")
            #expect(try await access.remove(.user))
            #expect(try await access.left(of: .user) == 0)
        }
    }

    enum Ending: CaseIterable, Sendable { case password, userDisabled, robotDisabled, goneFromFile }

    @Test("refresh tokens that a change has ended go in steps of a thousand (C6)", arguments: Ending.allCases)
    func ended(by ending: Ending) async throws {
        try await withRecording { access, database async throws in
            let owner: Owner = ending == .robotDisabled ? .robot : .user
            try await access.fill(owner, 2_500)
            var change = Access.UserChange()
            switch ending {
            case .password: change.password = "another password"
            case .userDisabled: change.isDisabled = true
            case .robotDisabled:
                try await access.changeRobot(RobotName("team+ci"), isDisabled: true, by: .operator)
            case .goneFromFile:
                _ = try await access.apply(try HtpasswdFile("bob:\(HtpasswdTests.seven)"))
                _ = try await access.write { t, _ throws(CatalogError) in
                    try t.execute("UPDATE access_refresh SET user_id = (SELECT max(id) FROM access_user)", [])
                }
                #expect(try await access.apply(try HtpasswdFile("")).gone == 1)
            }
            if ending == .password || ending == .userDisabled {
                try await access.changeUser(AccountName("ann"), change, by: .operator)
            }
            #expect(database.deleted == [1_000, 1_000, 500])
            #expect(try await access.left(of: owner) == 0)
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

extension Access {
    /// What most of hangs on the owner: refresh tokens, sessions or members.
    fileprivate func fill(_ owner: HousekeepingTests.Owner, _ count: Int64) async throws {
        if owner == .robot { _ = try await addRobot(RobotName("team+ci"), by: .operator) }
        if owner == .group { _ = try await addGroup(AccountName("team"), by: .operator) }
        if owner == .trust { return try await fill(.sessions, count, endedAt: now + 3_600_000_000, from: 1) }
        if owner == .user { return try await fill(.refreshTokens, count, endedAt: now, from: 1) }
        let values = [SQLValue.integer(1), .integer(count)]
        _ = try await write { t, _ throws(CatalogError) in
            if owner == .robot {
                try t.execute(
                    """
                    WITH RECURSIVE number (n) AS (VALUES (?) UNION ALL SELECT n + 1 FROM number WHERE n < ?)
                    INSERT INTO access_refresh (prefix, hash, robot_id, version, created_at, last_used_at)
                    SELECT 'r' || n, x'00', access_robot.id, 1, 0, 0 FROM number, access_robot
                    """, values)
            } else {
                try t.execute(
                    """
                    WITH RECURSIVE number (n) AS (VALUES (?) UNION ALL SELECT n + 1 FROM number WHERE n < ?)
                    INSERT INTO access_user (name, version, is_admin, is_disabled, created_at)
                    SELECT 'u' || n, 1, 0, 0, 0 FROM number
                    """, values)
                try t.execute(
                    """
                    INSERT INTO access_group_member (group_id, user_id)
                    SELECT access_group.id, access_user.id FROM access_group, access_user WHERE access_user.name <> 'ann'
                    """, [])
            }
        }
    }

    fileprivate func remove(_ owner: HousekeepingTests.Owner) async throws -> Bool {
        switch owner {
        case .user: try await removeUser(AccountName("ann"), by: .operator)
        case .robot: try await removeRobot(RobotName("team+ci"), by: .operator)
        case .group: try await removeGroup(AccountName("team"), by: .operator)
        case .trust: try await removeTrust(AccountName("ci"), by: .operator)
        }
    }

    fileprivate func left(of owner: HousekeepingTests.Owner) async throws -> Int64? {
        switch owner {
        case .user, .robot: try await count(.refreshTokens)
        case .trust: try await count(.sessions)
        case .group:
            try await database.read { t throws(CatalogError) in
                try t.row("SELECT count(*) FROM access_group_member", [])?.integer(0)
            }
        }
    }
}
