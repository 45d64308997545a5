// Purging takes parents before what they list. A deletion may hide ten thousand manifests at one time, and each step
// would sort them all.

extension Migration {
    static let purgeOrder = Migration(
        number: 14, name: "order of purging",
        statements: [
            """
            DROP INDEX manifest_deleted
            """,
            """
            CREATE INDEX manifest_deleted ON manifest (deleted_at, (-depth), id) WHERE deleted_at IS NOT NULL
            """,
        ])
}
