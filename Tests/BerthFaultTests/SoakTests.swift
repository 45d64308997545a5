import BerthTestSupport
import Foundation
import Synchronization
import Testing

extension FaultTests.Servers {
    @Test("pushes, deletions and collections at once: no push breaks, nothing is kept for ever (G2, G6)")
    func soak() async throws {
        let scratch = try Scratch()
        let settings = [
            "collector.lease=2s", "collector.interval=100ms", "collector.window=3s", "collector.budget=1s",
            "metrics.listen=127.0.0.1:0", "log.level=notice",
        ]
        let server = try await BerthProcess.start(root: scratch.root, settings: settings)
        var numbers = SeededNumbers(seed: 6)
        let shared = [700, 3_000, 70_000, 90_000].map { numbers.bytes($0) }
        let tally = Tally()
        let end = ContinuousClock.now.advanced(by: .seconds(25))
        await withTaskGroup { group in
            for index in 0..<6 {
                let seed = numbers.next()
                group.addTask {
                    let soaker = Soaker(server: server, repository: "soak/\(index / 2)", shared: shared, tally: tally)
                    await soaker.run(until: end, seed)
                }
            }
        }
        let sums = tally.sums
        #expect(sums.broken == [])
        #expect(sums.pushes > 100)
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

/// What a client was told of one repository: images that are here, manifests that are not any more, and where a tag
/// points. While a request is on its way both its outcomes are possible.
private final class Kept: Sendable {
    struct State: Sendable {
        var images: [(manifest: String, parts: [String])] = []
        var gone: Set<String> = []
        /// Targets that the tag may have; nil: it is absent.
        var targets: Set<String?> = [nil]
    }
    private let state = Mutex(State())
    var all: State { state.withLock { $0 } }
    var images: [(manifest: String, parts: [String])] { all.images }

    func add(_ manifest: String, _ parts: [String]) {
        state.withLock { state in
            state.images.append((manifest, parts))
            state.gone.remove(manifest)
        }
    }
    func willMove(to manifest: String) { state.withLock { _ = $0.targets.insert(manifest) } }
    func hasMoved(to manifest: String?) { state.withLock { $0.targets = [manifest] } }

    /// A deletion takes the tag along where it points there.
    func willDelete(_ manifest: String) {
        state.withLock { state in
            state.images.removeAll { $0.manifest == manifest }
            if state.targets.contains(manifest) { state.targets.insert(nil) }
        }
    }
    func hasDeleted(_ manifest: String) {
        state.withLock { state in
            state.gone.insert(manifest)
            if state.targets.contains(manifest) { state.targets.remove(manifest) }
        }
    }
}

private func files(below root: String) -> Int {
    let paths = FileManager.default.enumerator(atPath: root + "/blobs")?.allObjects as? [String] ?? []
    return paths.filter { $0.split(separator: "/").last.map { $0.utf8.count > 60 } ?? false }.count
}

/// What the soak saw.
private final class Tally: Sendable {
    struct Sums: Sendable {
        var pushes = 0
        var deletions = 0
        /// Of tags.
        var moves = 0
        var found = 0
        var sent = 0
        /// Pushes that were refused although all their parts were acknowledged within the lease.
        var broken: [String] = []
        /// Between two steps of a push, in milliseconds.
        var longestPause = 0
    }
    private let state = Mutex(Sums())
    var sums: Sums { state.withLock { $0 } }
    func count(_ change: (inout Sums) -> Void) { state.withLock { change(&$0) } }
}

/// A client that pushes images of shared and own layers, asks before it sends, and deletes what it pushed. Two of them
/// work in each repository.
private struct Soaker: Sendable {
    let server: BerthProcess
    let repository: String
    let shared: [[UInt8]]
    let tally: Tally

    /// `kept`: what stays is noted there; without it all is deleted at the end.
    func run(until end: ContinuousClock.Instant, _ seed: UInt64, _ kept: Kept? = nil) async {
        var numbers = SeededNumbers(seed: seed)
        let images = kept ?? Kept()
        do {
            let connection = try server.connect()
            while ContinuousClock.now < end {
                let own = numbers.bytes([300, 2_000, 70_000][numbers.below(3)])
                let parts = [shared[numbers.below(4)], shared[numbers.below(4)], own]
                if let manifest = try await push(parts, "\(numbers.next())", connection) {
                    images.add(manifest, parts.map(digestText))
                    if kept != nil { try await move(to: manifest, images, connection) }
                }
                let pushed = images.images
                if pushed.count > 2 || numbers.below(2) == 0, !pushed.isEmpty {
                    let manifest = pushed[numbers.below(pushed.count)].manifest
                    images.willDelete(manifest)
                    try await delete(manifest, images, connection)
                }
            }
            guard kept == nil else { return }
            for image in images.images { try await delete(image.manifest, images, connection) }
        } catch {
            tally.count { $0.broken.append("no answer: \(error)") }
        }
    }

    func check(_ kept: Kept, after fault: String) async throws {
        let connection = try server.connect()
        let told = kept.all
        for image in told.images {
            for target in ["manifests/\(image.manifest)"] + image.parts.map({ "blobs/\($0)" }) {
                let reply = try await connection.send("GET", "/v2/\(repository)/\(target)")
                #expect(reply.status == 200, "\(target) after \(fault)")
                #expect(target.hasSuffix(digestText(reply.body)), "the bytes of \(target) after \(fault)")
            }
        }
        for manifest in told.gone {
            let reply = try await connection.send("HEAD", "/v2/\(repository)/manifests/\(manifest)")
            #expect(reply.status == 404, "the deleted \(manifest) after \(fault)")
        }
        let reply = try await connection.send("GET", "/v2/\(repository)/manifests/moving")
        let target = reply.status == 200 ? digestText(reply.body) : nil
        #expect(told.targets.contains(target), "the tag after \(fault)")
        // What it is now is what holds from now on.
        kept.hasMoved(to: target)
    }

    /// Points the tag to a manifest that has just been pushed, by pushing it once more.
    private func move(
        to digest: String, _ kept: Kept, _ connection: TestConnection
    ) async throws {
        let bytes = try await connection.send("GET", "/v2/\(repository)/manifests/\(digest)").body
        kept.willMove(to: digest)
        let reply = try await connection.send(
            "PUT", "/v2/\(repository)/manifests/moving",
            [("Content-Type", "application/vnd.oci.image.manifest.v1+json")], body: bytes)
        guard reply.status == 201 else {
            return tally.count { $0.broken.append("moving a tag: \(reply.status) \(reply.text)") }
        }
        kept.hasMoved(to: digest)
        tally.count { $0.moves += 1 }
    }

    private func push(_ parts: [[UInt8]], _ note: String, _ connection: TestConnection) async throws -> String? {
        var last = ContinuousClock.now
        for part in parts {
            let digest = digestText(part)
            let head = try await connection.send("HEAD", "/v2/\(repository)/blobs/\(digest)")
            pause(since: &last)
            if head.status == 200 {
                tally.count { $0.found += 1 }
                continue
            }
            let reply = try await connection.send(
                "POST", "/v2/\(repository)/blobs/uploads/?digest=\(digest)", body: part)
            pause(since: &last)
            guard reply.status == 201 else {
                tally.count { $0.broken.append("an upload: \(reply.status) \(reply.text)") }
                return nil
            }
            tally.count { $0.sent += 1 }
        }
        let manifest = Pusher.manifest(config: parts[0], layers: Array(parts.dropFirst()), note: note)
        let digest = digestText(manifest)
        let reply = try await connection.send(
            "PUT", "/v2/\(repository)/manifests/\(digest)",
            [("Content-Type", "application/vnd.oci.image.manifest.v1+json")], body: manifest)
        pause(since: &last)
        guard reply.status == 201 else {
            tally.count { $0.broken.append("a manifest: \(reply.status) \(reply.text)") }
            return nil
        }
        tally.count { $0.pushes += 1 }
        for target in ["manifests/\(digest)"] + parts.map({ "blobs/\(digestText($0))" }) {
            let reply = try await connection.send("GET", "/v2/\(repository)/\(target)")
            if reply.status != 200 { tally.count { $0.broken.append("\(target) is \(reply.status) after its push") } }
        }
        return digest
    }

    private func pause(since last: inout ContinuousClock.Instant) {
        let now = ContinuousClock.now
        let milliseconds = Int(last.duration(to: now) / .milliseconds(1))
        tally.count { $0.longestPause = max($0.longestPause, milliseconds) }
        last = now
    }

    private func delete(_ manifest: String, _ kept: Kept, _ connection: TestConnection) async throws {
        let reply = try await connection.send("DELETE", "/v2/\(repository)/manifests/\(manifest)")
        tally.count { $0.deletions += 1 }
        if reply.status == 202 { kept.hasDeleted(manifest) }
        if reply.status != 202 { tally.count { $0.broken.append("a deletion: \(reply.status) \(reply.text)") } }
    }
}
