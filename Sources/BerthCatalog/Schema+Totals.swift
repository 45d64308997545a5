// What was counted before a clean stop, so that the next start need not count a million rows.

extension Migration {
    static let totals = Migration(
        number: 12, name: "totals",
        statements: [
            """
            ALTER TABLE meta ADD COLUMN counted_seq INTEGER
            """,
            """
            ALTER TABLE meta ADD COLUMN counted_blobs INTEGER
            """,
            """
            ALTER TABLE meta ADD COLUMN counted_bytes INTEGER
            """,
            """
            ALTER TABLE meta ADD COLUMN counted_repositories INTEGER
            """,
        ])
}
