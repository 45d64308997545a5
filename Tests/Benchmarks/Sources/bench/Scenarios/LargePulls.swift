/// Pulls of large blobs, whole and by ranges.
struct LargePulls: Scenario {
    let name = "pull-large"
    let summary = "a blob of 1 GiB on 1, 4 and 64 connections, with TLS, and by ranges; 64 MiB on 64 connections"

    func cases(_ plan: Plan, _ servers: [any Server]) -> [Case] {
        let dataset = Datasets.largeBlobs(plan)
        let (huge, large) = (dataset.blobs[0], dataset.blobs[1])
        let near: [Goal] = [.cpu(1.1, "nginx", "limit"), .rate(0.9, "nginx", "limit")]
        return [1, 4, 64].map { connections in
            whole(dataset, huge, "1g-\(connections)", plan.pick(connections, smoke: min(connections, 4)), near)
        } + [
            whole(dataset, huge, "1g-tls-4", 4, [.cpu(1, "nginx")], tls: true),
            whole(dataset, large, "64m-64", plan.pick(64, smoke: 4), near + [.most(50, .peak)]),
            ranges(dataset, huge, "ranges-1m-8", bytes: 1 << 20, [.cpu(1.25, "limit")]),
            ranges(
                dataset, huge, "ranges-64k-8", bytes: 64 << 10,
                [.rate(20, "distribution"), .rate(20, "docker-registry", note: "asked of distribution's main branch")]),
        ]
    }

    private func whole(
        _ dataset: Dataset, _ group: Dataset.Blobs, _ name: String, _ connections: Int, _ goals: [Goal],
        tls: Bool = false
    ) -> Case {
        let table = RequestTable()
        let content = group.content(0)
        table.add(
            "GET", "/v2/\(group.repository)/blobs/\(content.digest)",
            Expectation(length: content.size, body: .content(content, from: 0)))
        return Case(
            name: name, title: "whole blob, \(content.size >> 20) MiB, \(connections) connections\(tls ? ", TLS" : "")",
            unit: .millisecondsPerGiB, root: .kept(dataset), tls: tls, goals: goals
        ) { trial in
            if trial.round == 0 { try checkOnce(trial, table) }
            // Decrypting costs what encrypting costs, so it gets as many threads as the server.
            let load = try trial.load(connections: connections, threads: tls ? 2 : 1, checksEvery: 0) {
                OrderlyReader(table, beginningAt: $0)
            }
            return trial.measure(load, .cut(seconds: trial.plan.seconds))
        }
    }

    /// As containerd fetches one layer with several connections: each takes the next part that nobody has.
    private func ranges(
        _ dataset: Dataset, _ group: Dataset.Blobs, _ name: String, bytes: Int, _ goals: [Goal]
    ) -> Case {
        let table = RequestTable()
        let content = group.content(0)
        let target = "/v2/\(group.repository)/blobs/\(content.digest)"
        for start in stride(from: 0, to: content.size, by: bytes) {
            table.add(
                "GET", target, fields: "Range: bytes=\(start)-\(start + bytes - 1)\r\n",
                Expectation(status: 206, length: bytes, body: .content(content, from: start)))
        }
        let connections = 8
        return Case(
            name: name, title: "ranges of \(bytes >> 10) KiB, \(connections) connections", unit: .millisecondsPerGiB,
            root: .kept(dataset), goals: goals
        ) { trial in
            var next = 0
            let load = try trial.load(connections: connections) { _ in
                SharedReader(table) {
                    defer { next = (next + 1) % table.count }
                    return next
                }
            }
            try trial.warm(load, .seconds(trial.plan.seconds / 10))
            return trial.measure(load, .seconds(trial.plan.seconds))
        }
    }

    private func checkOnce(_ trial: Trial, _ table: RequestTable) throws {
        let load = try trial.load(connections: 1, checksEvery: 1) { OrderlyReader(table, beginningAt: $0) }
        try trial.warm(load, .operations(1))
    }
}
