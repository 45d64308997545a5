// The tables of BerthAccess: who there is, and who may do what. All times are microseconds since 1970.

extension Migration {
    static let access = Migration(
        number: 2, name: "accounts, grants and their log",
        statements: [
            """
            CREATE TABLE access_state (
                id        INTEGER PRIMARY KEY CHECK (id = 1),
                version   INTEGER NOT NULL,
                is_closed INTEGER NOT NULL CHECK (is_closed IN (0, 1))
            ) STRICT
            """,
            """
            INSERT INTO access_state (id, version, is_closed) VALUES (1, 0, 0)
            """,
            """
            CREATE TABLE access_user (
                id           INTEGER PRIMARY KEY AUTOINCREMENT,
                name         TEXT    NOT NULL UNIQUE,
                password     TEXT,
                version      INTEGER NOT NULL,
                is_admin     INTEGER NOT NULL CHECK (is_admin IN (0, 1)),
                is_disabled  INTEGER NOT NULL CHECK (is_disabled IN (0, 1)),
                created_at   INTEGER NOT NULL,
                last_used_at INTEGER
            ) STRICT
            """,
            """
            CREATE TABLE access_group (
                id         INTEGER PRIMARY KEY AUTOINCREMENT,
                name       TEXT    NOT NULL UNIQUE,
                created_at INTEGER NOT NULL
            ) STRICT
            """,
            """
            CREATE TABLE access_group_member (
                group_id INTEGER NOT NULL REFERENCES access_group (id) ON DELETE CASCADE,
                user_id  INTEGER NOT NULL REFERENCES access_user (id) ON DELETE CASCADE,
                PRIMARY KEY (group_id, user_id)
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE INDEX access_group_member_user ON access_group_member (user_id)
            """,
            """
            CREATE TABLE access_robot (
                id          INTEGER PRIMARY KEY AUTOINCREMENT,
                name        TEXT    NOT NULL UNIQUE,
                version     INTEGER NOT NULL,
                is_disabled INTEGER NOT NULL CHECK (is_disabled IN (0, 1)),
                created_at  INTEGER NOT NULL
            ) STRICT
            """,
            """
            CREATE TABLE access_secret (
                id           INTEGER PRIMARY KEY AUTOINCREMENT,
                prefix       TEXT    NOT NULL UNIQUE,
                hash         BLOB    NOT NULL,
                user_id      INTEGER REFERENCES access_user (id) ON DELETE CASCADE,
                robot_id     INTEGER REFERENCES access_robot (id) ON DELETE CASCADE,
                label        TEXT    NOT NULL,
                scopes       TEXT,
                created_at   INTEGER NOT NULL,
                expires_at   INTEGER,
                last_used_at INTEGER,
                CHECK ((user_id IS NULL) <> (robot_id IS NULL))
            ) STRICT
            """,
            """
            CREATE INDEX access_secret_user ON access_secret (user_id) WHERE user_id IS NOT NULL
            """,
            """
            CREATE INDEX access_secret_robot ON access_secret (robot_id) WHERE robot_id IS NOT NULL
            """,
            """
            CREATE TABLE access_grant (
                id           INTEGER PRIMARY KEY AUTOINCREMENT,
                subject_kind INTEGER NOT NULL CHECK (subject_kind IN (0, 1, 2, 3)),
                subject_id   INTEGER NOT NULL,
                pattern      TEXT    NOT NULL,
                role         INTEGER NOT NULL CHECK (role IN (0, 1, 2, 3)),
                created_at   INTEGER NOT NULL,
                created_by   TEXT    NOT NULL,
                UNIQUE (subject_kind, subject_id, pattern)
            ) STRICT
            """,
            """
            CREATE TABLE access_refresh (
                id           INTEGER PRIMARY KEY AUTOINCREMENT,
                prefix       TEXT    NOT NULL UNIQUE,
                hash         BLOB    NOT NULL,
                user_id      INTEGER REFERENCES access_user (id) ON DELETE CASCADE,
                robot_id     INTEGER REFERENCES access_robot (id) ON DELETE CASCADE,
                secret_id    INTEGER REFERENCES access_secret (id) ON DELETE CASCADE,
                version      INTEGER NOT NULL,
                created_at   INTEGER NOT NULL,
                last_used_at INTEGER NOT NULL,
                CHECK ((user_id IS NULL) <> (robot_id IS NULL))
            ) STRICT
            """,
            """
            CREATE INDEX access_refresh_user ON access_refresh (user_id) WHERE user_id IS NOT NULL
            """,
            """
            CREATE INDEX access_refresh_robot ON access_refresh (robot_id) WHERE robot_id IS NOT NULL
            """,
            """
            CREATE INDEX access_refresh_secret ON access_refresh (secret_id) WHERE secret_id IS NOT NULL
            """,
            """
            CREATE INDEX access_refresh_last_used ON access_refresh (last_used_at)
            """,
            """
            CREATE TABLE access_key (
                id          INTEGER PRIMARY KEY AUTOINCREMENT,
                kid         TEXT    NOT NULL UNIQUE,
                private_key TEXT    NOT NULL,
                created_at  INTEGER NOT NULL,
                signs_from  INTEGER NOT NULL,
                retired_at  INTEGER
            ) STRICT
            """,
            """
            CREATE TABLE audit (
                id          INTEGER PRIMARY KEY AUTOINCREMENT,
                happened_at INTEGER NOT NULL,
                actor       TEXT    NOT NULL,
                action      TEXT    NOT NULL,
                target      TEXT    NOT NULL,
                address     TEXT    NOT NULL,
                outcome     INTEGER NOT NULL CHECK (outcome IN (0, 1)),
                detail      TEXT    NOT NULL
            ) STRICT
            """,
        ])
}
