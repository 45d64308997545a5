// What people say about a repository, and what lists of repositories show.
//
// How many tags there are is counted by the database itself: tags are written in many places, and a list must not
// count them anew (C6). `hidden_at` is the time of a deletion in microseconds since 1970, for people alone.

extension Migration {
    static let repositories = Migration(
        number: 8, name: "repositories",
        statements: [
            """
            ALTER TABLE repository ADD COLUMN is_protected INTEGER NOT NULL DEFAULT 0 CHECK (is_protected IN (0, 1))
            """,
            """
            ALTER TABLE repository ADD COLUMN description TEXT NOT NULL DEFAULT ''
            """,
            """
            ALTER TABLE repository ADD COLUMN tags INTEGER NOT NULL DEFAULT 0 CHECK (tags >= 0)
            """,
            """
            ALTER TABLE repository ADD COLUMN hidden_at INTEGER
            """,
            """
            UPDATE repository SET tags = (SELECT count(*) FROM tag t WHERE t.repository_id = repository.id)
            """,
            """
            CREATE TRIGGER tag_appears AFTER INSERT ON tag
            BEGIN UPDATE repository SET tags = tags + 1 WHERE id = new.repository_id; END
            """,
            """
            CREATE TRIGGER tag_goes AFTER DELETE ON tag
            BEGIN UPDATE repository SET tags = tags - 1 WHERE id = old.repository_id; END
            """,
            """
            CREATE INDEX repository_present ON repository (name) WHERE deleted_at IS NULL
            """,
            """
            CREATE INDEX repository_gone ON repository (name) WHERE deleted_at IS NOT NULL
            """,
            // Repositories that go and come back, kinds 4 and 5, without a digest: a check cannot be changed, so the
            // table is made anew.
            """
            ALTER TABLE event RENAME TO event_before
            """,
            """
            CREATE TABLE event (
                id          INTEGER PRIMARY KEY AUTOINCREMENT,
                kind        INTEGER NOT NULL CHECK (kind IN (0, 1, 2, 3, 4, 5)),
                repository  TEXT    NOT NULL,
                digest      TEXT,
                tag         TEXT,
                principal   TEXT    NOT NULL,
                happened_at INTEGER NOT NULL,
                CHECK ((digest IS NULL) = (kind >= 4))
            ) STRICT
            """,
            """
            INSERT INTO event (id, kind, repository, digest, tag, principal, happened_at)
            SELECT id, kind, repository, digest, tag, principal, happened_at
            FROM event_before
            """,
            """
            DROP TABLE event_before
            """,
        ])
}
