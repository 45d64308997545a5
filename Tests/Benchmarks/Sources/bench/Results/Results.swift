import Foundation

/// Everything that one run measured; what is written as JSON.
struct Results: Codable {
    var machine: Machine
    var rounds: Int
    var seconds: Double
    var servers: [ServerFacts]
    var cases: [CaseResult] = []

    func find(_ name: String) -> CaseResult? { cases.first { $0.name == name } }
}

extension Results {
    static func read(_ path: String) throws -> Results {
        try JSONDecoder().decode(Results.self, from: Data(contentsOf: URL(filePath: path)))
    }

    func write(_ path: String) throws {
        if let slash = path.lastIndex(of: "/") { try Files.makeFolder(String(path[..<slash])) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(filePath: path))
    }
}

struct ServerFacts: Codable {
    let name: String
    let version: String
    let settings: String
}

struct CaseResult: Codable {
    /// `scenario/case`
    let name: String
    let title: String
    let unit: CostUnit
    /// Whose goals they are, and who is compared with all others.
    let subject: String
    let goals: [Goal]
    /// In the order of the servers.
    var servers: [ServerResult] = []
    /// Share of processor time that the hypervisor took away during the case.
    var stolen = 0.0

    /// Wrong answers.
    var failures: Int { servers.reduce(0) { $0 + $1.rounds.reduce(0) { $0 + $1.failures } } }

    func rounds(_ server: String) -> [Measurement]? { servers.first { $0.server == server }?.rounds }
}

struct ServerResult: Codable {
    let server: String
    /// Why there are no rounds.
    var absence: String?
    var rounds: [Measurement] = []
}

/// The least, the middle and the greatest of some values.
struct Spread: Codable {
    let least: Double
    let median: Double
    let greatest: Double

    init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        least = sorted[0]
        greatest = sorted[sorted.count - 1]
        median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

extension CaseResult {
    func spread(_ metric: Metric, _ server: String) -> Spread? {
        rounds(server).flatMap { Spread($0.compactMap { $0.values[metric] }) }
    }

    /// `server` divided by the best of `peers` that have the metric, round by round.
    func ratio(_ metric: Metric, _ server: String, to peers: [String]) -> Spread? {
        guard let mine = rounds(server) else { return nil }
        var ratios: [Double] = []
        for (index, round) in mine.enumerated() {
            let others = peers.compactMap { peer -> Double? in
                guard let rounds = rounds(peer), index < rounds.count else { return nil }
                return rounds[index].values[metric]
            }
            guard let value = round.values[metric], let best = metric.isBetterLow ? others.min() : others.max(),
                best > 0
            else { continue }
            ratios.append(value / best)
        }
        return Spread(ratios)
    }
}

/// A goal with what was reached.
struct Verdict {
    let goal: Goal
    let value: Double
    var isMet: Bool { goal.isMet(value) }
}

extension Results {
    /// The goals of a case that this run can judge.
    func verdicts(_ result: CaseResult) -> [Verdict] {
        result.goals.compactMap { goal in
            let value: Double? =
                switch goal.measure {
                case .best(let servers): result.ratio(goal.metric, result.subject, to: servers)?.median
                case .absolute: result.spread(goal.metric, result.subject)?.median
                case .other(let name):
                    find(name)?.spread(goal.metric, result.subject).flatMap { other in
                        result.spread(goal.metric, result.subject).map { $0.median / other.median }
                    }
                }
            return value.map { Verdict(goal: goal, value: $0) }
        }
    }
}
