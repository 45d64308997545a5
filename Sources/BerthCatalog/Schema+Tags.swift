// Tags that can be trusted: what they were at a moment, and rules that keep them.

extension Migration {
    static let tags = Migration(
        number: 7, name: "tags",
        statements: [
            """
            DROP INDEX tag_history_tag
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
        ])
}
