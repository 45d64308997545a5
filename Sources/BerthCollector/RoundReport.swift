/// What a round did, or what all rounds since the start did together.
package struct RoundReport: Hashable, Sendable {
    package var rounds = 0
    /// Blobs and manifests whose file and row are gone.
    package var freedBlobs = 0
    package var freedBytes: Int64 = 0
    /// Files that could not be removed, and stay for the next round.
    package var failedFiles = 0
    /// Files seen that no row names.
    package var strayFiles = 0
    /// Rows whose file is missing or of another size, reported for the first time.
    package var lostFiles = 0
    /// Nothing was let go, for clients may still rely on what an earlier process told them.
    package var isFirstLease = false
    /// The round was stopped, or the catalog refused, before its end.
    package var isWhole = true

    package init() {}

    static func += (a: inout RoundReport, b: RoundReport) {
        a.rounds += b.rounds
        a.freedBlobs += b.freedBlobs
        a.freedBytes += b.freedBytes
        a.failedFiles += b.failedFiles
        a.strayFiles += b.strayFiles
        a.lostFiles += b.lostFiles
        a.isFirstLease = b.isFirstLease
        a.isWhole = b.isWhole
    }
}
