import BerthCatalog
import BerthModel

extension Access {
    /// Adds a robot; it logs in with a secret (`addSecret`) and may do what it is granted within its namespace.
    package func addRobot(_ name: RobotName, by actor: Actor) async throws(AccessError) -> Addition {
        try mayClose()
        let now = self.now
        return try await changing { t, entries throws(CatalogError) -> Addition in
            if try t.exists("SELECT 1 FROM access_robot WHERE name = ?", [.text(name.text)]) { return .thereAlready }
            try t.execute(
                "INSERT INTO access_robot (name, version, is_disabled, created_at) VALUES (?, 1, 0, ?)",
                [.text(name.text), .integer(now)])
            try t.close(at: now)
            entries.append(AuditEntry(now, actor, "robot.add", name.text))
            return .added
        }
    }

    /// Closes a robot's account, or opens it again: whether it was otherwise before. A closing ends the tokens that its
    /// secrets have brought. Throws `.unknown`.
    @discardableResult
    package func changeRobot(_ name: RobotName, isDisabled: Bool, by actor: Actor) async throws(AccessError) -> Bool {
        let now = self.now
        let outcome = try await changing { t, entries throws(CatalogError) in
            let outcome = try t.set(isDisabled, .robot, [.text(name.text)])
            if case .changed = outcome { entries.append(AuditEntry(now, actor, .robot, name.text, isDisabled)) }
            return outcome
        }
        if case .changed(let id) = outcome, isDisabled { await forgetRefreshTokens(ofRobot: id) }
        return try outcome.isChange(orUnknown: "robot \(name)")
    }

    /// Removes a robot with secrets and grants; false where there is none.
    package func removeRobot(_ name: RobotName, by actor: Actor) async throws(AccessError) -> Bool {
        try await remove(.robot, name.text, by: actor) != nil
    }
}
