// Whose account a client's certificate opens. Times are microseconds since 1970.

extension Migration {
    static let certificates = Migration(
        number: 3, name: "certificates",
        statements: [
            """
            CREATE TABLE access_certificate (
                id          INTEGER PRIMARY KEY AUTOINCREMENT,
                name        TEXT    NOT NULL UNIQUE,
                user_id     INTEGER REFERENCES access_user (id) ON DELETE CASCADE,
                robot_id    INTEGER REFERENCES access_robot (id) ON DELETE CASCADE,
                is_disabled INTEGER NOT NULL CHECK (is_disabled IN (0, 1)),
                created_at  INTEGER NOT NULL,
                created_by  TEXT    NOT NULL,
                CHECK ((user_id IS NULL) <> (robot_id IS NULL))
            ) STRICT
            """,
            """
            CREATE INDEX access_certificate_user ON access_certificate (user_id) WHERE user_id IS NOT NULL
            """,
            """
            CREATE INDEX access_certificate_robot ON access_certificate (robot_id) WHERE robot_id IS NOT NULL
            """,
        ])
}
