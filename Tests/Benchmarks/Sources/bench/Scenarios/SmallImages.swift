/// Pushes of small images.
struct SmallImages: Scenario {
    let name = "images"
    let summary = "images of a config, three layers of 16 KiB and a manifest; 1, 8 and 64 at once"

    func cases(_ plan: Plan, _ servers: [any Server]) -> [Case] {
        let note = "15 x 62/s of distribution's main branch, beside limit's 658/s"
        return [
            push(1, plan),
            push(8, plan, [.cpu(1.3, "limit"), .rate(1.3, "limit"), .rate(15 * 62 / 658, "limit", note: note)]),
            push(64, plan, [.rate(2.5, "limit")]),
        ]
    }

    private func push(_ wanted: Int, _ plan: Plan, _ goals: [Goal] = []) -> Case {
        let connections = plan.pick(wanted, smoke: min(wanted, 5))
        return Case(
            name: "push-\(wanted)", title: "config and three layers of 16 KiB, manifest, \(connections) at once",
            unit: .milliseconds, absent: Absence.noPush, goals: goals, writes: 256 << 20
        ) { trial in
            let load = try trial.load(connections: connections) { connection in
                ImagePush(
                    trial.target(connection), layers: 3, blobBytes: 16 << 10, fresh: Fresh(connection),
                    readsBack: trial.plan.isSmoke)
            }
            try trial.warm(load, .operations(connections))
            return trial.measure(load, .seconds(trial.plan.seconds))
        }
    }
}
