/// What costs no bytes: images that are there already, and mounts.
struct Repushes: Scenario {
    let name = "repush"
    let summary = "re-push of an image that exists (HEAD, HEAD …, PUT), HEAD of blobs that do not, and mounts"

    func cases(_ plan: Plan, _ servers: [any Server]) -> [Case] {
        [repush(Datasets.images(plan)), absent(Datasets.images(plan)), mount(Datasets.mounted(plan))]
    }

    /// What a client asks of each blob before it uploads it.
    private func absent(_ images: Dataset) -> Case {
        let repository = images.manifests[0].repository
        let table = RequestTable()
        for number in 0..<10_000 {
            let hex = String(number, radix: 16)
            let digest = "sha256:" + String(repeating: "0", count: 64 - hex.utf8.count) + hex
            table.add("HEAD", "/v2/\(repository)/blobs/\(digest)", Expectation(status: 404, isHead: true))
        }
        return Case(
            name: "absent-8", title: "HEAD of blobs that are not here, 8 at once", root: .kept(images),
            absent: Absence.noAPI
        ) { trial in
            let load = try trial.load(connections: 8) { OrderlyReader(table, beginningAt: 1_000 * $0) }
            try trial.warm(load, .operations(8))
            return trial.measure(load, .seconds(trial.plan.seconds))
        }
    }

    private func repush(_ images: Dataset) -> Case {
        let table = RequestTable()
        for group in images.blobs {
            for content in group.numbers.map(group.content) {
                table.add(
                    "HEAD", "/v2/\(group.repository)/blobs/\(content.digest)", Expectation(length: content.size))
            }
        }
        let repository = images.manifests[0].repository
        return Case(
            name: "image-8", title: "an image of four blobs that exists, 8 at once", unit: .milliseconds,
            root: .own(images), absent: Absence.noAPI, writes: 64 << 20
        ) { trial in
            let load = try trial.load(connections: 8) { connection in
                Repush(
                    heads: table, blobs: images.blobs[0].numbers.count, manifests: images.manifests,
                    UploadTarget(repository: repository, isBare: false), beginningAt: 25 * connection)
            }
            try trial.warm(load, .operations(8))
            return trial.measure(load, .seconds(trial.plan.seconds))
        }
    }

    private func mount(_ dataset: Dataset) -> Case {
        let group = dataset.blobs[0]
        let contents = group.numbers.map(group.content)
        return Case(
            name: "mount-8", title: "mounts of blobs that the repository lacks, 8 at once", root: .own(dataset),
            absent: Absence.noAPI,
            goals: [
                .most(110, .cpu),
                .rate(4, "distribution"), .rate(4, "docker-registry", note: "asked of distribution's main branch"),
            ], writes: 64 << 20
        ) { trial in
            let load = try trial.load(connections: 8) { connection in
                Mounting(contents, from: group.repository, into: "mount/r\(trial.round)-\(connection)")
            }
            return trial.measure(load, .seconds(trial.plan.seconds))
        }
    }
}
