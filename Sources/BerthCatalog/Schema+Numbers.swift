// Links and edges, of which there are most, name content by a number. By its digest each row of theirs was on a page of its
// own in three indexes, and a push into a large catalog read, logged and wrote them all; numbers rise with time, so that
// what came together lies together.
//
// A list of three in a check has SQLite make a table for it with each row that is written, so that the checks of what every
// push writes are bounds instead.
//
// An edge may name what is not here: a manifest of a sparse index, a layer that is not meant to be distributed. Such content
// has a row of state 3, which says its digest and nothing else.
//
// Nothing keeps a number from one transaction to the next but as a place in a walk, so that one may be given out again.

extension Migration {
    static let numbers = Migration(
        number: 15, name: "numbers of content",
        statements: [
            """
            CREATE TABLE blob_next (
                id         INTEGER PRIMARY KEY,
                digest     TEXT    NOT NULL UNIQUE,
                size       INTEGER NOT NULL CHECK (size >= 0),
                state      INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
                damaged    INTEGER NOT NULL CHECK (damaged IN (0, 1)),
                created_at INTEGER NOT NULL,
                CHECK (state < 3 OR (size = 0 AND damaged = 0))
            ) STRICT
            """,
            """
            INSERT INTO blob_next (digest, size, state, damaged, created_at)
            SELECT digest, size, state, damaged, created_at
            FROM blob
            ORDER BY created_at, digest
            """,
            """
            INSERT INTO blob_next (digest, size, state, damaged, created_at)
            SELECT DISTINCT e.digest, 0, 3, 0, 0
            FROM manifest_reference e
            WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.digest = e.digest)
            """,
            """
            CREATE TABLE repository_blob_next (
                repository_id INTEGER NOT NULL REFERENCES repository (id),
                blob_id       INTEGER NOT NULL REFERENCES blob (id),
                kind          INTEGER NOT NULL CHECK (kind IN (0, 1)),
                linked_by     TEXT    NOT NULL,
                leased_at     INTEGER,
                deleted_at    INTEGER,
                deleted_by    TEXT,
                PRIMARY KEY (repository_id, blob_id, kind)
            ) STRICT, WITHOUT ROWID
            """,
            """
            INSERT INTO repository_blob_next (
                repository_id, blob_id, kind, linked_by, leased_at, deleted_at, deleted_by
            )
            SELECT l.repository_id, b.id, l.kind, l.linked_by, l.leased_at, l.deleted_at, l.deleted_by
            FROM repository_blob l
            JOIN blob_next b ON b.digest = l.digest
            ORDER BY l.repository_id, b.id, l.kind
            """,
            """
            CREATE TABLE manifest_reference_next (
                manifest_id   INTEGER NOT NULL REFERENCES manifest (id) ON DELETE CASCADE,
                position      INTEGER NOT NULL,
                repository_id INTEGER NOT NULL,
                role          INTEGER NOT NULL CHECK (role BETWEEN 0 AND 2),
                blob_id       INTEGER NOT NULL REFERENCES blob (id),
                PRIMARY KEY (manifest_id, position)
            ) STRICT, WITHOUT ROWID
            """,
            """
            INSERT INTO manifest_reference_next (manifest_id, position, repository_id, role, blob_id)
            SELECT e.manifest_id, e.position, e.repository_id, e.role, b.id
            FROM manifest_reference e
            JOIN blob_next b ON b.digest = e.digest
            ORDER BY e.manifest_id, e.position
            """,
            """
            CREATE TABLE upload_next (
                id         TEXT    NOT NULL PRIMARY KEY,
                repository TEXT    NOT NULL,
                principal  TEXT    NOT NULL,
                outcome    INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 2),
                digest     TEXT,
                ended_at   INTEGER
            ) STRICT, WITHOUT ROWID
            """,
            """
            INSERT INTO upload_next (id, repository, principal, outcome, digest, ended_at)
            SELECT id, repository, principal, outcome, digest, ended_at
            FROM upload
            """,
            """
            CREATE TABLE event_next (
                id          INTEGER PRIMARY KEY AUTOINCREMENT,
                kind        INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 5),
                repository  TEXT    NOT NULL,
                digest      TEXT,
                tag         TEXT,
                principal   TEXT    NOT NULL,
                happened_at INTEGER NOT NULL,
                CHECK ((digest IS NULL) = (kind >= 4))
            ) STRICT
            """,
            """
            INSERT INTO event_next (id, kind, repository, digest, tag, principal, happened_at)
            SELECT id, kind, repository, digest, tag, principal, happened_at
            FROM event
            """,
            // Numbers of events that nobody has any more are not given out again.
            """
            DELETE FROM sqlite_sequence WHERE name = 'event_next'
            """,
            """
            UPDATE sqlite_sequence SET name = 'event_next' WHERE name = 'event'
            """,
            """
            DROP TABLE event
            """,
            """
            DROP TABLE upload
            """,
            """
            DROP TABLE manifest_reference
            """,
            """
            DROP TABLE repository_blob
            """,
            """
            DROP TABLE blob
            """,
            """
            ALTER TABLE blob_next RENAME TO blob
            """,
            """
            ALTER TABLE repository_blob_next RENAME TO repository_blob
            """,
            """
            ALTER TABLE manifest_reference_next RENAME TO manifest_reference
            """,
            """
            ALTER TABLE upload_next RENAME TO upload
            """,
            """
            ALTER TABLE event_next RENAME TO event
            """,
            """
            CREATE INDEX upload_open ON upload (repository) WHERE outcome = 0
            """,
            """
            CREATE INDEX blob_leaving ON blob (state, digest) WHERE state > 0
            """,
            """
            CREATE INDEX blob_damaged ON blob (digest) WHERE damaged = 1
            """,
            """
            CREATE INDEX repository_blob_holders ON repository_blob (blob_id, repository_id)
            """,
            """
            CREATE INDEX repository_blob_leases ON repository_blob (leased_at) WHERE leased_at IS NOT NULL
            """,
            """
            CREATE INDEX repository_blob_deleted ON repository_blob (deleted_at) WHERE deleted_at IS NOT NULL
            """,
            """
            CREATE INDEX manifest_reference_holders ON manifest_reference (blob_id, repository_id)
            """,
        ])
}
