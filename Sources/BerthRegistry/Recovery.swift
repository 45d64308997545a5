package import BerthBlobs
package import BerthCatalog
import BerthModel
package import Logging

/// What a start does with the files that an earlier process left under uploads/ (G7; the table of steps in this room's
/// README). Runs before anything is served.
package struct Recovery: Sendable {
    private let store: any BlobStore
    private let catalog: Catalog
    private let log: Logger

    package init(store: any BlobStore, catalog: Catalog, logger: Logger) {
        (self.store, self.catalog, self.log) = (store, catalog, logger)
    }

    /// `mayHaveLost`: the power may have failed, so bytes that were written and never synced may be zeros now. Open
    /// uploads start anew then (B7).
    package func run(mayHaveLost mayBeZeros: Bool) async throws(RegistryError) {
        let staged = try await sealedRows()
        var counts = (removed: 0, kept: 0, reopened: 0)
        do throws(BlobError) {
            for upload in try await store.uploads() {
                switch try await fate(upload, staged, mayBeZeros: mayBeZeros) {
                case .stays: counts.kept += 1
                case .goes:
                    if upload.isSealed {
                        try await store.discardSealed(upload.id)
                    } else {
                        try await store.discard(upload.id)
                    }
                    counts.removed += 1
                case .reopens:
                    try await store.unseal(upload.id)
                    counts.reopened += 1
                }
            }
        } catch { throw RegistryError(error) }
        guard counts != (0, 0, 0) else { return }
        log.info(
            "uploads of an earlier run",
            metadata: ["removed": "\(counts.removed)", "kept": "\(counts.kept)", "reopened": "\(counts.reopened)"])
    }

    private enum Fate { case stays, goes, reopens }

    private func fate(_ upload: StoredUpload, _ staged: Set<UploadID>, mayBeZeros: Bool) async throws(BlobError) -> Fate
    {
        if upload.isSealed && staged.contains(upload.id) { return .stays }
        let row: UploadFact?
        do { row = try await catalog.upload(upload.id) } catch {
            throw .failed(operation: "catalog", errno: 0)
        }
        if let row, !row.isOpen { return .goes }
        if upload.isSealed { return mayBeZeros ? .goes : .reopens }
        return mayBeZeros ? .goes : .stays
    }

    private func sealedRows() async throws(RegistryError) -> Set<UploadID> {
        do { return Set(try await catalog.stagedUploads()) } catch { throw RegistryError(error) }
    }
}
