// The schema in SQLite's dialect. Three facts are kept apart: content (blob), link
// (repository_blob: may be read in this repository) and edge (manifest_reference: has to stay).
//
// Columns named leased_at and deleted_at hold registry time, all other times microseconds since 1970.

extension Migration {
    static let first = Migration(
        number: 1, name: "the first schema",
        statements: [
            """
            CREATE TABLE meta (
                id            INTEGER PRIMARY KEY CHECK (id = 1),
                registry_id   TEXT    NOT NULL,
                seq           INTEGER NOT NULL,
                registry_time INTEGER NOT NULL,
                boot_id       TEXT    NOT NULL,
                is_clean      INTEGER NOT NULL CHECK (is_clean IN (0, 1)),
                created_at    INTEGER NOT NULL
            ) STRICT
            """,
            """
            CREATE TABLE repository (
                id         INTEGER PRIMARY KEY AUTOINCREMENT,
                name       TEXT    NOT NULL UNIQUE,
                manifests  INTEGER NOT NULL DEFAULT 0 CHECK (manifests >= 0),
                created_at INTEGER NOT NULL,
                deleted_at INTEGER,
                deleted_by TEXT
            ) STRICT
            """,
            """
            CREATE INDEX repository_listed ON repository (name) WHERE manifests > 0
            """,
            """
            CREATE TABLE blob (
                digest     TEXT    NOT NULL PRIMARY KEY,
                size       INTEGER NOT NULL CHECK (size >= 0),
                state      INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
                damaged    INTEGER NOT NULL CHECK (damaged IN (0, 1)),
                created_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE INDEX blob_leaving ON blob (state, digest) WHERE state > 0
            """,
            """
            CREATE INDEX blob_damaged ON blob (digest) WHERE damaged = 1
            """,
            """
            CREATE TABLE blob_staging (
                id        INTEGER PRIMARY KEY AUTOINCREMENT,
                digest    TEXT    NOT NULL UNIQUE REFERENCES blob (digest),
                size      INTEGER NOT NULL CHECK (size >= 0),
                upload_id TEXT,
                bytes     BLOB,
                CHECK ((upload_id IS NULL) <> (bytes IS NULL))
            ) STRICT
            """,
            """
            CREATE TABLE repository_blob (
                repository_id INTEGER NOT NULL REFERENCES repository (id),
                digest        TEXT    NOT NULL REFERENCES blob (digest),
                kind          INTEGER NOT NULL CHECK (kind IN (0, 1)),
                linked_by     TEXT    NOT NULL,
                leased_at     INTEGER,
                deleted_at    INTEGER,
                deleted_by    TEXT,
                PRIMARY KEY (repository_id, digest, kind)
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE INDEX repository_blob_holders ON repository_blob (digest, repository_id)
            """,
            """
            CREATE INDEX repository_blob_leases ON repository_blob (leased_at) WHERE leased_at IS NOT NULL
            """,
            """
            CREATE INDEX repository_blob_deleted ON repository_blob (deleted_at) WHERE deleted_at IS NOT NULL
            """,
            """
            CREATE TABLE manifest (
                id              INTEGER PRIMARY KEY AUTOINCREMENT,
                repository_id   INTEGER NOT NULL REFERENCES repository (id),
                digest          TEXT    NOT NULL REFERENCES blob (digest),
                type            TEXT    NOT NULL,
                artifact_type   TEXT,
                subject         TEXT,
                size            INTEGER NOT NULL CHECK (size >= 0),
                annotations     TEXT    NOT NULL,
                depth           INTEGER NOT NULL CHECK (depth >= 0),
                is_root         INTEGER NOT NULL CHECK (is_root IN (0, 1)),
                pushed_at       INTEGER NOT NULL,
                pushed_by       TEXT    NOT NULL,
                deleted_at      INTEGER,
                deleted_by      TEXT,
                deleted_with    INTEGER,
                detach_position INTEGER,
                UNIQUE (digest, repository_id)
            ) STRICT
            """,
            """
            CREATE INDEX manifest_referrers ON manifest (repository_id, subject, id)
                WHERE subject IS NOT NULL AND deleted_at IS NULL
            """,
            """
            CREATE INDEX manifest_referrers_by_type ON manifest (repository_id, subject, artifact_type, id)
                WHERE subject IS NOT NULL AND deleted_at IS NULL
            """,
            """
            CREATE INDEX manifest_deleted ON manifest (deleted_at) WHERE deleted_at IS NOT NULL
            """,
            """
            CREATE INDEX manifest_deleted_with ON manifest (deleted_with) WHERE deleted_with IS NOT NULL
            """,
            """
            CREATE INDEX manifest_detaching ON manifest (deleted_with, id) WHERE detach_position IS NOT NULL
            """,
            """
            CREATE TABLE manifest_reference (
                manifest_id   INTEGER NOT NULL REFERENCES manifest (id) ON DELETE CASCADE,
                position      INTEGER NOT NULL,
                repository_id INTEGER NOT NULL,
                role          INTEGER NOT NULL CHECK (role IN (0, 1, 2)),
                digest        TEXT    NOT NULL,
                PRIMARY KEY (manifest_id, position)
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE INDEX manifest_reference_holders ON manifest_reference (digest, repository_id)
            """,
            """
            CREATE TABLE tag (
                repository_id INTEGER NOT NULL REFERENCES repository (id),
                name          TEXT    NOT NULL,
                manifest_id   INTEGER NOT NULL REFERENCES manifest (id),
                PRIMARY KEY (repository_id, name)
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE INDEX tag_manifest ON tag (manifest_id, name)
            """,
            """
            CREATE TABLE tag_history (
                id            INTEGER PRIMARY KEY AUTOINCREMENT,
                repository_id INTEGER NOT NULL REFERENCES repository (id),
                tag           TEXT    NOT NULL,
                changed_at    INTEGER NOT NULL,
                changed_by    TEXT    NOT NULL,
                old_digest    TEXT,
                new_digest    TEXT,
                deleted_with  INTEGER
            ) STRICT
            """,
            """
            CREATE INDEX tag_history_tag ON tag_history (repository_id, tag, id)
            """,
            """
            CREATE INDEX tag_history_deleted_with ON tag_history (deleted_with) WHERE deleted_with IS NOT NULL
            """,
            """
            CREATE TABLE upload (
                id         TEXT    NOT NULL PRIMARY KEY,
                repository TEXT    NOT NULL,
                principal  TEXT    NOT NULL,
                outcome    INTEGER NOT NULL CHECK (outcome IN (0, 1, 2)),
                digest     TEXT,
                ended_at   INTEGER
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE TABLE event (
                id          INTEGER PRIMARY KEY AUTOINCREMENT,
                kind        INTEGER NOT NULL CHECK (kind IN (0, 1, 2, 3)),
                repository  TEXT    NOT NULL,
                digest      TEXT    NOT NULL,
                tag         TEXT,
                principal   TEXT    NOT NULL,
                happened_at INTEGER NOT NULL
            ) STRICT
            """,
        ])
}
