import Glibc

/// What it costs to free what nothing keeps, and what that costs those who pull meanwhile.
struct Collecting: Scenario {
    let name = "collecting"
    let summary = "unreferenced blobs among referenced ones are freed; pulls while the collector works"

    func cases(_ plan: Plan, _ servers: [any Server]) -> [Case] {
        let sizes = plan.pick([(10_000, 100_000), (100_000, 1_000_000)], smoke: [(20, 200)])
        let first = label(sizes[0])
        return sizes.enumerated().map { index, size in
            offline(
                size, servers, plan,
                index == 0 ? [.cpu(1, "docker-registry")] : [.most(1.5, .cpu, ofCase: "collecting/\(first)")],
                isLarge: index > 0)
        } + [pulls(servers, plan)]
    }

    private func label(_ size: (freed: Int, kept: Int)) -> String {
        "\(Datasets.label(size.freed))-of-\(size.kept == 1_000_000 ? "1M" : Datasets.label(size.kept))"
    }

    /// Images of a hundred blobs that a round has looked at before, as in any registry that has stood for a day, and blobs
    /// that none of them names. Each server is stopped and its command frees what it can, once. The peer's files are written
    /// all at once; it keeps no account that an earlier run would change.
    private func offline(
        _ size: (freed: Int, kept: Int), _ servers: [any Server], _ plan: Plan, _ goals: [Goal], isLarge: Bool
    ) -> Case {
        let perImage = plan.pick(100, smoke: 20)
        var dataset = Dataset(name: "collected-\(size.freed)-\(size.kept)-1")
        for number in 0..<size.kept / perImage {
            dataset.addImage(
                "keep/r\(number % 100)", tags: ["v\(number)"], series: 9, number: number, layers: perImage - 1,
                bytes: Content.tailBytes)
        }
        let garbage = Dataset.Blobs(
            repository: "keep/r0", size: Content.tailBytes, series: 10, numbers: 0..<size.freed)
        var whole = dataset
        whole.blobs.append(garbage)
        let entrants = servers.map { server in
            Entrant(
                label: server.name, server: server, root: .own(server is Berth ? dataset : whole),
                absence: !server.isRegistry
                    ? "serving files"
                    : isLarge && server.storeKind == .distribution
                        ? "four million files and folders to write first" : nil)
        }
        return Case(
            name: label(size), title: "\(size.freed) blobs that nothing names are freed beside \(size.kept), stopped",
            entrants: entrants, goals: goals, mostRounds: 1
        ) { trial in
            trial.comeToRest()
            trial.process.stop()
            let command = try command(trial)
            if trial.server is Berth {
                _ = try run(command)
                try push(garbage, to: trial)
            }
            let before = blobFiles(trial)
            let outcome = try run(command)
            let freed = before - blobFiles(trial)
            var result = Measurement(operations: freed)
            if freed != size.freed {
                result.failures = 1
                result.complaints = ["\(freed) files went, not \(size.freed): \(outcome.output.suffix(300))"]
            }
            result.values = [
                .cpu: outcome.cpuSeconds * 1e6 / Double(size.freed),
                .rate: Double(size.freed) / outcome.seconds,
                .peak: outcome.peakMB,
            ]
            return result
        }
    }

    private func run(_ command: [String]) throws -> Shell.Outcome {
        let outcome = try Shell.measured(command)
        guard outcome.status == 0 else { throw BenchError("\(command.joined(separator: " ")): \(outcome.output)") }
        return outcome
    }

    /// Starts the server once more for that.
    private func push(_ blobs: Dataset.Blobs, to trial: Trial) throws {
        let root = trial.process.root
        let process = try ServerProcess.start(trial.server, root: root, scratch: root + "/..", tls: nil)
        defer { process.stop() }
        let again = Trial(process: process, plan: trial.plan, tls: false, unit: trial.unit, round: trial.round)
        let (jobs, next) = Filler.jobs([blobs])
        try again.warm(try again.load(connections: 8) { _ in Filler(jobs: next) }, .operations(jobs))
        again.comeToRest()
    }

    private func command(_ trial: Trial) throws -> [String] {
        if let registry = trial.server as? Distribution {
            let serve = try registry.command(
                root: trial.process.root, scratch: trial.process.root + "/..", port: 0, tls: nil)
            return [registry.binary, "garbage-collect", serve[2]]
        }
        guard let berth = trial.server as? Berth else { throw BenchError("\(trial.server.name) frees nothing") }
        return [berth.binary, "gc", "--now", "--root", trial.process.root]
    }

    /// Files of content: `blobs/sha256/ab/<hex>` or `…/blobs/sha256/ab/<hex>/data`.
    private func blobFiles(_ trial: Trial) -> Int {
        let isDistribution = trial.server is Distribution
        let folder = trial.process.root + (isDistribution ? "/docker/registry/v2/blobs/sha256" : "/blobs/sha256")
        let output = Shell.output(["find", folder, "-type", "f"]) ?? ""
        return output.split(separator: "\n").count
    }

    /// A thousand blobs nobody names are pushed before each round; one server lets them lie, the other frees them while
    /// images are pulled.
    private func pulls(_ servers: [any Server], _ plan: Plan) -> Case {
        let images = Datasets.images(plan)
        let berth = servers.compactMap { $0 as? Berth }.first ?? Berth(binary: "berth")
        let collecting = CollectingBerth(binary: berth.binary)
        let count = plan.pick(5_000, smoke: 20)
        return Case(
            name: "pulls-meanwhile", title: "manifest GET by tag, 8 connections, while \(count) blobs are freed",
            entrants: [
                Entrant(label: berth.name, server: berth, root: .own(images)),
                Entrant(label: collecting.name, server: collecting, root: .own(images)),
            ],
            subject: collecting.name, goals: [.p99(1.2, berth.name)], writes: 64 << 20
        ) { trial in
            let first = (trial.round + 1) * count
            let group = Dataset.Blobs(
                repository: "left/over", size: 4 << 10, series: 11, numbers: first..<first + count)
            let (jobs, next) = Filler.jobs([group])
            try trial.warm(try trial.load(connections: 8) { _ in Filler(jobs: next) }, .operations(jobs))
            // The lease of a second runs out, and the collector begins.
            usleep(1_200_000)
            let table = RequestTable()
            for manifest in images.manifests {
                table.add(
                    "GET", "/v2/\(manifest.repository)/manifests/\(manifest.tags[0])",
                    fields: "Accept: \(ManifestTemplate.type)\r\n",
                    Expectation(length: manifest.bytes.count, body: table.keep(manifest.bytes)))
            }
            let load = try trial.load(connections: plan.pick(8, smoke: 2)) { RandomReader(table, seed: $0) }
            let before = blobFiles(trial)
            var result = trial.measure(load, .seconds(2 * trial.plan.seconds))
            let freed = before - blobFiles(trial)
            if trial.server is CollectingBerth, !trial.plan.isSmoke, freed < count / 50 {
                result.failures += 1
                result.complaints.append("\(freed) blobs were freed while images were pulled")
            }
            return result
        }
    }
}
