package import BerthBlobs
package import BerthCatalog
package import BerthModel
import Glibc
package import Logging
import Synchronization

/// Takes what must not be kept out of everything at once: rows, history, files, memory, snapshots. Every step may be
/// repeated; what a crash leaves is finished at the next start (G7).
package struct Purger: Sendable {
    /// Files that are removed at once, and synced together.
    private static let filesPerBatch = 256

    private let store: any BlobStore
    private let catalog: Catalog
    private let log: Logger
    /// Returns when all settling that had begun has ended: it may hold bytes whose row is gone.
    private let settled: @Sendable () async -> Void
    /// Forgets content that is kept in memory.
    private let evict: @Sendable (Digest) -> Void

    package init(
        store: any BlobStore, catalog: Catalog, logger: Logger, settled: @escaping @Sendable () async -> Void = {},
        evict: @escaping @Sendable (Digest) -> Void = { _ in }
    ) {
        (self.store, self.catalog, log) = (store, catalog, logger)
        (self.settled, self.evict) = (settled, evict)
    }

    /// Finishes what was begun before, also by a list that an older catalog does not know. Before anything is served, for
    /// nothing of it may be; but bytes that cannot be removed yet, on a full disk for one, keep no registry from starting.
    package func finishAll() async throws(CatalogError) {
        try await catalog.adoptPurges()
        for id in try await catalog.openPurges() {
            try await catalog.detachPurged(id)
            do throws(CatalogError) {
                let (purge, failure) = try await run(id)
                let target: Logger.MetadataValue = "\(purge.entry.target)"
                if let failure {
                    log.error("purged files are not removed", metadata: ["target": target, "cause": "\(failure)"])
                } else {
                    log.notice("a purge was finished", metadata: ["target": target])
                }
            } catch {
                if catalog.stopped != nil { throw error }
                log.error("a purge is not finished", metadata: ["cause": "\(error)"])
            }
        }
    }

    /// Carries a purge out. What could not be removed stays to be removed, by the collector, by the same command, or at the
    /// next start: the failure is the last one.
    func run(_ id: Int64) async throws(CatalogError) -> (Purge, failure: BlobError?) {
        try await catalog.detachPurged(id)
        await settled()
        try await catalog.sweepForgotten(id)
        let failure = try await removeFiles(id)
        try await catalog.purgeHistory(id)
        try await catalog.scrubPurged(id)
        if failure == nil { try await catalog.finishPurge(id) }
        guard let purge = try await catalog.purge(id) else { throw .damaged("a purge is not known any more") }
        return (purge, failure)
    }

    private func removeFiles(_ id: Int64) async throws(CatalogError) -> BlobError? {
        var last: Digest?
        var failure: BlobError?
        while true {
            let contents = try await catalog.purgedFiles(id, after: last, limit: Self.filesPerBatch)
            guard let end = contents.last else { return failure }
            last = end.digest
            let digests = contents.map(\.digest)
            for digest in digests { evict(digest) }
            let going = Going()
            let results = await store.remove(digests) { [catalog, log] digests in
                do throws(CatalogError) {
                    let found = try await catalog.stillSweeping(digests)
                    going.note(found, of: digests)
                    return found
                } catch {
                    log.error("purged content not looked at again", metadata: ["cause": "\(error)"])
                    return []
                }
            }
            for digest in digests { evict(digest) }
            var gone: [Digest] = []
            for content in contents {
                do throws(BlobError) {
                    if let result = results[content.digest] {
                        try result.get()
                    } else if !going.stays(content.digest) {
                        throw .failed(operation: "remove", errno: ECANCELED)
                    }
                    if let upload = content.upload { try await discard(upload) }
                    gone.append(content.digest)
                } catch { failure = error }
            }
            try await catalog.forgetPurged(gone, of: id)
        }
    }

    /// The upload that held the bytes, under either of its names: where its row went before a crash, the next start has
    /// taken it for one that was never committed, and opened it again.
    private func discard(_ upload: UploadID) async throws(BlobError) {
        try await store.discardSealed(upload)
        try await store.discard(upload)
    }
}

/// What was seen of content at the moment at which its file was to go.
private final class Going: Sendable {
    private let stayed = Mutex<Set<Digest>>([])

    func note(_ going: Set<Digest>, of digests: [Digest]) {
        stayed.withLock { $0.formUnion(Set(digests).subtracting(going)) }
    }

    /// Somebody has brought it again: its file is another one's. What nobody has looked at is not known to stay.
    func stays(_ digest: Digest) -> Bool { stayed.withLock { $0.contains(digest) } }
}
