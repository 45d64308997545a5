import Foundation

/// What push, pull and list cost as the catalog grows. The sizes take turns as servers do elsewhere.
struct Growth: Scenario {
    let name = "growth"
    let summary = "push, pull and list beside 10k, 100k and 1M blobs"

    func cases(_ plan: Plan, _ servers: [any Server]) -> [Case] {
        let sizes = Datasets.growth(plan)
        let entrants = servers.filter(\.isRegistry).flatMap { server in
            sizes.map { size in
                Entrant(label: "\(server.name) \(size.label)", server: server, root: .kept(size.dataset))
            }
        }
        let (smallest, largest) = ("berth \(sizes[0].label)", "berth \(sizes[2].label)")
        let goals: [Goal] = [.cpu(1.2, smallest)]
        func test(_ name: String, _ title: String, _ unit: CostUnit, _ measure: @escaping (Trial) throws -> Measurement)
            -> Case
        {
            Case(
                name: name, title: title, unit: unit, entrants: entrants, subject: largest, goals: goals,
                writes: name == "push" ? 64 << 20 : 0, measure: measure)
        }
        return [
            test("pull", "GET of 1,000 blobs spread over the catalog, 64 connections", .microseconds) { trial in
                let size = sizes.first { trial.process.root.contains("/\($0.dataset.name)/") } ?? sizes[0]
                let table = pulls(size.dataset)
                let load = try trial.load(connections: trial.plan.pick(64, smoke: 8)) { connection in
                    RandomReader(table, seed: connection + 1000 * trial.round)
                }
                try trial.warm(load, .seconds(trial.plan.seconds / 5))
                return trial.measure(load, .seconds(trial.plan.seconds))
            },
            test("push", "images of four blobs of 16 KiB, 8 at once", .milliseconds) { trial in
                let connections = trial.plan.pick(8, smoke: 2)
                let load = try trial.load(connections: connections) { connection in
                    ImagePush(trial.target(connection), layers: 3, blobBytes: 16 << 10, fresh: Fresh(connection))
                }
                try trial.warm(load, .operations(connections))
                return trial.measure(load, .seconds(trial.plan.seconds))
            },
            test("list", "first page of 100 of 1,000 tags, 8 connections", .milliseconds) { trial in
                let table = RequestTable()
                table.add("GET", "/v2/\(sizes[0].dataset.manifests[0].repository)/tags/list?n=100", Expectation())
                let load = try trial.load(connections: 8) { OrderlyReader(table, beginningAt: $0) }
                try trial.warm(load, .operations(8))
                return trial.measure(load, .seconds(trial.plan.seconds))
            },
        ]
    }

    private func pulls(_ dataset: Dataset) -> RequestTable {
        let table = RequestTable()
        let perGroup = max(1, 1000 / dataset.blobs.count)
        // The first blob is the tagged image's.
        for group in dataset.blobs.dropFirst() {
            let step = max(1, group.numbers.count / perGroup)
            for number in stride(from: group.numbers.lowerBound, to: group.numbers.upperBound, by: step) {
                let content = group.content(number)
                table.add(
                    "GET", "/v2/\(group.repository)/blobs/\(content.digest)",
                    Expectation(length: content.size, body: .content(content, from: 0)))
            }
        }
        return table
    }
}
