/// Results as text for a terminal.
struct Table {
    let results: Results

    /// The columns that a case has.
    private static let columns: [Metric] = [
        .cpu, .rate, .p50, .p99, .p999, .peak, .resident, .unshared, .connection, .start, .load,
    ]

    static func columns(of result: CaseResult) -> [Metric] {
        columns.filter { metric in result.servers.contains { result.spread(metric, $0.server) != nil } }
    }

    /// A line for each case of a smoke test, whose numbers mean nothing.
    func line(_ result: CaseResult) -> String {
        let servers = result.servers.filter { $0.absence == nil }.map { server in
            "\(server.server) \(server.rounds.reduce(0) { $0 + $1.operations })"
        }
        return "\(result.name): \(servers.joined(separator: ", "))" + failures(result)
    }

    func text(_ result: CaseResult) -> String {
        let columns = Self.columns(of: result)
        var rows = [["server"] + columns.map { $0.title(result.unit) }]
        for server in result.servers where server.absence == nil {
            rows.append(
                [server.server]
                    + columns.map { metric in
                        guard let spread = result.spread(metric, server.server) else { return "" }
                        let median = Self.number(spread.median)
                        guard [.cpu, .rate, .p99].contains(metric) else { return median }
                        return "\(median) (\(Self.number(spread.least))-\(Self.number(spread.greatest)))"
                    })
        }
        var text = "\n\(result.name): \(result.title)\n" + Self.aligned(rows)
        for reason in Set(result.servers.compactMap(\.absence)).sorted() {
            let names = result.servers.filter { $0.absence == reason }.map(\.server)
            text += "  not here: \(names.joined(separator: ", ")), \(reason)\n"
        }
        for peer in result.servers where peer.server != result.subject {
            let line = ratios(result, peer.server)
            if !line.isEmpty { text += "  \(result.subject) : \(peer.server)  \(line)\n" }
        }
        for verdict in results.verdicts(result) { text += "  \(Self.text(verdict, result.unit))\n" }
        text += failures(result)
        if result.stolen > 0.02 {
            text += "  (the hypervisor took \(Self.number(100 * result.stolen)) % of the time)\n"
        }
        return text
    }

    private func failures(_ result: CaseResult) -> String {
        result.servers.map { server in
            let failures = server.rounds.reduce(0) { $0 + $1.failures }
            guard failures > 0 else { return "" }
            let complaints = server.rounds.flatMap(\.complaints).prefix(3).joined(separator: "\n    ")
            return "\n  FAILED: \(server.server), \(failures) wrong answers:\n    \(complaints)\n"
        }.joined()
    }

    private func ratios(_ result: CaseResult, _ peer: String) -> String {
        [Metric.cpu, .rate, .p99, .peak, .resident, .connection, .start].compactMap { metric in
            result.ratio(metric, result.subject, to: [peer]).map { spread in
                let name = metric == .cpu ? "CPU" : metric.rawValue
                return
                    "\(name) \(Self.number(spread.median)) (\(Self.number(spread.least))-\(Self.number(spread.greatest)))"
            }
        }.joined(separator: "  ")
    }

    private static func text(_ verdict: Verdict, _ unit: CostUnit) -> String {
        "goal \(goal(verdict.goal, unit)): \(number(verdict.value)) \(verdict.isMet ? "met" : "NOT MET")"
    }

    static func goal(_ goal: Goal, _ unit: CostUnit) -> String {
        let name = goal.metric == .rate ? "rate" : goal.metric.title(unit)
        let target =
            switch goal.measure {
            case .best(let servers): "\(number(goal.factor)) x \(servers.joined(separator: "|"))"
            case .absolute: number(goal.factor)
            case .other(let name): "\(number(goal.factor)) x \(name)"
            }
        let note = goal.note.map { " [\($0)]" } ?? ""
        return "\(name) \(goal.bound.rawValue) \(target.trimmed)\(note)"
    }

    /// Three digits that count.
    static func number(_ value: Double) -> String {
        let size = abs(value)
        if size >= 100 { return "\(Int(value.rounded()))" }
        if size >= 10 { return "\((value * 10).rounded() / 10)" }
        if size >= 1 { return "\((value * 100).rounded() / 100)" }
        return "\((value * 1000).rounded() / 1000)"
    }

    /// Columns under each other; the first to the left, the others to the right.
    static func aligned(_ rows: [[String]]) -> String {
        var widths: [Int] = []
        for row in rows {
            for (index, cell) in row.enumerated() {
                if index == widths.count { widths.append(0) }
                widths[index] = max(widths[index], cell.count)
            }
        }
        return rows.map { row in
            "  "
                + row.enumerated().map { index, cell in
                    let space = String(
                        repeating: " ", count: max(0, (index < widths.count ? widths[index] : 0) - cell.count))
                    return index == 0 ? cell + space : space + cell
                }.joined(separator: "  ") + "\n"
        }.joined()
    }
}
