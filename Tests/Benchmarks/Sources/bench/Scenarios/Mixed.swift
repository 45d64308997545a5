/// Pulls and pushes together.
struct Mixed: Scenario {
    let name = "mixed"
    let summary = "nine pulls of images to one push, 16 and 64 clients"

    func cases(_ plan: Plan, _ servers: [any Server]) -> [Case] {
        let images = Datasets.images(plan)
        let table = RequestTable()
        for (index, manifest) in images.manifests.enumerated() {
            table.add(
                "GET", "/v2/\(manifest.repository)/manifests/\(manifest.tags[0])",
                fields: "Accept: \(ManifestTemplate.type)\r\n",
                Expectation(length: manifest.bytes.count, body: table.keep(manifest.bytes)))
            let group = images.blobs[index]
            for content in group.numbers.map(group.content) {
                table.add(
                    "GET", "/v2/\(group.repository)/blobs/\(content.digest)",
                    Expectation(length: content.size, body: .content(content, from: 0)))
            }
        }
        let requests = 1 + images.blobs[0].numbers.count
        let note = "0.12 x 7.6 ms of distribution's main branch, measured elsewhere"
        return [16, 64].map { wanted in
            let connections = plan.pick(wanted, smoke: wanted / 10 + 2)
            return Case(
                name: "nine-to-one-\(wanted)",
                title: "nine pulls of an image of five requests to one push, \(connections) clients; latency of pulls",
                unit: .milliseconds, root: .own(images), absent: Absence.noPush,
                goals: wanted == 16
                    ? [
                        .most(0.12 * 7.6, .cpu, note: note), .cpu(0.12, "distribution"), .rate(8, "distribution"),
                        .p99(0.3, "distribution"),
                    ] : [],
                writes: 256 << 20
            ) { trial in
                let load = try trial.load(connections: connections) { connection in
                    let pull = ImagePull(table, requests: requests, seed: connection + 100 * trial.round)
                    let push = ImagePush(
                        trial.target(connection), layers: 3, blobBytes: 16 << 10, fresh: Fresh(connection), kind: 1)
                    return Alternating(pull, times: 9, push, beginningAt: connection)
                }
                return trial.measure(load, .seconds(2 * trial.plan.seconds))
            }
        }
    }
}
