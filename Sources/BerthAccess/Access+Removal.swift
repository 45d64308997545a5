import BerthCatalog
import BerthModel
import Logging

// What hangs on a user, a group, a robot or a trust rule can be more than one write may touch (C6).

/// A kind of thing whose removal takes other rows along.
struct Removal: Sendable {
    /// As the audit log calls it: `user.remove`.
    let action: String
    /// How it is found, and kept from counting while its rows go.
    let disabling: Disabling
    /// What goes first. Each takes the id, and the most rows that may go.
    let before: [StaticString]
    /// Takes the id.
    let last: StaticString
    /// Takes the id, and gives a row for one that may not be removed.
    var unless: StaticString?

    static let user = Removal(
        action: "user.remove", disabling: .user,
        before: [
            """
            DELETE FROM access_refresh
            WHERE id IN (SELECT id FROM access_refresh WHERE user_id = ? LIMIT ?)
            """,
            """
            DELETE FROM access_secret
            WHERE id IN (SELECT id FROM access_secret WHERE user_id = ? LIMIT ?)
            """,
            """
            DELETE FROM access_certificate
            WHERE id IN (SELECT id FROM access_certificate WHERE user_id = ? LIMIT ?)
            """,
            """
            DELETE FROM access_group_member
            WHERE (group_id, user_id) IN (SELECT group_id, user_id FROM access_group_member WHERE user_id = ? LIMIT ?)
            """,
            """
            DELETE FROM access_grant
            WHERE id IN (SELECT id FROM access_grant WHERE subject_kind = 1 AND subject_id = ? LIMIT ?)
            """,
        ], last: "DELETE FROM access_user WHERE id = ?",
        unless: """
            SELECT 1
            FROM access_file_user
            JOIN access_state ON access_state.id = 1
            WHERE user_id = ? AND is_absent = 0 AND follows_file = 1
            """)
    static let group = Removal(
        action: "group.remove", disabling: .group,
        before: [
            """
            DELETE FROM access_group_member
            WHERE (group_id, user_id) IN (SELECT group_id, user_id FROM access_group_member WHERE group_id = ? LIMIT ?)
            """,
            """
            DELETE FROM access_grant
            WHERE id IN (SELECT id FROM access_grant WHERE subject_kind = 2 AND subject_id = ? LIMIT ?)
            """,
        ], last: "DELETE FROM access_group WHERE id = ?")
    static let robot = Removal(
        action: "robot.remove", disabling: .robot,
        before: [
            """
            DELETE FROM access_refresh
            WHERE id IN (SELECT id FROM access_refresh WHERE robot_id = ? LIMIT ?)
            """,
            """
            DELETE FROM access_secret
            WHERE id IN (SELECT id FROM access_secret WHERE robot_id = ? LIMIT ?)
            """,
            """
            DELETE FROM access_certificate
            WHERE id IN (SELECT id FROM access_certificate WHERE robot_id = ? LIMIT ?)
            """,
            """
            DELETE FROM access_grant
            WHERE id IN (SELECT id FROM access_grant WHERE subject_kind = 3 AND subject_id = ? LIMIT ?)
            """,
        ], last: "DELETE FROM access_robot WHERE id = ?")
    static let trust = Removal(
        action: "trust.remove", disabling: .trust,
        before: [
            """
            DELETE FROM trust_session
            WHERE id IN (SELECT id FROM trust_session WHERE rule_id = ? LIMIT ?)
            """,
            """
            DELETE FROM access_grant
            WHERE id IN (SELECT id FROM access_grant WHERE subject_kind = 4 AND subject_id = ? LIMIT ?)
            """,
        ], last: "DELETE FROM trust_rule WHERE id = ?")
}

private enum RemovalOutcome: Sendable, Equatable {
    case unknown, kept
    case removed(id: Int64)
    /// It is disabled now, and there is more than one write may take along.
    case begun(id: Int64)
}

extension Access {
    /// Removes what has this name with all that hangs on it: its id, or nil where there is none. Mostly that is one write.
    /// Where it is too much for one, the first disables it, so that nothing of it counts while the rest goes step for step;
    /// where that is cut off, a second run does the rest. Throws `.conflict` with `kept` for one that may not go.
    func remove(
        _ kind: Removal, _ name: String, kept: String = "", by actor: Actor
    ) async throws(AccessError) -> Int64? {
        let now = self.now
        while true {
            let outcome = try await changing { t, entries throws(CatalogError) -> RemovalOutcome in
                guard let row = try t.row(kind.disabling.find, [.text(name)]) else { return .unknown }
                let id = try row.integer(0)
                if let unless = kind.unless, try t.exists(unless, [.integer(id)]) { return .kept }
                var room = Self.mostRows
                for sql in kind.before where room > 0 {
                    room -= Int64(try t.execute(sql, [.integer(id), .integer(room)]))
                }
                guard room > 0 else {
                    if case .changed = try t.set(true, kind.disabling, [.text(name)]) {
                        entries.append(AuditEntry(now, actor, kind.disabling, name, true))
                    }
                    return .begun(id: id)
                }
                try t.execute(kind.last, [.integer(id)])
                entries.append(AuditEntry(now, actor, kind.action, name))
                return .removed(id: id)
            }
            switch outcome {
            case .unknown: return nil
            case .kept: throw .conflict(kept)
            case .removed(let id): return id
            case .begun(let id):
                do throws(CatalogError) {
                    for sql in kind.before { try await delete(sql, where: id, steps: .max) }
                } catch { throw .failed(error) }
            }
        }
    }

    /// Forgets the refresh tokens that a new password or a disabling has ended, as many as there are. Where that fails it
    /// is told alone: none of them counts, and housekeeping forgets them.
    func forgetRefreshTokens(ofUser id: Int64) async {
        await forgetRefreshTokens(
            """
            DELETE FROM access_refresh
            WHERE id IN (
                SELECT access_refresh.id
                FROM access_refresh
                JOIN access_user ON access_user.id = access_refresh.user_id
                WHERE access_refresh.user_id = ? AND access_refresh.version <> access_user.version
                LIMIT ?)
            """, of: id)
    }

    func forgetRefreshTokens(ofRobot id: Int64) async {
        await forgetRefreshTokens(
            """
            DELETE FROM access_refresh
            WHERE id IN (
                SELECT access_refresh.id
                FROM access_refresh
                JOIN access_robot ON access_robot.id = access_refresh.robot_id
                WHERE access_refresh.robot_id = ? AND access_refresh.version <> access_robot.version
                LIMIT ?)
            """, of: id)
    }

    /// The same of all users of an htpasswd file, many of whom may have changed at once.
    func forgetRefreshTokens() async {
        let ids: [Int64]
        do throws(CatalogError) {
            ids = try await database.read { t throws(CatalogError) in
                try t.rows(
                    """
                    SELECT DISTINCT access_user.id
                    FROM access_file_user
                    JOIN access_user ON access_user.id = access_file_user.user_id
                    JOIN access_refresh ON access_refresh.user_id = access_user.id
                    WHERE access_refresh.version <> access_user.version
                    """, []
                ).map { row throws(CatalogError) in try row.integer(0) }
            }
        } catch {
            log.error("ended refresh tokens not forgotten", metadata: ["cause": "\(error)"])
            return
        }
        for id in ids { await forgetRefreshTokens(ofUser: id) }
    }

    private func forgetRefreshTokens(_ sql: StaticString, of id: Int64) async {
        do throws(CatalogError) { try await delete(sql, where: id, steps: .max) } catch {
            log.error("ended refresh tokens not forgotten", metadata: ["cause": "\(error)"])
        }
    }
}
