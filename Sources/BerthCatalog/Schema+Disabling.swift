// What may rest for now, and be there again: groups, grants, personal tokens and robots' secrets, signing keys.

extension Migration {
    static let disabling = Migration(
        number: 13, name: "disabling",
        statements: [
            """
            ALTER TABLE access_group
            ADD COLUMN is_disabled INTEGER NOT NULL DEFAULT 0 CHECK (is_disabled IN (0, 1))
            """,
            """
            ALTER TABLE access_grant
            ADD COLUMN is_disabled INTEGER NOT NULL DEFAULT 0 CHECK (is_disabled IN (0, 1))
            """,
            """
            ALTER TABLE access_secret
            ADD COLUMN is_disabled INTEGER NOT NULL DEFAULT 0 CHECK (is_disabled IN (0, 1))
            """,
            """
            ALTER TABLE access_key
            ADD COLUMN is_disabled INTEGER NOT NULL DEFAULT 0 CHECK (is_disabled IN (0, 1))
            """,
        ])
}
