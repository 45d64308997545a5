import Glibc

/// What a server costs while it stands there: start, memory, idle connections, slow clients.
struct Standing: Scenario {
    let name = "standing"
    let summary = "start, memory at rest, idle connections, 100 pushes of 64 MiB at once, 1,000 slow readers"

    func cases(_ plan: Plan, _ servers: [any Server]) -> [Case] {
        let largest = Datasets.growth(plan)[2]
        return [
            start(
                "start-empty", "start to the first answer with an empty root; memory at rest", .empty,
                [
                    .most(30, .start), .most(30, .resident), .most(8, .unshared),
                ]),
            start(
                "start-\(largest.label)", "start to the first answer with \(largest.label) blobs",
                .kept(largest.dataset), [.most(60, .start)], absent: Absence.noAPI),
            idle(plan.pick(1000, smoke: 20), plan, [.most(9, .connection), .most(0.1, .cpu)]),
            idle(plan.pick(10_000, smoke: 100), plan, [.most(9, .connection)]), pushes(plan), slowReaders(plan),
        ]
    }

    private func start(
        _ name: String, _ title: String, _ root: Entrant.Root, _ goals: [Goal],
        absent: @escaping @Sendable (any Server) -> String? = { _ in nil }
    ) -> Case {
        Case(
            name: name, title: title, unit: .percent, root: root, absent: absent, goals: goals, restarts: true
        ) { trial in
            let start = trial.process.startMilliseconds
            trial.comeToRest()
            let tree = trial.process.tree
            return Measurement(values: [.start: start, .resident: tree.residentMB, .unshared: tree.privateMB])
        }
    }

    private func idle(_ connections: Int, _ plan: Plan, _ goals: [Goal]) -> Case {
        let images = Datasets.images(plan)
        let table = RequestTable()
        let manifest = images.manifests[0]
        table.add(
            "HEAD", "/v2/\(manifest.repository)/manifests/\(manifest.digest)",
            fields: "Accept: \(ManifestTemplate.type)\r\n", Expectation(length: manifest.bytes.count))
        return Case(
            name: "idle-\(Datasets.label(connections))",
            title: "\(connections) idle connections, each after one request", unit: .percent, root: .kept(images),
            goals: goals, restarts: true
        ) { trial in
            // What the first request sets up is no connection's memory.
            try trial.warm(try trial.load(connections: 1) { OrderlyReader(table, beginningAt: $0) }, .operations(1))
            trial.comeToRest()
            let tree = trial.process.tree
            let before = tree.residentMB
            let load = try trial.load(connections: connections) { OrderlyReader(table, beginningAt: $0) }
            try trial.warm(load, .operations(connections))
            trial.comeToRest()
            let resident = tree.residentMB
            let cpu = tree.cpuSeconds
            let seconds = 2 * trial.plan.seconds
            usleep(UInt32(seconds * 1e6))
            let percent = 100 * (tree.cpuSeconds - cpu) / seconds
            load.close()
            return Measurement(values: [
                .cpu: percent, .resident: resident, .connection: 1000 * (resident - before) / Double(connections),
            ])
        }
    }

    private func pushes(_ plan: Plan) -> Case {
        let bytes = plan.pick(64 << 20, smoke: 1 << 20)
        let connections = plan.pick(100, smoke: 5)
        return Case(
            name: "pushes-\(connections)", title: "\(connections) pushes of \(bytes >> 20) MiB at once, in chunks",
            unit: .millisecondsPerGiB, root: .emptyEachRound, absent: Absence.noPush, goals: [.most(130, .peak)],
            writes: 1 << 20, mostRounds: 2
        ) { trial in
            let load = try trial.load(connections: connections) { connection in
                let fresh = Fresh(connection)
                return BlobPush(trial.target(connection), .chunkedPatch, readsBack: trial.plan.isSmoke) {
                    fresh.content(bytes)
                }
            }
            return trial.measure(load, .operations(connections), bytesPerOperation: bytes)
        }
    }

    private func slowReaders(_ plan: Plan) -> Case {
        let dataset = Datasets.largeBlobs(plan)
        let group = dataset.blobs[1]
        let content = group.content(0)
        let table = RequestTable()
        table.add(
            "GET", "/v2/\(group.repository)/blobs/\(content.digest)",
            Expectation(length: content.size, body: .content(content, from: 0)))
        let connections = plan.pick(1000, smoke: 20)
        return Case(
            name: "slow-readers-\(Datasets.label(connections))",
            title: "\(connections) connections that read a blob of \(content.size >> 20) MiB slowly", unit: .percent,
            root: .kept(dataset), goals: [.most(130, .peak)], restarts: true
        ) { trial in
            let tree = trial.process.tree
            tree.resetPeak()
            let cpu = tree.cpuSeconds
            let began = Clock.now()
            let readers = try SlowReaders(connections, port: trial.process.port, table)
            let complaints = readers.read(seconds: 2 * trial.plan.seconds)
            let seconds = Double(Clock.now() - began) / 1e9
            return Measurement(
                values: [.cpu: 100 * (tree.cpuSeconds - cpu) / seconds, .peak: tree.peakMB],
                failures: complaints.count, complaints: Array(complaints.prefix(5)))
        }
    }
}
