// Who issues identity tokens that are trusted, with what in them, and the jobs that came with one.
// All times are microseconds since 1970.

extension Migration {
    static let trust = Migration(
        number: 5, name: "trust",
        statements: [
            """
            CREATE TABLE trust_rule (
                id             INTEGER PRIMARY KEY AUTOINCREMENT,
                name           TEXT    NOT NULL UNIQUE,
                issuer         TEXT    NOT NULL,
                audience       TEXT,
                conditions     TEXT    NOT NULL,
                authority      TEXT,
                keys           TEXT,
                allows_private INTEGER NOT NULL CHECK (allows_private IN (0, 1)),
                version        INTEGER NOT NULL,
                is_disabled    INTEGER NOT NULL CHECK (is_disabled IN (0, 1)),
                created_at     INTEGER NOT NULL,
                created_by     TEXT    NOT NULL,
                last_used_at   INTEGER
            ) STRICT
            """,
            """
            CREATE TABLE trust_session (
                id         INTEGER PRIMARY KEY AUTOINCREMENT,
                hash       BLOB    NOT NULL UNIQUE,
                rule_id    INTEGER NOT NULL REFERENCES trust_rule (id) ON DELETE CASCADE,
                version    INTEGER NOT NULL,
                subject    TEXT    NOT NULL,
                created_at INTEGER NOT NULL,
                expires_at INTEGER NOT NULL
            ) STRICT
            """,
            """
            CREATE INDEX trust_session_rule ON trust_session (rule_id)
            """,
            """
            CREATE INDEX trust_session_expires ON trust_session (expires_at)
            """,
            // Grants for trust rules, kind 4: a check cannot be changed, so the table is made anew.
            """
            ALTER TABLE access_grant RENAME TO access_grant_before
            """,
            """
            CREATE TABLE access_grant (
                id           INTEGER PRIMARY KEY AUTOINCREMENT,
                subject_kind INTEGER NOT NULL CHECK (subject_kind IN (0, 1, 2, 3, 4)),
                subject_id   INTEGER NOT NULL,
                pattern      TEXT    NOT NULL,
                role         INTEGER NOT NULL CHECK (role IN (0, 1, 2, 3)),
                created_at   INTEGER NOT NULL,
                created_by   TEXT    NOT NULL,
                UNIQUE (subject_kind, subject_id, pattern)
            ) STRICT
            """,
            """
            INSERT INTO access_grant (id, subject_kind, subject_id, pattern, role, created_at, created_by)
            SELECT id, subject_kind, subject_id, pattern, role, created_at, created_by
            FROM access_grant_before
            """,
            """
            DROP TABLE access_grant_before
            """,
        ])
}
