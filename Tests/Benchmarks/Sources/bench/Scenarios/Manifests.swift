/// Manifests by tag and by digest.
struct Manifests: Scenario {
    let name = "manifests"
    let summary = "manifest HEAD and GET by tag and by digest"

    func cases(_ plan: Plan, _ servers: [any Server]) -> [Case] {
        let images = Datasets.images(plan)
        // The measured rate of the distribution project's main branch beside nginx's.
        let note = "9 x 9.9k/s of distribution's main branch, beside nginx's 92k/s"
        let goals: [Goal] = [.cpu(1.5, "nginx"), .rate(9 * 9.9 / 92, "nginx", note: note)]
        let many = plan.pick(64, smoke: 8)
        return [("GET", true), ("HEAD", true), ("GET", false), ("HEAD", false)].flatMap { method, byTag in
            [1, many, plan.pick(1000, smoke: 50)].map { connections in
                let isGoal = method == "GET" && byTag && connections == many
                return read(images, method, byTag: byTag, connections: connections, goals: isGoal ? goals : [])
            }
        }
    }

    private func read(
        _ images: Dataset, _ method: String, byTag: Bool, connections: Int, goals: [Goal] = []
    ) -> Case {
        let table = RequestTable()
        for manifest in images.manifests {
            let reference = byTag ? manifest.tags[0] : manifest.digest
            table.add(
                method, "/v2/\(manifest.repository)/manifests/\(reference)",
                fields: "Accept: \(ManifestTemplate.type)\r\n",
                Expectation(length: manifest.bytes.count, body: table.keep(manifest.bytes)))
        }
        let how = byTag ? "tag" : "digest"
        return Case(
            name: "\(method.lowercased())-\(how)-\(connections)",
            title: "manifest \(method) by \(how), \(connections) connections", root: .kept(images), goals: goals
        ) { trial in
            let load = try trial.load(connections: connections) { RandomReader(table, seed: $0) }
            try trial.warm(load, .seconds(trial.plan.seconds / 10))
            return trial.measure(load, .seconds(trial.plan.seconds))
        }
    }
}
