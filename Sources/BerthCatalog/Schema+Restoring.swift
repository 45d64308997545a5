// What a restoration in parts, and the purge of a whole repository, need.

extension Migration {
    static let restoring = Migration(
        number: 11, name: "restoring",
        statements: [
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
        ])
}
