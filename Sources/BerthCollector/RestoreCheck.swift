package import BerthBlobs
package import BerthCatalog
import BerthModel
package import Logging

/// What a snapshot that was brought back says, compared with the files that are there. Content that had gone by itself
/// since the snapshot is forgotten; content that manifests name and that is not there is damage, told once.
///
/// Runs after all that was staged has settled, before anything is served. A crash in it leaves it to be done again.
package struct RestoreCheck: Sendable {
    private static let rowsPerPage = 1_000

    private let catalog: Catalog
    private let store: any BlobStore
    private let log: Logger

    package init(catalog: Catalog, store: any BlobStore, logger: Logger) {
        (self.catalog, self.store, log) = (catalog, store, logger)
    }

    private struct Counts {
        var cleaned = 0
        var lost = 0
    }

    /// Does nothing where no snapshot was brought back, or it has been compared.
    package func run() async throws(CatalogError) {
        guard let restored = try await catalog.lastRestoration(), !restored.isChecked else { return }
        var counts = Counts()
        try await checkUploads(&counts)
        for place in store.places { try await check(place, &counts) }
        try await catalog.finishRestoration(restored.id, cleaned: counts.cleaned, lost: counts.lost)
        log.log(
            level: counts.lost > 0 ? .error : .notice, "a snapshot was brought back",
            metadata: [
                "snapshot": "\(restored.snapshot)", "cleaned": "\(counts.cleaned)", "lost": "\(counts.lost)",
            ])
    }

    /// Finished uploads that are at neither of their names.
    private func checkUploads(_ counts: inout Counts) async throws(CatalogError) {
        var last: Digest?
        while true {
            let digests = try await catalog.lostUploads(after: last, limit: Self.rowsPerPage)
            for digest in digests { try await settle(digest, &counts) }
            guard let end = digests.last else { return }
            last = end
        }
    }

    private func check(_ place: BlobPlace, _ counts: inout Counts) async throws(CatalogError) {
        guard let first = place.lowest, let last = place.highest else { return }
        var files: [Digest: Int64]?
        var cursor: Digest?
        while true {
            let rows = try await catalog.contents(from: first, through: last, after: cursor, limit: Self.rowsPerPage)
            guard let end = rows.last else { return }
            cursor = end.digest
            let present: [Digest: Int64]
            if let files { present = files } else { present = try await list(place) }
            files = present
            for row in rows where row.state == .live && row.staged == nil {
                if present[row.digest] != row.size {
                    try await settle(row.digest, &counts)
                } else if row.isDamaged {
                    try await catalog.clearDamage(row.digest)
                }
            }
        }
    }

    private func list(_ place: BlobPlace) async throws(CatalogError) -> [Digest: Int64] {
        do throws(BlobError) {
            return Dictionary(try await store.files(in: place).map { ($0.digest, $0.size) }) { first, _ in first }
        } catch { throw .unavailable("the store cannot be looked through: \(error)") }
    }

    private func settle(_ digest: Digest, _ counts: inout Counts) async throws(CatalogError) {
        switch try await catalog.settleAbsence(of: digest) {
        case .none: return
        case .cleaned: counts.cleaned += 1
        case .damaged:
            counts.lost += 1
            log.error("content is missing or has the wrong size", metadata: ["digest": "\(digest)"])
        }
    }
}
