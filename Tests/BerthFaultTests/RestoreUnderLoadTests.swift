import BerthTestSupport
import Foundation
import Testing

extension FaultTests.Servers {
    @Test("a restore under load brings back all that was there, and loses nothing pushed after it (G5, G6, G7)")
    func restoreUnderLoad() async throws {
        // What lasts for a window must not last longer here: a machine that is too slow for one gets a longer one.
        var last = ""
        for window in [5, 10, 20] {
            do { return try await Journey(window: window).run() } catch let late as Journey.Late {
                last = "restores with a window of \(window) s: too late \(late.what)"
                // A run that had to be done again says so, also where the next one passes.
                print(last)
            }
        }
        Issue.record("\(last)")
    }
}

/// A server under load that goes back to a snapshot, forth again to what it was before, and back once more.
private final class Journey: Sendable {
    /// The window was over before it had to be.
    struct Late: Error { let what: String }

    private static let lease = 2
    /// How long it goes on at least: SOAK_SECONDS, or three restores.
    private static let seconds = ProcessInfo.processInfo.environment["SOAK_SECONDS"].flatMap { Int($0) } ?? 0

    /// In seconds.
    private let window: Double
    private let scratch: Scratch
    private let server: BerthProcess
    private let load: Load
    private let shared: [[UInt8]]

    init(window: Int) async throws {
        self.window = Double(window)
        scratch = try Scratch()
        // What a cut push leaves unfinished keeps leases, and has to go in time as well.
        server = try await BerthProcess.start(
            root: scratch.root,
            settings: [
                "collector.lease=\(Self.lease)s", "collector.interval=100ms", "collector.window=\(window)s",
                "collector.budget=1s", "upload.max_age=\(window)s", "metrics.listen=127.0.0.1:0", "log.level=notice",
            ])
        var numbers = SeededNumbers(seed: 14)
        shared = (0..<8).map { numbers.bytes([700, 3_000, 70_000, 90_000][$0 % 4]) }
        load = Load(server, root: scratch.root, shared: shared, clients: 5)
    }

