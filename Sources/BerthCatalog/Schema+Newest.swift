extension Migration {
    /// All steps in one, for a catalog that is new: one by one, with tables that are changed and rebuilt on the way, they
    /// take a quarter of a first start. A test holds this against them; where it is behind, they are taken.
    static let newest = Migration(
        number: 15, name: "a new catalog",
        statements: [
            """
            CREATE TABLE meta (
                id                   INTEGER PRIMARY KEY CHECK (id = 1),
                registry_id          TEXT    NOT NULL,
                seq                  INTEGER NOT NULL,
                registry_time        INTEGER NOT NULL,
                boot_id              TEXT    NOT NULL,
                is_clean             INTEGER NOT NULL CHECK (is_clean IN (0, 1)),
                created_at           INTEGER NOT NULL,
                counted_seq          INTEGER,
                counted_blobs        INTEGER,
                counted_bytes        INTEGER,
                counted_repositories INTEGER
            ) STRICT
            """,
            """
            CREATE TABLE repository (
                id           INTEGER PRIMARY KEY AUTOINCREMENT,
                name         TEXT    NOT NULL UNIQUE,
                manifests    INTEGER NOT NULL DEFAULT 0 CHECK (manifests >= 0),
                created_at   INTEGER NOT NULL,
                deleted_at   INTEGER,
                deleted_by   TEXT,
                is_protected INTEGER NOT NULL DEFAULT 0 CHECK (is_protected IN (0, 1)),
                description  TEXT    NOT NULL DEFAULT '',
                tags         INTEGER NOT NULL DEFAULT 0 CHECK (tags >= 0),
                hidden_at    INTEGER
            ) STRICT
            """,
            """
            CREATE INDEX repository_listed ON repository (name) WHERE manifests > 0
            """,
            """
            CREATE TABLE blob (
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
            CREATE INDEX repository_blob_holders ON repository_blob (blob_id, repository_id)
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
                role          INTEGER NOT NULL CHECK (role BETWEEN 0 AND 2),
                blob_id       INTEGER NOT NULL REFERENCES blob (id),
                PRIMARY KEY (manifest_id, position)
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE INDEX manifest_reference_holders ON manifest_reference (blob_id, repository_id)
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
            CREATE INDEX tag_history_deleted_with ON tag_history (deleted_with) WHERE deleted_with IS NOT NULL
            """,
            """
            CREATE TABLE upload (
                id         TEXT    NOT NULL PRIMARY KEY,
                repository TEXT    NOT NULL,
                principal  TEXT    NOT NULL,
                outcome    INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 2),
                digest     TEXT,
                ended_at   INTEGER
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE TABLE access_state (
                id           INTEGER PRIMARY KEY CHECK (id = 1),
                version      INTEGER NOT NULL,
                is_closed    INTEGER NOT NULL CHECK (is_closed IN (0, 1)),
                follows_file INTEGER NOT NULL DEFAULT 0 CHECK (follows_file IN (0, 1))
            ) STRICT
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
                id          INTEGER PRIMARY KEY AUTOINCREMENT,
                name        TEXT    NOT NULL UNIQUE,
                created_at  INTEGER NOT NULL,
                is_disabled INTEGER NOT NULL DEFAULT 0 CHECK (is_disabled IN (0, 1))
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
                is_disabled  INTEGER NOT NULL DEFAULT 0 CHECK (is_disabled IN (0, 1)),
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
                retired_at  INTEGER,
                is_disabled INTEGER NOT NULL DEFAULT 0 CHECK (is_disabled IN (0, 1))
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
            """
            CREATE TABLE access_file_user (
                user_id   INTEGER PRIMARY KEY REFERENCES access_user (id) ON DELETE CASCADE,
                is_absent INTEGER NOT NULL CHECK (is_absent IN (0, 1))
            ) STRICT
            """,
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
            """
            CREATE TABLE access_grant (
                id           INTEGER PRIMARY KEY AUTOINCREMENT,
                subject_kind INTEGER NOT NULL CHECK (subject_kind IN (0, 1, 2, 3, 4)),
                subject_id   INTEGER NOT NULL,
                pattern      TEXT    NOT NULL,
                role         INTEGER NOT NULL CHECK (role IN (0, 1, 2, 3)),
                created_at   INTEGER NOT NULL,
                created_by   TEXT    NOT NULL,
                is_disabled  INTEGER NOT NULL DEFAULT 0 CHECK (is_disabled IN (0, 1)),
                UNIQUE (subject_kind, subject_id, pattern)
            ) STRICT
            """,
            """
            CREATE INDEX upload_open ON upload (repository) WHERE outcome = 0
            """,
            """
            CREATE INDEX repository_deleted ON repository (deleted_at) WHERE deleted_at IS NOT NULL
            """,
            """
            CREATE INDEX manifest_gone_referrers ON manifest (repository_id, subject, id)
                WHERE subject IS NOT NULL AND deleted_at IS NOT NULL
            """,
            """
            CREATE TABLE stray_file (
                digest  TEXT    NOT NULL PRIMARY KEY,
                size    INTEGER NOT NULL CHECK (size >= 0),
                seen_at INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE INDEX stray_file_seen ON stray_file (seen_at)
            """,
            """
            CREATE INDEX tag_history_tag ON tag_history (repository_id, tag, changed_at, id)
            """,
            """
            CREATE TABLE tag_rule (
                name         TEXT    NOT NULL PRIMARY KEY,
                repositories TEXT    NOT NULL,
                tags         TEXT    NOT NULL,
                exceptions   TEXT    NOT NULL,
                created_at   INTEGER NOT NULL,
                created_by   TEXT    NOT NULL
            ) STRICT, WITHOUT ROWID
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
            """
            CREATE TABLE event (
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
            """
            CREATE INDEX audit_outcome ON audit (outcome, id)
            """,
            """
            CREATE TABLE undeletion (
                manifest_id   INTEGER NOT NULL PRIMARY KEY REFERENCES manifest (id) ON DELETE CASCADE,
                repository_id INTEGER NOT NULL REFERENCES repository (id),
                is_whole      INTEGER NOT NULL CHECK (is_whole IN (0, 1)),
                principal     TEXT    NOT NULL
            ) STRICT
            """,
            """
            CREATE INDEX manifest_repository ON manifest (repository_id)
            """,
            """
            CREATE INDEX manifest_deleted ON manifest (deleted_at, (-depth), id) WHERE deleted_at IS NOT NULL
            """,
            """
            INSERT INTO access_state (id, version, is_closed) VALUES (1, 0, 0)
            """,
        ])
}
