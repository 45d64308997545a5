package import BerthBlobs
package import BerthCatalog
import BerthModel
package import Logging
import Synchronization

/// Gives committed content its place under its digest, after the acknowledgement (B1, B3, B4). Every step may be
/// repeated: after a crash it goes on with the staging rows that are still there.
package final class Settler: Sendable {
    private struct State {
        /// Bytes committed in the catalog that have no file yet.
        var waitingBytes = 0
        var isFailing = false
        var admissions: [CheckedContinuation<Void, Never>] = []
    }
    /// Bytes that may wait in the catalog before small uploads have to wait as well (C5).
    private static let mostWaiting = 256 << 20
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
        let isWhole = await settleInTurn()
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
                note(settled: 0, isFailing: true)
                return false
            }
            guard let end = rows.last else { break }
            last = end.digest
            isWhole = await settle(rows) && isWhole
            if rows.count < Self.batchRows { break }
        }
        if isWhole { note(settled: 0, isFailing: false) }
        return isWhole
    }

    private func settle(_ rows: [StagedRow]) async -> Bool {
        let results = await store.settle(rows.map { StagedContent($0) })
        var settled: [StagedRow] = []
        var failure: BlobError?
        for row in rows {
            switch results[row.digest] {
            case .success: settled.append(row)
            case .failure(let error): failure = error
            case nil: failure = .absent
            }
        }
        do throws(CatalogError) {
            try await catalog.markSettled(settled.map(\.key))
        } catch {
            log.error("settled content not recorded", metadata: ["cause": "\(error)"])
            note(settled: 0, isFailing: true)
            return false
        }
        if let failure {
            log.error(
                "content not settled", metadata: ["count": "\(rows.count - settled.count)", "cause": "\(failure)"])
        }
        note(settled: settled.reduce(0) { $0 + $1.bytesInCatalog }, isFailing: failure != nil)
        return failure == nil
    }

    /// Tells that content was committed: `added` bytes of it wait in the catalog.
    package func wake(added: Int) {
        state.withLock { $0.waitingBytes += added }
        signal.yield()
    }

    /// Waits while too much is staged already. Throws `.unavailable` when settling is in trouble, for then the wait
    /// would have no end.
    func admit(_ bytes: Int) async throws(RegistryError) {
        let isFull = state.withLock { $0.waitingBytes + bytes > Self.mostWaiting }
        guard isFull else { return }
        if state.withLock(\.isFailing) { throw .unavailable(cause: "staged content cannot be given its place") }
        await withCheckedContinuation { continuation in
            let goesOn = state.withLock { state in
                if state.isFailing || state.waitingBytes + bytes <= Self.mostWaiting { return true }
                state.admissions.append(continuation)
                return false
            }
            if goesOn { continuation.resume() }
        }
    }

    /// Counts bytes that no longer wait, and lets waiting uploads go on (or fail) when that changes their case.
    private func note(settled: Int, isFailing: Bool) {
        let admitted = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.waitingBytes = max(0, state.waitingBytes - settled)
            state.isFailing = isFailing
            guard isFailing || state.waitingBytes <= Self.mostWaiting / 2 else { return [] }
            defer { state.admissions = [] }
            return state.admissions
        }
        for admission in admitted { admission.resume() }
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

extension StagedRow {
    fileprivate var bytesInCatalog: Int {
        switch content {
        case .bytes(let bytes): bytes.count
        case .sealed: 0
        }
    }
}
