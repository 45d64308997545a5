// What the collector and the time machine need beside the facts.

extension Migration {
    static let collector = Migration(
        number: 6, name: "collecting",
        statements: [
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
        ])
}
