import Foundation

/// Tags, the catalog and referrers by pages, and deleting beside many tags.
struct Lists: Scenario {
    let name = "lists"
    let summary = "tags of 1k, 10k and 100k, _catalog of 1k and 10k, 1 and 1,000 referrers; deleting beside many tags"

    func cases(_ plan: Plan, _ servers: [any Server]) -> [Case] {
        let tags = Datasets.tagged(plan)
        let page = 100
        return tags.manifests.flatMap { manifest -> [Case] in
            let count = manifest.tags.count
            let size = Datasets.label(count)
            return [
                list(
                    tags, "tags-first-\(size)", "first page of 100 of \(count) tags",
                    [Page("/v2/\(manifest.repository)/tags/list?n=\(page)", "tags", manifest.tags.prefix(page))],
                    [.most(0.1, .cpu)]),
                list(
                    tags, "tags-middle-\(size)", "page of 100 from the middle of \(count) tags",
                    [
                        Page(
                            "/v2/\(manifest.repository)/tags/list?n=\(page)&last=\(manifest.tags[count / 2])", "tags",
                            manifest.tags[(count / 2 + 1)...].prefix(page))
                    ], [.most(0.1, .cpu)]),
            ]
        } + tags.manifests.map { whole(tags, $0, plan) }
            + Datasets.catalogs(plan).map { catalog($0) } + Datasets.referred(plan).map { referrers($0) }
            + plan.pick([100, 1000, 10_000], smoke: [3, 10]).map { delete(beside: $0, plan) }
    }

    /// A request and the names that its answer lists.
    private struct Page {
        let target: String
        let key: String
        let names: [String]

        init(_ target: String, _ key: String, _ names: some Sequence<String>) {
            (self.target, self.key, self.names) = (target, key, Array(names))
        }

        /// Debian's registry knows no pages of tags, and answers with all.
        func isRight(_ body: [UInt8], mayBeMore: Bool) -> Bool {
            guard let json = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
                let found = json[key] as? [String]
            else { return false }
            return found == names || mayBeMore && Set(found).isSuperset(of: names)
        }
    }

    private func list(
        _ dataset: Dataset, _ name: String, _ title: String, _ pages: [Page], _ goals: [Goal] = []
    ) -> Case {
        let table = RequestTable()
        for page in pages { table.add("GET", page.target, Expectation()) }
        return Case(
            name: name, title: title, unit: .milliseconds, root: .kept(dataset), absent: Absence.noAPI, goals: goals
        ) { trial in
            let mayBeMore = trial.server.storeKind == .distribution
            let load = try trial.load(connections: pages.count == 1 ? 8 : 1) { _ in
                ListReader(table, requests: pages.count, checksEvery: trial.plan.checksEvery) { step, body in
                    pages[step].isRight(body, mayBeMore: mayBeMore)
                }
            }
            if pages.count == 1 { try trial.warm(load, .operations(8)) }
            return trial.measure(load, .seconds(trial.plan.seconds))
        }
    }

    /// All tags: without `n`, which lists up to 10,000, or by pages of 1,000.
    private func whole(_ dataset: Dataset, _ manifest: Dataset.Manifest, _ plan: Plan) -> Case {
        let (target, tags) = ("/v2/\(manifest.repository)/tags/list", manifest.tags)
        let size = Datasets.label(tags.count)
        guard tags.count > plan.pick(1000, smoke: 20) else {
            return list(
                dataset, "tags-whole-\(size)", "all of \(tags.count) tags at once", [Page(target, "tags", tags)])
        }
        let step = plan.pick(1000, smoke: 50)
        let pages = stride(from: 0, to: tags.count, by: step).map { start in
            let last = start == 0 ? "" : "&last=\(tags[start - 1])"
            return Page("\(target)?n=\(step)\(last)", "tags", tags[start...].prefix(step))
        }
        return list(
            dataset, "tags-pages-\(size)", "all of \(tags.count) tags by pages of \(step)", pages,
            tags.count == 100_000 ? [.most(150, .cpu)] : [])
    }

    private func catalog(_ dataset: Dataset) -> Case {
        let names = dataset.manifests.map(\.repository)
        let middle = names.count / 2
        let page = Page("/v2/_catalog?n=100&last=\(names[middle])", "repositories", names[(middle + 1)...].prefix(100))
        return list(
            dataset, "catalog-\(Datasets.label(names.count))",
            "page of 100 from the middle of \(names.count) repositories", [page], [.most(0.1, .cpu)])
    }

    private func referrers(_ dataset: Dataset) -> Case {
        let table = RequestTable()
        let (subject, count) = (dataset.manifests[0], dataset.referrers.count)
        table.add("GET", "/v2/\(subject.repository)/referrers/\(subject.digest)", Expectation())
        let digests = Set(dataset.referrers.map(\.digest))
        return Case(
            name: "referrers-\(Datasets.label(count))", title: "referrers of a subject with \(count)",
            unit: .milliseconds, root: .kept(dataset),
            absent: { $0.name == "docker-registry" ? "without referrers in version 2.8" : Absence.noAPI($0) }
        ) { trial in
            let load = try trial.load(connections: 8) { _ in
                ListReader(table, requests: 1, checksEvery: trial.plan.checksEvery) { _, body in
                    guard let json = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
                        let found = json["manifests"] as? [[String: Any]]
                    else { return false }
                    return Set(found.compactMap { $0["digest"] as? String }) == digests
                }
            }
            try trial.warm(load, .operations(8))
            return trial.measure(load, .seconds(trial.plan.seconds))
        }
    }

    /// Manifests without tags are pushed beforehand, and deleted by digest one after the other.
    private func delete(beside tags: Int, _ plan: Plan) -> Case {
        let dataset = Datasets.tagged(counts: [tags], name: "beside-\(tags)")
        let repository = dataset.manifests[0].repository
        let config = dataset.blobs[0].content(0)
        return Case(
            name: "delete-beside-\(Datasets.label(tags))", title: "deleting a manifest beside \(tags) tags",
            unit: .milliseconds, root: .own(dataset), absent: Absence.noAPI, goals: [.most(0.3, .cpu)],
            writes: 64 << 20
        ) { trial in
            // A registry that looks at every tag needs seconds for a few.
            let count = trial.plan.pick(trial.server.storeKind == .distribution ? 10 : 100, smoke: 3)
            let manifests = (0..<count).map { number in
                let template = ManifestTemplate(
                    configBytes: config.size, layerBytes: [],
                    more: #","annotations":{"round":"\#(trial.round)","number":"\#(number)"}"#)
                return Dataset.Manifest(repository: repository, bytes: template.filled([config]), tags: [])
            }
            let (jobs, next) = Filler.jobs(manifests)
            try trial.warm(try trial.load(connections: 1) { _ in Filler(jobs: next) }, .operations(jobs))
            trial.comeToRest()
            let table = RequestTable()
            for manifest in manifests {
                table.add("DELETE", "/v2/\(repository)/manifests/\(manifest.digest)", Expectation(status: 202))
            }
            let load = try trial.load(connections: 1) { OrderlyReader(table, beginningAt: $0) }
            return trial.measure(load, .operations(count))
        }
    }
}
