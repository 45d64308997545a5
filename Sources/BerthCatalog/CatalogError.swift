/// Why the catalog gives no answer. What a client did wrong is never here: refusals are values of each operation.
package enum CatalogError: Error, Hashable {
    /// Busy, closed, or stopped after a failed COMMIT; the text is for the log. 503.
    case unavailable(String)
    /// The disk is full: nothing was written. 507.
    case noSpace
    /// The database is corrupt, made by a newer version, or contradicts itself. 500.
    case damaged(String)
}
