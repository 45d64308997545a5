import BerthTestSupport
import Foundation
import Synchronization
import Testing

/// One root that one server after another serves and is killed on, while it collects all the time.
final class Lives: Sendable {
    private static let collecting = (lease: 1_000, window: 1_000)
    static let settings = [
        "collector.lease=\(collecting.lease)ms", "collector.window=\(collecting.window)ms", "collector.interval=100ms",
        "collector.budget=1s", "log.level=notice",
    ]

    let scratch: Scratch
    let shim: FaultShim
    let clients: [Changer]
    /// Who asks for what a named moment is about. He does nothing else.
    let errandBoy: Changer
    private let collecting: Facts.Collecting
    /// Where what all clients push is mounted from.
    private let sources: [String]
    private struct State {
        var lastDeath: ContinuousClock.Instant?
        var freed = 0
        var rounds = 0
    }
    private let state = Mutex(State())

    init(clients: Int, seed: UInt64) throws {
        scratch = try Scratch()
        shim = try FaultShim(in: scratch.path)
        collecting = Facts.Collecting(
            lease: .milliseconds(Self.collecting.lease), window: .milliseconds(Self.collecting.window),
            root: scratch.root)
        var numbers = SeededNumbers(seed: seed)
        let shared = (0..<8).map { numbers.bytes([700, 3_000, 70_000, 90_000][$0 % 4]) }
        self.clients = (0..<clients).map { [collecting] index in
            Changer("client/\(index)", shared: shared, seed: numbers.next(), collecting)
        }
        errandBoy = Changer("errands", shared: shared, seed: numbers.next(), collecting)
        sources = self.clients.map { "\($0.name)/one" }
    }

    /// What all collections have freed.
    var freed: Int { state.withLock(\.freed) }
    var rounds: Int { state.withLock(\.rounds) }

    func done(_ deed: Changer.Deed) -> Int { clients.reduce(0) { $0 + $1.done[deed, default: 0] } }

    private var all: [Changer] { clients + [errandBoy] }

    // MARK: - One life

    /// Starts a server after a fault and checks it, at once and after collections; has it killed by `death` while all
    /// clients are at work.
    func live(
        after fault: String, isQuiet: Bool = false,
        _ death: @escaping @Sendable (BerthProcess) async throws -> Void
    ) async throws {
        let server = try await start(after: fault)
        try await work(server) { [self] in try await collections(server) }
        try await check(server, after: "\(fault) and collections")
        try await expectTidy(server, after: fault)
        await withTaskGroup { group in
            for client in isQuiet ? [] : clients {
                // The kill ends it.
                group.addTask { [self] in try? await client.work(server, sources) { false } }
            }
            group.addTask {
                do { try await death(server) } catch { Issue.record("\(error), after \(fault)") }
                await server.kill()
            }
        }
        state.withLock { $0.lastDeath = .now }
    }

    /// A last life, that ends well: all is deleted, and all has to go.
    func end(after fault: String) async throws {
        let server = try await start(after: fault)
        for client in all { try await client.deleteAll(server) }
        let scratch = scratch
        try await eventually("all that was deleted is gone after \(fault)", within: 60) {
            try Remains(of: scratch.root, in: scratch.path).files.isEmpty
        }
        #expect(try await server.stop() == .status(0))
    }

    private func start(after fault: String) async throws -> BerthProcess {
        shim.disarm()
        let started = ContinuousClock.now
        let restart = state.withLock(\.lastDeath).map { Facts.Restart(died: $0, started: started) }
        let server = try await BerthProcess.start(
            root: scratch.root, settings: Self.settings, environment: shim.environment(root: scratch.root))
        try await check(server, after: fault, restart)
        try expectPurged(after: fault)
        for client in all { try await client.facts.continueUploads(server, after: fault, since: started) }
        return server
    }

    private func check(_ server: BerthProcess, after fault: String, _ restart: Facts.Restart? = nil) async throws {
        try await withThrowingTaskGroup { group in
            for client in all {
                group.addTask { try await client.facts.check(server, after: fault, since: restart) }
            }
            try await group.waitForAll()
        }
    }

