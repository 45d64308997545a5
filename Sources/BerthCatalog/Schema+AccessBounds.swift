// Whether a file governs its users, and what of the audit log may be forgotten first.

extension Migration {
    static let accessBounds = Migration(
        number: 10, name: "bounds of access",
        statements: [
            """
            ALTER TABLE access_state
            ADD COLUMN follows_file INTEGER NOT NULL DEFAULT 0 CHECK (follows_file IN (0, 1))
            """,
            """
            UPDATE access_state SET follows_file = 1 WHERE EXISTS (SELECT 1 FROM access_file_user)
            """,
            """
            CREATE INDEX audit_outcome ON audit (outcome, id)
            """,
        ])
}
