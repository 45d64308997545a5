import BerthTestSupport
import Foundation
import Testing

extension FaultTests.Servers {
    /// How long the soak goes on: SOAK_SECONDS, which takes no less than 25.
    private static let soakSeconds = max(
        25, ProcessInfo.processInfo.environment["SOAK_SECONDS"].flatMap { Int($0) } ?? 25)

    @Test(
        "pushes of all kinds, mounts, moves, deletions and collections at once: no push breaks, nothing is kept for ever (G2, G6)"
    )
    func soak() async throws {
        let scratch = try Scratch()
        let settings = [
            "collector.lease=2s", "collector.interval=100ms", "collector.window=3s", "collector.budget=1s",
            "metrics.listen=127.0.0.1:0", "log.level=notice",
        ]
        let server = try await BerthProcess.start(root: scratch.root, settings: settings)
        var numbers = SeededNumbers(seed: 6)
        let shared = (0..<12).map { numbers.bytes([700, 3_000, 70_000, 90_000][$0 % 4]) }
        let tally = Tally()
        let end = ContinuousClock.now.advanced(by: .seconds(Self.soakSeconds))
        // More repositories than clients: leases run out only where for a while nobody sends anything.
        let repositories = (0..<14).map { "soak/\($0)" }
        await withTaskGroup { group in
            for _ in 0..<6 {
                let seed = numbers.next()
                group.addTask {
                    var numbers = SeededNumbers(seed: seed)
                    while ContinuousClock.now < end {
                        let soaker = Soaker(
                            server: server, repository: repositories[numbers.below(repositories.count)],
                            shared: shared, tally: tally, ways: Soaker.Way.allCases, sources: repositories)
                        let sitting = ContinuousClock.now.advanced(by: .milliseconds(500 + numbers.below(2_000)))
                        await soaker.run(until: min(end, sitting), numbers.next())
                    }
                }
            }
            let seed = numbers.next()
            group.addTask {
                var numbers = SeededNumbers(seed: seed)
                var round = 0
                while ContinuousClock.now < end {
                    let soaker = Soaker(
                        server: server, repository: "slow/\(round)", shared: shared, tally: tally,
                        ways: Soaker.Way.allCases, sources: repositories)
                    await soaker.pushSlowly(numbers.next(), root: scratch.root)
                    round += 1
                }
            }
        }
        let (sums, meanwhile) = (tally.sums, try await server.collections())
        print(
            "soak of \(Self.soakSeconds) s: \(sums.events) events, \(meanwhile.rounds) collections, "
                + "\(meanwhile.freedBlobs) freed blobs, \(sums.broken.count) broken pushes of \(sums.pushes); "
                + "\(sums.found) found, \(sums.mounted) mounted, \(sums.moves) moves, \(sums.slowPushes) slow pushes")
        #expect(sums.broken == [])
        #expect(sums.pushes > 100)
        #expect(sums.found > 20)
        #expect(sums.mounted > 10)
        #expect(sums.moves > 20)
        #expect(sums.slowPushes > 0)
        #expect(meanwhile.rounds > 20)
        #expect(meanwhile.freedBlobs > 20)
        #expect(sums.longestPause < 2_000, "the soak's own pauses have to be shorter than the lease")
        try await eventually("all that was deleted is gone", within: 60) {
            // Every manifest was deleted at the end; leases and windows are over.
            files(below: scratch.root) == 0
        }
        #expect(try await server.stop() == .status(0))
    }

    /// Where a server is killed while it is collecting.
    enum CrashPoint: String, CaseIterable, Sendable {
        case anywhere
        case beforeUnlink, beforeRename, beforeSyncOfStore, beforeSyncOfCatalog, beforeWriteOfCatalog

        var plan: FaultPlan? {
            switch self {
            case .anywhere: nil
            case .beforeUnlink: FaultPlan(mode: .kill, operations: [.unlink], files: .store, pattern: "/blobs/")
            case .beforeRename: FaultPlan(mode: .kill, operations: [.rename], files: .store)
            case .beforeSyncOfStore: FaultPlan(mode: .kill, operations: [.sync], files: .store)
            case .beforeSyncOfCatalog: FaultPlan(mode: .kill, operations: [.sync], files: .catalog)
            case .beforeWriteOfCatalog: FaultPlan(mode: .kill, operations: [.write], files: .catalog)
            }
        }
    }

    @Test(
        "a server that is killed among pushes, moves, deletions and collections keeps all that it acknowledged (G1, G7)"
    )
    func killsWhileCollecting() async throws {
        let scratch = try Scratch()
        let settings = ["collector.lease=1s", "collector.interval=100ms", "collector.window=0s", "collector.budget=1s"]
        var numbers = SeededNumbers(seed: 60)
        let shared = [700, 3_000, 70_000, 90_000].map { numbers.bytes($0) }
        let kept = (0..<4).map { _ in Kept() }
        let tally = Tally()
        let shim = try FaultShim(in: scratch.path)
        for (round, point) in ([.anywhere] + CrashPoint.allCases + [.anywhere]).enumerated() {
            shim.disarm()
            let server = try await BerthProcess.start(
                root: scratch.root, settings: settings, environment: shim.environment(root: scratch.root))
            for (index, images) in kept.enumerated() {
                let soaker = Soaker(server: server, repository: "kill/\(index)", shared: shared, tally: tally)
                try await soaker.check(images, after: "round \(round), a kill \(point)")
            }
            let millisecondsToLive = 1_500 + numbers.below(1_000)
            let nth = 1 + numbers.below(10)
            let end = ContinuousClock.now.advanced(by: .milliseconds(millisecondsToLive + 30_000))
            await withTaskGroup { group in
                for (index, images) in kept.enumerated() {
                    let seed = numbers.next()
                    group.addTask {
                        let soaker = Soaker(server: server, repository: "kill/\(index)", shared: shared, tally: tally)
                        await soaker.run(until: end, seed, images)
                    }
                }
                group.addTask {
                    // The first lease after a start is over, and the collector at work.
                    try? await Task.sleep(for: .milliseconds(millisecondsToLive))
                    guard var plan = point.plan else { return await server.kill() }
                    plan.nth = nth
                    shim.arm(plan)
                    do {
                        try await eventually("the server is gone \(point)", within: 25) { !server.isRunning }
                    } catch {
                        Issue.record("\(error)")
                        await server.kill()
                    }
                }
            }
            if !server.isRunning { await server.kill() }
        }
        shim.disarm()
        let server = try await BerthProcess.start(root: scratch.root, settings: settings)
        for (index, images) in kept.enumerated() {
            let soaker = Soaker(server: server, repository: "kill/\(index)", shared: shared, tally: tally)
            try await soaker.check(images, after: "the last kill")
        }
        #expect(tally.sums.broken.filter { !$0.hasPrefix("no answer") } == [])
        #expect(tally.sums.pushes > 40)
        #expect(tally.sums.deletions > 20)
        #expect(tally.sums.moves > 20)
        #expect(try await server.stop() == .status(0))
    }
}