    /// Has all clients work until `over` returns. Nothing may fail meanwhile.
    private func work(_ server: BerthProcess, until over: @escaping @Sendable () async throws -> Void) async throws {
        let isOver = Flag()
        try await withThrowingTaskGroup { group in
            for client in clients {
                group.addTask { [sources] in
                    try await client.work(server, sources) { isOver.isRaised }
                }
            }
            group.addTask {
                defer { isOver.raise() }
                try await over()
            }
            try await group.waitForAll()
        }
    }

    /// Returns when whole rounds have run since the first lease after the start, and some time has passed with them.
    private func collections(_ server: BerthProcess) async throws {
        let administrator = try collecting.administrator()
        try await eventually("the first lease is over") {
            let reply = try await administrator.send("GET", "/api/v1/gc/progress").json()
            return reply["is_first_lease"] as? Bool == false && (reply["rounds"] as? Int ?? 0) > 0
        }
        let first = try await progress(administrator).rounds
        try await eventually("collections go on") { [self] in try await progress(administrator).rounds >= first + 2 }
    }

    private func progress(
        _ administrator: TestConnection
    ) async throws -> (rounds: Int, freed: Int, damaged: Int, lost: Int) {
        let reply = try await administrator.send("GET", "/api/v1/gc/progress").json()
        func number(_ key: String) throws -> Int {
            guard let number = reply[key] as? Int else { throw TestFailure("no \(key) in \(reply)") }
            return number
        }
        return try (number("rounds"), number("freed_items"), number("damaged_items"), number("lost_files"))
    }

    // MARK: - What has to be so in the end

    /// Nothing that was purged is anywhere below the root.
    private func expectPurged(after fault: String) throws {
        let purged = all.reduce(into: Set<String>()) { $0.formUnion($1.purgedMarks) }
        let marks = try Remains(of: scratch.root, in: scratch.path).marks()
        #expect(marks.filter { purged.contains($0.key) } == [:], "bytes that were purged, after \(fault)")
    }

    /// Nothing is damaged, nothing purged is there, and files and rows come to be the same.
    private func expectTidy(_ server: BerthProcess, after fault: String) async throws {
        let administrator = try collecting.administrator()
        let (root, folder) = (scratch.root, scratch.path)
        try expectPurged(after: fault)
        do {
            try await eventually("files and rows are the same") {
                // Looks through the whole store; 409 where a round is under way.
                _ = try await administrator.send("POST", "/api/v1/gc")
                let remains = try Remains(of: root, in: folder)
                let rows = try remains.settled()
                return remains.files == rows
            }
        } catch {
            let remains = try Remains(of: root, in: folder)
            let (files, rows) = (remains.files, try remains.settled())
            Issue.record(
                "after \(fault): files without rows \(files.subtracting(rows)), rows without \(rows.subtracting(files))"
            )
        }
        let progress = try await progress(administrator)
        #expect(progress.damaged == 0 && progress.lost == 0, "after \(fault): \(progress)")
        state.withLock { state in
            state.freed += progress.freed
            state.rounds += progress.rounds
        }
    }

    // MARK: - A named moment

    /// Kills the server at `point`, at the `nth` time that it is there. False: it never was.
    func kill(_ server: BerthProcess, at point: KillPoint, nth: Int = 1, by client: Changer) async throws -> Bool {
        let deadline = ContinuousClock.now.advanced(by: .seconds(30))
        while ContinuousClock.now < deadline {
            let hands = try Changer.Hands(client, server, scratch.root)
            let errand = try await client.prepare(point.work, hands, sources)
            shim.arm(point.steps[0].plan)
            let isHit = await withTaskGroup(of: Bool?.self) { group in
                let hasBegun = Flag()
                let isOver = Flag()
                group.addTask {
                    hasBegun.raise()
                    try? await errand.run()
                    if point.work != nil { isOver.raise() }
                    return nil
                }
                group.addTask { [self] in
                    let hunt = Hunt(
                        server: server, shim: shim, root: scratch.root, folder: scratch.path, target: errand.target)
                    do {
                        return try await hunt.find(point.steps, nth: nth) {
                            isOver.isRaised || ContinuousClock.now > deadline
                        } hasBegun: {
                            hasBegun.isRaised
                        }
                    } catch {
                        Issue.record("looking for \(point.name): \(error)")
                        return nil
                    }
                }
                return await group.reduce(false) { $0 || $1 ?? false }
            }
            if isHit { return true }
            guard server.isRunning else { throw TestFailure("the server ended by itself: \(server.log.suffix(2_000))") }
        }
        return false
    }
}