    func run() async throws {
        var numbers = SeededNumbers(seed: 15)
        var (start, cycle, collected) = (1, 0, 0)
        let end = ContinuousClock.now.advanced(by: .seconds(Self.seconds))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in load.clients {
                let seed = numbers.next()
                group.addTask { await self.load.run(client, seed) }
            }
            defer { load.end() }
            var frozen: [Facts] = []
            repeat {
                cycle += 1
                try await frees(5, "before a snapshot")
                let images = Frozen(
                    server, root: scratch.root, name: "frozen/\(cycle)", shared: shared, &numbers)
                frozen.append(try await travel(images, cycle, &start, &collected))
            } while ContinuousClock.now < end
            // Pushes go on while what garbage there is by now is collected.
            try await frees(20, "after the last restore")
            load.end()
            try await group.waitForAll()
            for facts in frozen { try await facts.check(server, after: "collections") }
        }
        #expect(try await load.losses() == [])
        try judge("the end")
        let sums = load.sums
        // How much a run went through is the test's result beside its passing.
        print(
            "\(start - 1) restores: \(sums.pushes) pushes, \(sums.deletions) deletions (\(sums.repositoryDeletions) of "
                + "repositories), \(sums.cut) cut, \(sums.facts) facts compared, \(collected) blobs freed between "
                + "snapshots and restores")
        #expect(sums.pushes > 100)
        #expect(sums.deletions > 50)
        #expect(sums.repositoryDeletions > 3)
        #expect(sums.cut == load.clients.count * (start - 1))
        try await nothingStays()
        #expect(try await server.metric("berth_damaged_blobs") == 0)
        #expect(try await server.stop() == .status(0))
    }

    /// Three restores. What the images are after them.
    private func travel(
        _ images: Frozen, _ cycle: Int, _ start: inout Int, _ collected: inout Int
    ) async throws -> Facts {
        try await images.push()
        let atSnapshot = images.facts.copy()
        let made = Date()
        load.beginMarks(.snapshot(cycle))
        let snapshot = try await berth("snapshot", "create").trimmingCharacters(in: .whitespacesAndNewlines)
        load.endMarks()
        try await images.change()
        // What was deleted before goes, while what the snapshot holds stays.
        let before = try await server.collections().freedBlobs
        try await frees(before + 5, "after a snapshot")
        // What was deleted before the snapshot leaves well before what was replaced may go.
        try await Task.sleep(for: .seconds(max(0, window / 2 + made.timeIntervalSinceNow)))
        collected += try await server.collections().freedBlobs - before

        let stopped = Date()
        let cleaned = try await restore(snapshot, .snapshot(cycle), &start, within: made)
        #expect(cleaned > 0, "content that was freed since the snapshot is not missed")
        try await atSnapshot.check(server, after: "a restore", isFinal: false)

        // The present catalog has no use for it, the one that was replaced has.
        try await leaves(images.returning, since: stopped)
        let again = Date()
        _ = try await restore(try await latestStop(), .stop(start - 1), &start, within: stopped)
        try await images.facts.check(server, after: "a restore of what was replaced", isFinal: false)

        _ = try await restore(try await latestStop(), .stop(start - 1), &start, within: again)
        try await atSnapshot.check(server, after: "a third restore", isFinal: false)
        return atSnapshot
    }

    /// How many rows were forgotten whose content had gone by itself.
    ///
    /// - Parameter begin: since then the window is not to be over when the server stops; then all that clients saw counts.
    private func restore(
        _ snapshot: String, _ moment: Load.Moment, _ start: inout Int, within begin: Date
    ) async throws -> Int {
        load.willRestore(moment)
        let said = try await berth("restore", "--snapshot", snapshot, "--yes")
        start += 1
        try await server.listens(start: start)
        try await load.goesOn(since: start)
        let list = try await administer("GET", "/restorations")["restorations"] as? [[String: Any]]
        let restored = try #require(list?.first)
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        let happened = try format.parse(try #require(restored["restored_at"] as? String))
        guard happened.timeIntervalSince(begin) < window else { throw Late(what: "for start \(start)") }
        try judge("start \(start)")
        #expect(said.hasPrefix("The catalog is as it was in \(snapshot).\n"))
        #expect(restored["snapshot"] as? String == snapshot && restored["lost"] as? Int == 0, "\(restored)")
        #expect(try await server.metric("berth_damaged_blobs") == 0)
        return try #require(restored["cleaned"] as? Int)
    }

    private func judge(_ what: String) throws {
        let tally = load.tally.sums
        guard tally.longestPause < Self.lease * 1_000 else { throw Late(what: "with a push, \(what)") }
        #expect(tally.broken.filter { !$0.contains(": 503 ") } == [], "\(what)")
        #expect(load.sums.wrong == [], "\(what): \(server.log.suffix(2_000))")
        if !load.sums.wrong.isEmpty { throw TestFailure("clients were misled \(what)") }
    }

    /// The name of the catalog that the last restore replaced.
    private func latestStop() async throws -> String {
        guard let name = try await berth("snapshot", "list").firstMatch(of: /before-restore-\S+/)
        else { throw TestFailure("what was replaced is not kept") }
        return String(name.output)
    }

    /// Waits until so much was collected since the server's start.
    private func frees(_ count: Int, _ when: String) async throws {
        try await eventually("the collector frees something \(when)", within: 90) { [server] in
            try await server.collections().freedBlobs >= count
        }
    }

    /// Waits until nothing holds some content but that a catalog was replaced.
    private func leaves(_ digest: String, since stopped: Date) async throws {
        while true {
            let story = try await administer("GET", "/content/\(digest.replacing(":", with: "%3A"))")
            switch story["state"] as? String {
            case "doomed": return
            case nil: throw TestFailure("content is gone that the replaced catalog needs: \(story)")
            default: break
            }
            guard -stopped.timeIntervalSinceNow < window else { throw Late(what: "to be doomed: \(story)") }
            // Until the next look: no answer of the server's tells of this step.
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Deletes everything, and waits until it is gone (G6).
    private func nothingStays() async throws {
        let list = try await administer("GET", "/repositories?limit=1000")["repositories"] as? [[String: Any]]
        let names = (list ?? []).compactMap { $0["name"] as? String }
        #expect(names.count > 10)
        for name in names {
            _ = try await administer("DELETE", "/repositories/\(name.replacing("/", with: "%2F"))")
        }
        try await eventually("all that was deleted is gone, and all that no catalog knows", within: 90) { [self] in
            // It is refused while a round is under way.
            guard let report = try? await administer("POST", "/gc") else { return false }
            let uploads = try FileManager.default.contentsOfDirectory(atPath: scratch.root + "/uploads")
            return report["damaged_items"] as? Int == 0 && files(below: scratch.root) == 0 && uploads.isEmpty
        }
    }

    private func administer(_ method: String, _ path: String) async throws -> [String: Any] {
        let connection = try TestConnection(path: "\(scratch.root)/run/admin.sock")
        let reply = try await connection.send(method, "/api/v1\(path)")
        guard reply.status == 200 else { throw TestFailure("\(method) \(path): \(reply.status) \(reply.text)") }
        return try reply.json()
    }

    private func berth(_ arguments: String...) async throws -> String {
        try await runProgram([BerthProcess.binary()] + arguments + ["--root", scratch.root])
    }
}
