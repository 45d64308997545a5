import BerthBlobs
package import BerthCatalog
import BerthModel
import Logging
import Synchronization

extension Collector {
    /// Places looked at for one that holds a file.
    private static let placesPerRound = 64
    private static let rowsPerPage = 1_000

    /// Compares the next place of the store with the catalog.
    func patrol(_ pace: Pace, _ report: inout RoundReport) async throws(CatalogError) {
        let places = store.places
        guard !places.isEmpty else { return }
        for _ in 0..<min(Self.placesPerRound, places.count) where !Task.isCancelled {
            let index = patrolPlace.withLock { place in
                defer { place = (place + 1) % places.count }
                return place % places.count
            }
            if try await patrol(places[index], pace, &report) { return }
        }
    }

    /// Looks through the whole store at once.
    package func patrolAll(_ pace: Pace = .unlimited) async throws(CatalogError) -> RoundReport {
        var report = RoundReport()
        for place in store.places where !Task.isCancelled { _ = try await patrol(place, pace, &report) }
        return report
    }

    /// True if there was anything to compare. Files are listed first: what has a file has had a row before (B3).
    private func patrol(
        _ place: BlobPlace, _ pace: Pace, _ report: inout RoundReport
    ) async throws(CatalogError) -> Bool {
        guard let first = place.lowest, let last = place.highest else { return false }
        var files: [Digest: Int64] = [:]
        do throws(BlobError) {
            for file in try await pace.taking({ () async throws(BlobError) in try await store.files(in: place) }) {
                files[file.digest] = file.size
            }
        } catch {
            log.error("the store cannot be looked through", metadata: ["cause": "\(error)"])
            return false
        }
        var isEmpty = files.isEmpty
        var cursor: Digest?
        while !Task.isCancelled {
            let after = cursor
            let rows = try await pace.taking { () async throws(CatalogError) in
                try await catalog.contents(from: first, through: last, after: after, limit: Self.rowsPerPage)
            }
            guard let end = rows.last else { break }
            isEmpty = false
            cursor = end.digest
            for row in rows {
                let size = files.removeValue(forKey: row.digest)
                if row.state == .live, !row.isDamaged, row.staged == nil, size != row.size,
                    try await reportLoss(row)
                {
                    report.lostFiles += 1
                }
            }
        }
        guard !Task.isCancelled else { return true }
        report.strayFiles += files.count
        if !files.isEmpty {
            log.warning("files that the catalog does not know", metadata: ["count": "\(files.count)"])
            try await catalog.noteStrays(files.map { (digest: $0.key, size: $0.value) })
        }
        return !isEmpty
    }

    /// True if this is news. The row and the file are looked at once more: settling and uploads go on meanwhile.
    private func reportLoss(_ row: BlobFact) async throws(CatalogError) -> Bool {
        if catalog.guards.contains(.missed) {
            guard let now = try await catalog.content(row.digest), now == row else { return false }
            guard (try? await store.isPresent(row.digest, size: row.size)) == false else { return false }
        }
        guard try await catalog.reportDamage(row.digest, at: .settled) else { return false }
        if (try? await store.isPresent(row.digest, size: row.size)) == true {
            try await catalog.clearDamage(row.digest)
            return false
        }
        store.evict(row.digest)
        log.error("content is missing or has the wrong size", metadata: ["digest": "\(row.digest)"])
        return true
    }
}
