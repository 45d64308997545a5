package import BerthBlobs
package import BerthCatalog
import BerthModel
package import Logging
import Synchronization

/// Gives committed content its place under its digest, after the acknowledgement (B1, B3, B4). Every step may be
/// repeated: after a crash it goes on with the staging rows that are still there.
package final class Settler: Sendable {
    private struct State {
        var isFailing = false
        /// Passes and batches that have ended.
        var steps = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }
    /// Bytes that may wait in the catalog before small uploads have to wait as well: half of what the catalog takes (C5).
    private static let mostWaiting: Int64 = 128 << 20
    private static let batchRows = 256
    /// A little patience makes one folder's fsync serve many files.
    private static let patience = Duration.milliseconds(50)
    private static let retry = Duration.seconds(2)

    private let store: any BlobStore
    private let catalog: Catalog
    private let log: Logger
    private let state = Mutex(State())
    /// One pass at a time, so that what a caller waits for is in its place when it goes on.
    private let turn = Turn()
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    package init(store: any BlobStore, catalog: Catalog, logger: Logger) {
        (self.store, self.catalog, self.log) = (store, catalog, logger)
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Settles whatever is staged, now and whenever more comes, until the task is cancelled.
    package func run() async {
        signal.yield()
        for await _ in signals {
            while !Task.isCancelled {
                // Sleeping groups what comes in a burst; a cancelled sleep ends the loop.
                guard (try? await Task.sleep(for: Self.patience)) != nil else { return }
                if await settleAll() { break }
                guard (try? await Task.sleep(for: Self.retry)) != nil else { return }
            }
        }
    }

    /// Settles all that is staged now. False when something could not be, and stays for later (B6).
    @discardableResult
    package func settleAll() async -> Bool {
        await turn.take()
        // A pass that has begun ends, also when its caller is told to stop: what is in its place has to be recorded.
        let isWhole = await Task { await settleInTurn() }.value
        turn.give()
        return isWhole
    }

    private func settleInTurn() async -> Bool {
        var last: Digest?
        var isWhole = true
        while true {
            let rows: [StagedRow]
            do throws(CatalogError) {
                rows = try await catalog.staged(after: last, limit: Self.batchRows)
            } catch {
                log.error("staged content not readable", metadata: ["cause": "\(error)"])
                stepped(isFailing: true)
                return false
            }
            guard let end = rows.last else { break }
            last = end.digest
            let isSettled = await settle(rows)
            isWhole = isWhole && isSettled
            stepped(isFailing: !isWhole)
        }
        stepped(isFailing: !isWhole)
        return isWhole
    }

    private func settle(_ rows: [StagedRow]) async -> Bool {
        let results = await store.settle(rows.map { StagedContent($0) })
        var settled: [StagedKey] = []
        var failures: [BlobError] = []
        do throws(CatalogError) {
            for row in rows {
                switch (results[row.digest], row.content) {
                case (.success, _): settled.append(row.key)
                case (.failure(.absent), .sealed(let upload)):
                    // At neither of its names: the next upload of it has to bring its bytes again (B9).
                    if try await catalog.reportDamage(row.digest, at: .sealed(upload)) {
                        log.error("committed content is missing", metadata: ["digest": "\(row.digest)"])
                    }
                case (.failure(let error), _): failures.append(error)
                case (nil, _): failures.append(.absent)
                }
            }
            try await catalog.markSettled(settled)
        } catch {
            log.error("settled content not recorded", metadata: ["cause": "\(error)"])
            return false
        }
        guard let failure = failures.first else { return true }
        log.error("content not settled", metadata: ["count": "\(failures.count)", "cause": "\(failure)"])
        return false
    }

    /// Tells that content was committed and waits for its place.
    package func wake() { signal.yield() }

    /// Waits while too much is staged already. Throws `.unavailable` when settling is in trouble, for then the wait
    /// would have no end.
    func admit(_ bytes: Int) async throws(RegistryError) {
        while true {
            let (steps, isFailing) = state.withLock { ($0.steps, $0.isFailing) }
            if catalog.stagedBytes() + Int64(bytes) <= Self.mostWaiting { return }
            if isFailing { throw .unavailable(cause: "staged content cannot be given its place") }
            signal.yield()
            await nextStep(after: steps)
        }
    }

    /// Returns when a step ends that had not when `steps` was read.
    private func nextStep(after steps: Int) async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                guard state.steps == steps else { return true }
                state.waiting.append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    private func stepped(isFailing: Bool) {
        let waiting = state.withLock { state in
            state.isFailing = isFailing
            state.steps += 1
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

extension StagedContent {
    init(_ row: StagedRow) {
        let source: Source =
            switch row.content {
            case .bytes(let bytes): .bytes(bytes)
            case .sealed(let upload): .sealed(upload)
            }
        self.init(digest: row.digest, size: row.size, source: source)
    }
}
