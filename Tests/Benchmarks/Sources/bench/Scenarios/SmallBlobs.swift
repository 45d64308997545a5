/// Small blobs, at random over many.
struct SmallBlobs: Scenario {
    let name = "blobs-small"
    let summary = "GET and HEAD of 4 KiB and 64 KiB, at random over 100,000 blobs"

    func cases(_ plan: Plan, _ servers: [any Server]) -> [Case] {
        let blobs = Datasets.smallBlobs(plan)
        let note = "30 x 1.2k/s of distribution's main branch, beside nginx's 76k/s"
        let goals: [Goal] = [.cpu(2, "nginx"), .rate(30 * 1.2 / 76, "nginx", note: note)]
        return [
            read(blobs, "GET", blobs.blobs[0], goals: goals), read(blobs, "GET", blobs.blobs[1], goals: goals),
            read(blobs, "HEAD", blobs.blobs[0]), read(blobs, "GET", blobs.blobs[0], isCold: true),
        ]
    }

    private func read(
        _ dataset: Dataset, _ method: String, _ group: Dataset.Blobs, isCold: Bool = false, goals: [Goal] = []
    ) -> Case {
        let table = RequestTable()
        for number in group.numbers {
            let content = group.content(number)
            table.add(
                method, "/v2/\(group.repository)/blobs/\(content.digest)",
                Expectation(length: content.size, body: .content(content, from: 0)))
        }
        return Case(
            name: "\(method.lowercased())-\(group.size >> 10)k\(isCold ? "-cold" : "")",
            title: """
                blob \(method), \(group.size >> 10) KiB, over \(group.numbers.count), 64 connections\
                \(isCold ? ", nothing in the kernel's memory" : "")
                """,
            root: .kept(dataset), absent: { isCold ? Absence.noForgetting($0) : nil }, goals: goals,
            pageCache: isCold ? .cold : .warm
        ) { trial in
            let load = try trial.load(connections: trial.plan.pick(64, smoke: 8)) { connection in
                // Another choice in each round, so that no round repeats what the last one left in a cache.
                RandomReader(table, seed: connection + 1000 * trial.round)
            }
            try trial.warm(load, .seconds(trial.plan.seconds / 10))
            return trial.measure(load, .seconds(trial.plan.seconds))
        }
    }
}
