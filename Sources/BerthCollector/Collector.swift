package import BerthBlobs
package import BerthCatalog
import BerthModel
package import Logging
import Synchronization

/// Frees what nothing keeps any more, online, in rounds of small steps.
package final class Collector: Sendable {
    /// Files that are removed at once, and synced together.
    private static let filesPerBatch = 64

    private struct State {
        var total = RoundReport()
        /// Nil: no round is under way.
        var present: RoundProgress?
    }

    let catalog: Catalog
    let store: any BlobStore
    let log: Logger
    private let interval: Duration
    private let pace: Pace
    private let state = Mutex(State())
    /// Which place of the store the patrol looks at next.
    let patrolPlace = Mutex(0)

    /// - Parameters:
    ///   - interval: from the end of a round to the beginning of the next.
    ///   - pace: how much of each second the background rounds may work.
    package init(catalog: Catalog, store: any BlobStore, interval: Duration, pace: Pace, logger: Logger) {
        (self.catalog, self.store, self.interval, self.pace, self.log) = (catalog, store, interval, pace, logger)
    }

    /// What all rounds since the start did that are over.
    package var total: RoundReport { state.withLock { $0.total } }

    /// The same, and how far the round is that is under way; nil: none is.
    package var progress: (total: RoundReport, present: RoundProgress?) {
        state.withLock { ($0.total, $0.present) }
    }

    /// Runs rounds until the task is cancelled.
    package func run() async {
        while (try? await Task.sleep(for: interval)) != nil {
            let report = await round(pace)
            guard report.freedBlobs > 0 || report.failedFiles > 0 else { continue }
            log.info(
                "collected",
                metadata: [
                    "blobs": "\(report.freedBlobs)", "bytes": "\(report.freedBytes)", "failed": "\(report.failedFiles)",
                ])
        }
    }

    /// One round. Cancelling the task ends it between two steps; the next one goes on. Two rounds at once would do no
    /// harm and no good: the second returns at once.
    package func round(_ pace: Pace = .unlimited) async -> RoundReport {
        var report = RoundReport()
        guard begin() else {
            report.isWhole = false
            return report
        }
        await work(pace, &report)
        end(report)
        return report
    }

    /// All that can go now, and a look through the whole store.
    package func collectAll() async throws(CatalogError) -> RoundReport {
        var report = RoundReport()
        guard begin() else {
            report.isWhole = false
            return report
        }
        show(.comparing, report)
        do throws(CatalogError) { report = try await patrolAll() } catch {
            end(nil)
            throw error
        }
        let strays = report.strayFiles
        report.strayFiles = 0
        await work(.unlimited, &report)
        report.strayFiles = max(report.strayFiles, strays)
        end(report)
        return report
    }

    private func work(_ pace: Pace, _ report: inout RoundReport) async {
        await takeAway(pace, &report)
        // Files that were on their way out need no room to go, and may be what the disk is full of.
        await step(.removing, &report) { report throws(CatalogError) in try await removeFiles(pace, &report) }
        if !Task.isCancelled {
            await step(.comparing, &report) { report throws(CatalogError) in try await patrol(pace, &report) }
        }
        report.rounds = 1
        report.isWhole = report.isWhole && !Task.isCancelled
    }

    // MARK: - How far a round is

    /// False: another round is under way.
    private func begin() -> Bool {
        state.withLock { state in
            guard state.present == nil else { return false }
            state.present = RoundProgress(step: .finishing)
            return true
        }
    }

    private func show(_ step: RoundProgress.Step, _ report: RoundReport) {
        state.withLock { $0.present = RoundProgress(step: step, report: report) }
    }

    /// - Parameter report: nil: the round broke off, and counts as none.
    private func end(_ report: RoundReport?) {
        state.withLock { state in
            if let report { state.total += report }
            state.present = nil
        }
    }

    // MARK: - Steps

    /// Runs a step. What ends one does not end the others: a full disk gives up the reserve and is tried once more.
    private func step(
        _ name: RoundProgress.Step, _ report: inout RoundReport,
        _ body: (inout RoundReport) async throws(CatalogError) -> Void
    ) async {
        show(name, report)
        var isLast = false
        while true {
            do throws(CatalogError) { return try await body(&report) } catch {
                if error == .noSpace, !isLast {
                    isLast = true
                    await store.giveUpReserve()
                    continue
                }
                report.isWhole = false
                if !Task.isCancelled { log.error("a step of collecting broke off", metadata: ["cause": "\(error)"]) }
                return
            }
        }
    }

    /// The steps on rows, in the order in which one makes work for the next.
    private func takeAway(_ pace: Pace, _ report: inout RoundReport) async {
        await step(.finishing, &report) { _ throws(CatalogError) in
            try await catalog.finishDetaching()
            try await catalog.finishRestoring()
        }
        await repeating(.repositories, pace, &report) { c async throws(CatalogError) in try await c.purgeRepositories()
        }
        await walking(.manifests, pace, &report) { c, at async throws(CatalogError) in
            try await c.purgeManifests(after: at)
        }
        await walking(.links, pace, &report) { c, at async throws(CatalogError) in try await c.purgeLinks(after: at) }
        report.isFirstLease = catalog.isFirstLease()
        guard !report.isFirstLease else { return }
        await walking(.fading, pace, &report) { c, at async throws(CatalogError) in try await c.fade(after: at) }
        await walking(.unlinking, pace, &report) { c, at async throws(CatalogError) in try await c.unlink(after: at) }
        await repeating(.strays, pace, &report) { c async throws(CatalogError) in try await c.sweepStrays() }
        await repeating(.sweeping, pace, &report) { c async throws(CatalogError) in try await c.sweep() }
    }

    /// What an earlier process left sweeping goes as well.
    private func removeFiles(_ pace: Pace, _ report: inout RoundReport) async throws(CatalogError) {
        var last: Digest?
        while !Task.isCancelled {
            let digests = try await catalog.sweeping(after: last, limit: Self.filesPerBatch)
            guard let end = digests.last else { return }
            last = end
            let results = await pace.taking { await remove(digests) }
            var gone: [Digest] = []
            var failure: BlobError?
            for (digest, result) in results {
                switch result {
                case .success: gone.append(digest)
                case .failure(let error):
                    failure = error
                    report.failedFiles += 1
                }
            }
            if let failure {
                log.error(
                    "files not removed, they are tried again",
                    metadata: ["count": "\(report.failedFiles)", "cause": "\(failure)"])
            }
            let (count, bytes) = try await pace.taking { () async throws(CatalogError) in
                try await catalog.forget(gone)
            }
            report.freedBlobs += count
            report.freedBytes += bytes
            show(.removing, report)
        }
    }

    private func remove(_ digests: [Digest]) async -> [Digest: Result<Void, BlobError>] {
        await store.remove(digests) { [catalog, log] digests in
            do throws(CatalogError) {
                return try await catalog.stillSweeping(digests)
            } catch {
                log.error("sweeping content not looked at again", metadata: ["cause": "\(error)"])
                return []
            }
        }
    }

    /// Runs a step until it has nothing more to do.
    private func repeating(
        _ name: RoundProgress.Step, _ pace: Pace, _ report: inout RoundReport,
        _ part: (Catalog) async throws(CatalogError) -> Bool
    ) async {
        await step(name, &report) { _ throws(CatalogError) in
            while !Task.isCancelled {
                guard try await pace.taking({ () async throws(CatalogError) in try await part(catalog) })
                else { return }
            }
        }
    }

    /// Runs a step from cursor to cursor.
    private func walking<Cursor>(
        _ name: RoundProgress.Step, _ pace: Pace, _ report: inout RoundReport,
        _ part: (Catalog, Cursor?) async throws(CatalogError) -> Cursor?
    ) async {
        await step(name, &report) { _ throws(CatalogError) in
            var cursor: Cursor?
            while !Task.isCancelled {
                cursor = try await pace.taking { () async throws(CatalogError) in try await part(catalog, cursor) }
                guard cursor != nil else { return }
            }
        }
    }
}
