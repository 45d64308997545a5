import Foundation
import Glibc

/// Runs cases: every entrant on a root of its own, round by round, each time beginning with another one.
final class Runner {
    let plan: Plan
    let servers: [any Server]
    private let folder: String
    private let stores: Stores
    private(set) var results: Results
    private let say: (String) -> Void
    private var number = 0
    private var own: String { "\(folder)/run-\(getpid())" }
    /// Files of a root from which on it stays until the end of the run.
    private static let manyFiles = 2_000

    /// - Parameters:
    ///   - folder: where roots are kept and made, on the file system that is measured.
    ///   - say: progress, for people.
    init(plan: Plan, servers: [any Server], berth: any Server, folder: String, say: @escaping (String) -> Void) {
        (self.plan, self.servers, self.folder, self.say) = (plan, servers, folder, say)
        stores = Stores(folder: plan.isSmoke ? "\(folder)/smoke" : folder, berth: berth, say: say)
        let facts = servers.map { ServerFacts(name: $0.name, version: $0.version() ?? "", settings: $0.settings) }
        Self.removeRemains(in: folder)
        results = Results(machine: .present(), rounds: plan.rounds, seconds: plan.seconds, servers: facts)
    }

    /// Removes what runs left that were killed.
    private static func removeRemains(in folder: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names where name.hasPrefix("run-") && !Files.exists("/proc/\(name.dropFirst(4))") {
            Files.remove("\(folder)/\(name)")
        }
    }

    /// Removes what the cases have left.
    deinit { Files.remove(own) }

    /// On ext4 without a journal, making a file passes over every number of a file that was removed within the last
    /// minutes: whoever is measured after the removal of a hundred thousand small files pays for it several times over.
    private func removeSoon(_ root: String) {
        let files = FileManager.default.enumerator(atPath: root)
        var count = 0
        while count < Self.manyFiles, files?.nextObject() != nil { count += 1 }
        if count < Self.manyFiles { Files.remove(root) }
    }

    /// Keeps what an earlier run measured and this one does not.
    func keep(_ earlier: Results) { results.cases += earlier.cases }

    /// An entrant that takes part.
    private struct Running {
        let index: Int
        let entrant: Entrant
        let root: String
        var process: ServerProcess

        var isEmptiedEachRound: Bool {
            if case .emptyEachRound = entrant.root { true } else { false }
        }
    }

    /// Returns the case's results, which are among `results` as well.
    func run(_ test: Case, of scenario: any Scenario) throws -> CaseResult {
        var result = CaseResult(
            name: "\(scenario.name)/\(test.name)", title: test.title, unit: test.unit, subject: test.subject,
            goals: test.goals)
        number += 1
        let temporary = "\(own)/\(number)"
        let tls = test.tls ? try TLSFiles.prepare(in: "\(folder)/tls") : nil
        var runners: [Running] = []
        defer {
            for runner in runners { runner.process.stop() }
            removeSoon(temporary)
        }
        func start(_ entrant: Entrant, _ root: String) throws -> ServerProcess {
            try ServerProcess.start(entrant.server, root: root, scratch: "\(temporary)/scratch", tls: tls)
        }
        for (index, entrant) in entrants(of: test).enumerated() {
            result.servers.append(ServerResult(server: entrant.label, absence: entrant.absence))
            guard entrant.absence == nil else { continue }
            let root = try root(of: entrant, in: "\(temporary)/\(index)")
            runners.append(Running(index: index, entrant: entrant, root: root, process: try start(entrant, root)))
        }
        func trial(_ runner: Running, _ round: Int) -> Trial {
            Trial(process: runner.process, plan: plan, tls: test.tls, unit: test.unit, round: round)
        }
        for runner in runners { try test.prepare(trial(runner, 0)) }
        if !plan.isSmoke {
            if test.pageCache == .warm { for runner in runners { Files.readAll(below: runner.root) } }
            Files.flush(folder)
        }
        let before = Machine.times()
        for round in 0..<min(plan.rounds, test.mostRounds) {
            for turn in runners.indices {
                let place = (turn + round) % runners.count
                if test.restarts || runners[place].isEmptiedEachRound {
                    runners[place].process.stop()
                    runners[place].process = try start(runners[place].entrant, runners[place].root)
                }
                if test.writes > 0, !plan.isSmoke {
                    Files.flush(folder)
                    Machine.touchMemory(test.writes + test.writes / 4 + 256 << 20)
                }
                if test.pageCache == .cold, !plan.isSmoke { try Files.forget() }
                result.servers[runners[place].index].rounds.append(try test.measure(trial(runners[place], round)))
                if runners[place].isEmptiedEachRound {
                    runners[place].process.stop()
                    Files.remove(runners[place].root)
                    try Files.makeFolder(runners[place].root)
                }
            }
        }
        let after = Machine.times()
        result.stolen = (after.stolen - before.stolen) / max(1, after.all - before.all)
        results.cases.removeAll { $0.name == result.name }
        results.cases.append(result)
        return result
    }

    private func entrants(of test: Case) -> [Entrant] {
        if let entrants = test.entrants { return entrants }
        return servers.map { server in
            let absence = test.absent(server) ?? (test.tls && !server.hasTLS ? "without TLS" : nil)
            return Entrant(label: server.name, server: server, root: test.root, absence: absence)
        }
    }

    private func root(of entrant: Entrant, in temporary: String) throws -> String {
        switch entrant.root {
        case .empty, .emptyEachRound: try Files.makeFolder(temporary)
        case .kept(let dataset): return try stores.root(dataset, for: entrant.server.storeKind)
        case .own(let dataset): try stores.write(dataset, to: temporary, for: entrant.server.storeKind)
        }
        return temporary
    }
}
