/// Pushes of large blobs, each durable when it is acknowledged.
struct LargePushes: Scenario {
    let name = "push-large"
    let summary = "blobs of 64 MiB and 1 GiB, in one PUT and in Docker's chunks, 1, 4, 8 and 16 at once, with TLS"

    func cases(_ plan: Plan, _ servers: [any Server]) -> [Case] {
        let large = plan.pick(64 << 20, smoke: 2 << 20)
        let huge = plan.pick(1 << 30, smoke: 4 << 20)
        let put: [Goal] = [.cpu(1.15, "limit"), .rate(0.9, "limit")]
        let patch: [Goal] = [.cpu(1.2, "limit"), .most(1.1, .cpu, ofCase: "push-large/put-64m-8")]
        let hugePatch = [Goal.cpu(1.2, "limit")]
        return [1, 4, 8, 16].map { push(plan, "put-64m-\($0)", .put, large, connections: $0, put) }
            + [1, 4, 8, 16].map { push(plan, "patch-64m-\($0)", .chunkedPatch, large, connections: $0, patch) }
            + [1, 4, 16].map { push(plan, "put-1g-\($0)", .put, huge, connections: $0, put, root: .emptyEachRound) }
            + [1, 4, 16].map {
                push(plan, "patch-1g-\($0)", .chunkedPatch, huge, connections: $0, hugePatch, root: .emptyEachRound)
            }
            + [
                push(plan, "put-64m-tls-4", .put, large, connections: 4, [], tls: true),
                push(plan, "patch-64m-tls-4", .chunkedPatch, large, connections: 4, [], tls: true),
                push(plan, "put-1g-tls-1", .put, huge, connections: 1, [], root: .emptyEachRound, tls: true),
            ]
    }

    private func push(
        _ plan: Plan, _ name: String, _ way: BlobPush.Way, _ bytes: Int, connections: Int, _ goals: [Goal],
        root: Entrant.Root = .empty, tls: Bool = false
    ) -> Case {
        let connections = plan.pick(connections, smoke: min(connections, 6))
        let how = way == .put ? "one PUT" : "one PATCH in chunks of 32 KiB, empty PUT"
        // 512 MiB at the least, and one blob for each connection.
        let operations = plan.pick(max(512 << 20 / bytes, connections), smoke: connections)
        return Case(
            name: name, title: "\(how), \(bytes >> 20) MiB, \(connections) at once\(tls ? ", TLS" : "")",
            unit: .millisecondsPerGiB, root: root, tls: tls, absent: Absence.noPush, goals: goals,
            writes: operations * bytes
        ) { trial in
            let load = try trial.load(connections: connections, threads: tls ? 2 : 1) { connection in
                let fresh = Fresh(connection)
                return BlobPush(trial.target(connection), way, readsBack: trial.plan.isSmoke) { fresh.content(bytes) }
            }
            return trial.measure(load, .operations(operations), bytesPerOperation: bytes)
        }
    }
}
