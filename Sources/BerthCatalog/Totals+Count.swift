extension Totals {
    /// Counts everything, once at start; from then on each commit says what it adds.
    init(counting transaction: any SQLTransaction) throws(CatalogError) {
        self.init()
        if let row = try transaction.row("SELECT count(*), coalesce(sum(size), 0) FROM blob", []) {
            blobs = Int(try row.integer(0))
            bytes = try row.integer(1)
        }
        if let row = try transaction.row("SELECT count(*) FROM repository WHERE deleted_at IS NULL", []) {
            repositories = Int(try row.integer(0))
        }
        if let row = try transaction.row(
            """
            SELECT count(*), coalesce(sum(CASE WHEN upload_id IS NULL THEN size ELSE 0 END), 0)
            FROM blob_staging
            """, [])
        {
            staged = Int(try row.integer(0))
            stagedBytes = try row.integer(1)
        }
        if let row = try transaction.row("SELECT count(*) FROM upload WHERE outcome = 0", []) {
            openUploads = Int(try row.integer(0))
        }
    }
}
