import BerthCatalog
import Logging

/// Copies the catalog every `interval`, unless nothing was committed meanwhile, and removes copies whose window is over.
struct SnapshotSchedule: Sendable {
    /// A server that is often started anew makes its snapshots all the same.
    private static let longestSleep = Duration.seconds(3_600)
    private static let retry = Duration.seconds(300)

    let catalog: Catalog
    /// Nil: none are made.
    let interval: Duration?
    let log: Logger

    /// Until the task is cancelled.
    func run() async {
        await prune()
        var next = await firstTime()
        while !Task.isCancelled {
            let pause = min(ContinuousClock.now.duration(to: next), Self.longestSleep)
            if pause > .zero, (try? await Task.sleep(for: pause)) == nil { return }
            if let interval, ContinuousClock.now >= next {
                let isMade = await make()
                next = .now.advanced(by: isMade ? interval : min(interval, Self.retry))
            }
            await prune()
        }
    }

    /// The newest one's age counts, whichever process made it.
    private func firstTime() async -> ContinuousClock.Instant {
        guard let interval else { return .now.advanced(by: .seconds(1 << 40)) }
        guard let newest = try? await catalog.snapshots().first else {
            return .now.advanced(by: min(interval, Self.longestSleep))
        }
        let age = Duration.seconds(SystemClock().wall() / 1_000_000 - newest.madeAt)
        return .now.advanced(by: min(max(interval - age, .zero), interval))
    }

    /// False: it has to be tried again soon.
    private func make() async -> Bool {
        do {
            if let newest = try await catalog.snapshots().first, !catalog.hasChanged(since: newest) { return true }
            let snapshot = try await catalog.makeSnapshot()
            log.info("snapshot made", metadata: ["snapshot": "\(snapshot.name)", "bytes": "\(snapshot.size)"])
            return true
        } catch {
            log.error("no snapshot made", metadata: [LogKey.cause: "\(error)"])
            return false
        }
    }

    private func prune() async {
        do {
            for snapshot in try await catalog.pruneSnapshots() {
                log.info("snapshot removed", metadata: ["snapshot": "\(snapshot.name)"])
            }
        } catch {
            log.error("snapshots not looked through", metadata: [LogKey.cause: "\(error)"])
        }
    }
}
