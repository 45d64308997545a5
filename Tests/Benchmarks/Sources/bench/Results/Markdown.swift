/// Results as Markdown, for the README.
struct Markdown {
    let results: Results

    func text() -> String {
        var text = facts()
        var done: Set<Substring> = []
        for result in results.cases {
            let scenario = result.name.prefix { $0 != "/" }
            guard done.insert(scenario).inserted else { continue }
            text += section(scenario)
        }
        return text + goals()
    }

    private func facts() -> String {
        let machine = results.machine
        let servers = results.servers.map { "| \($0.name) | \($0.version) | \($0.settings) |\n" }.joined()
        return """
            \(machine.date), \(machine.cores) cores (\(machine.processor)\(machine.isVirtual ? ", virtual" : "")), \
            \(machine.memoryMB / 1000) GB, Linux \(machine.kernel); \(results.rounds) rounds of \
            \(Table.number(results.seconds)) s. Medians, with least and greatest.

            | server | version | settings |
            |---|---|---|
            \(servers)
            """
    }

    /// A scenario's cases; those that follow each other and have the same columns stand in one table.
    private func section(_ scenario: Substring) -> String {
        var text = "\n### \(scenario)\n"
        let cases = results.cases.filter { $0.name.hasPrefix(scenario + "/") }
        var heading = ""
        for result in cases {
            let columns = Table.columns(of: result)
            let titles = columns.map { $0.title(result.unit) } + ["CPU, rate, p99 of \(result.subject) : it"]
            let head = "\n| case | server | " + titles.joined(separator: " | ") + " |\n"
            if head != heading {
                text += head + "|---|---|" + String(repeating: "---:|", count: columns.count) + "---|\n"
                heading = head
            }
            text += rows(result, columns)
        }
        let absences = cases.flatMap { result in
            result.servers.compactMap { server in server.absence.map { "\(server.server), \($0)" } }
        }
        if !absences.isEmpty { text += "\nNot in each: " + Set(absences).sorted().joined(separator: "; ") + ".\n" }
        return text
    }

    private func rows(_ result: CaseResult, _ columns: [Metric]) -> String {
        var name = "`\(result.name.drop { $0 != "/" }.dropFirst())` \(result.title)"
        var text = ""
        for server in result.servers where server.absence == nil {
            let cells = columns.map { cell($0, result, server.server) }.joined(separator: " | ")
            let ratios = server.server == result.subject ? "" : ratios(result, server.server)
            text += "| \(name) | \(server.server) | \(cells) | \(ratios) |\n"
            name = ""
        }
        return text
    }

    private func cell(_ metric: Metric, _ result: CaseResult, _ server: String) -> String {
        guard let spread = result.spread(metric, server) else { return "" }
        var text = Table.number(spread.median)
        if [.cpu, .rate, .p99].contains(metric), spread.least < spread.greatest {
            text += " (\(Table.number(spread.least))-\(Table.number(spread.greatest)))"
        }
        return text
    }

    private func ratios(_ result: CaseResult, _ server: String) -> String {
        [Metric.cpu, .rate, .p99].map { metric in
            result.ratio(metric, result.subject, to: [server]).map { Table.number($0.median) } ?? "-"
        }.joined(separator: ", ")
    }

    private func goals() -> String {
        var text = "\n### Goals\n\n| case | goal | reached | |\n|---|---|---:|---|\n"
        for result in results.cases {
            for verdict in results.verdicts(result) {
                // A bar would end the cell.
                let goal = Table.goal(verdict.goal, result.unit).split(separator: "|").joined(separator: " or ")
                text += "| `\(result.name)` | \(goal) | "
                text += "\(Table.number(verdict.value)) | \(verdict.isMet ? "met" : "**not met**") |\n"
            }
        }
        return text
    }
}
