// What purging and going back to a snapshot need beside the facts.

extension Migration {
    static let purge = Migration(
        number: 9, name: "purging and restoring",
        statements: [
            """
            CREATE TABLE purge (
                id        INTEGER PRIMARY KEY AUTOINCREMENT,
                key       TEXT    NOT NULL UNIQUE,
                target    TEXT    NOT NULL,
                purged_at INTEGER NOT NULL,
                purged_by TEXT    NOT NULL,
                seq       INTEGER NOT NULL,
                is_done   INTEGER NOT NULL CHECK (is_done IN (0, 1)),
                rewrites  INTEGER NOT NULL CHECK (rewrites IN (0, 1)),
                manifests INTEGER NOT NULL DEFAULT 0,
                tags      INTEGER NOT NULL DEFAULT 0,
                blobs     INTEGER NOT NULL DEFAULT 0,
                bytes     INTEGER NOT NULL DEFAULT 0
            ) STRICT
            """,
            """
            CREATE INDEX purge_open ON purge (id) WHERE is_done = 0
            """,
            """
            CREATE TABLE purge_content (
                purge_id  INTEGER NOT NULL REFERENCES purge (id),
                digest    TEXT    NOT NULL,
                state     INTEGER NOT NULL CHECK (state IN (0, 1, 2, 3, 4)),
                upload_id TEXT,
                PRIMARY KEY (purge_id, digest)
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE INDEX purge_content_state ON purge_content (purge_id, state, digest)
            """,
            """
            CREATE TABLE restoration (
                id           INTEGER PRIMARY KEY AUTOINCREMENT,
                snapshot     TEXT    NOT NULL,
                snapshot_seq INTEGER NOT NULL,
                replaced_seq INTEGER NOT NULL,
                restored_at  INTEGER NOT NULL,
                happened_at  INTEGER NOT NULL,
                restored_by  TEXT    NOT NULL,
                is_checked   INTEGER NOT NULL CHECK (is_checked IN (0, 1)),
                cleaned      INTEGER NOT NULL DEFAULT 0,
                lost         INTEGER NOT NULL DEFAULT 0
            ) STRICT
            """,
        ])
}
