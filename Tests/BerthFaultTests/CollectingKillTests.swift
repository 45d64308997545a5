import BerthTestSupport
import Foundation
import Testing

extension FaultTests.Servers {
    /// How often every point has its turn, and how often a server is killed at random: KILL_ROUNDS.
    private static let killRounds = max(
        1, ProcessInfo.processInfo.environment["KILL_ROUNDS"].flatMap { Int($0) } ?? 1)

    @Test(
        "a server that collects and is killed at every named moment keeps what it acknowledged, and no more (B3 to B5, C1, G1 to G7)"
    )
    func namedKills() async throws {
        var numbers = SeededNumbers(seed: 61)
        let points = (1...Self.killRounds).flatMap { _ in KillPoint.all.shuffled(using: &numbers) }
        // Most of a life is waiting: two roots at a time.
        let all = try await withThrowingTaskGroup(of: Lives.self) { group in
            for half in [points.prefix(points.count / 2), points.suffix(points.count - points.count / 2)] {
                let seed = numbers.next()
                group.addTask { try await Self.kill(at: half, seed) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        expectCollections(all, "\(points.count) kills at \(KillPoint.all.count) named moments")
        for deed in Changer.Deed.allCases {
            #expect(all.contains { $0.done(deed) > 0 }, "nobody did \(deed)")
        }
    }

    private static func kill(at points: ArraySlice<KillPoint>, _ seed: UInt64) async throws -> Lives {
        let lives = try Lives(clients: 3, seed: seed)
        var numbers = SeededNumbers(seed: seed + 1)
        var fault = "the first start"
        for point in points {
            // What comes up by itself is not always taken at its first time.
            let nth = point.work == nil ? 1 + numbers.below(3) : 1
            try await lives.live(after: fault, isQuiet: point.isAlone) { server in
                let isHit = try await lives.kill(server, at: point, nth: nth, by: lives.errandBoy)
                #expect(isHit, "the server never came to the moment \(point.name)")
            }
            fault = "a kill \(point.name)"
        }
        try await lives.end(after: fault)
        return lives
    }

    @Test(
        "a server that collects and is killed at random keeps what it acknowledged, and no more (B3 to B5, C1, G1 to G7)",
        arguments: [UInt64(63)])
    func randomKillsWhileCollecting(seed: UInt64) async throws {
        let lives = try Lives(clients: 3, seed: seed)
        var numbers = SeededNumbers(seed: seed + 1)
        for turn in 1...4 * Self.killRounds {
            // Any moment will do, and another one each time.
            let patience = Duration.milliseconds(numbers.below(700))
            try await lives.live(after: "kill \(turn - 1)") { _ in try await Task.sleep(for: patience) }
        }
        try await lives.end(after: "the last kill")
        expectCollections([lives], "\(4 * Self.killRounds) kills at random")
    }

    private func expectCollections(_ all: [Lives], _ kills: String) {
        let (rounds, freed) = (all.reduce(0) { $0 + $1.rounds }, all.reduce(0) { $0 + $1.freed })
        let done = Changer.Deed.allCases.map { deed in "\(deed) \(all.reduce(0) { $0 + $1.done(deed) })" }
        // How much a run went through is the test's result beside its passing.
        print("\(kills): \(rounds) collections freed \(freed) items; \(done.joined(separator: ", "))")
        #expect(freed > 20)
        #expect(rounds > 10)
    }
}
