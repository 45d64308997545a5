/// One server, running, in one round.
struct Trial {
    let process: ServerProcess
    let plan: Plan
    let tls: Bool
    let unit: CostUnit
    /// Counts the rounds of a case, from 0.
    let round: Int

    var server: any Server { process.server }

    /// - Parameter checksEvery: in place of the plan's; the smoke test checks everything regardless.
    func load(
        connections: Int, threads: Int = 1, checksEvery: Int? = nil, makeClient: (Int) -> any Client
    ) throws -> Load {
        try Load(
            port: process.port, connections: connections, threads: threads, tls: tls,
            checksEvery: plan.isSmoke ? 1 : checksEvery ?? plan.checksEvery, makeClient: makeClient)
    }

    /// Where a connection of this round pushes to.
    func target(_ connection: Int) -> UploadTarget {
        UploadTarget(repository: "push/c\(connection)", isBare: !server.isRegistry)
    }

    /// Runs a load and takes the server's processor time, until it has come to rest, and memory beside it.
    ///
    /// - Parameter bytesPerOperation: what an operation moves, where costs are by GiB and bodies are sent; received
    ///   bodies are counted without it.
    func measure(_ load: Load, _ ending: Load.Ending, bytesPerOperation: Int? = nil) -> Measurement {
        process.tree.resetPeak()
        let before = process.tree.cpuSeconds
        let outcome = load.run(ending)
        if case .cut = ending { load.close() }
        comeToRest()
        let cpu = process.tree.cpuSeconds - before
        return measurement(outcome, cpu: cpu, bytesPerOperation: bytesPerOperation)
    }

    /// Waits until the server computes no more; the smoke test looks at no processor time.
    func comeToRest() {
        if !plan.isSmoke { process.comeToRest() }
    }

    /// Runs what is no measurement, and throws if an answer is wrong.
    func warm(_ load: Load, _ ending: Load.Ending) throws {
        let outcome = load.run(ending)
        guard outcome.failures == 0 else {
            throw BenchError("\(server.name): \(outcome.complaints.joined(separator: "\n"))")
        }
    }

    private func measurement(_ outcome: Load.Outcome, cpu: Double, bytesPerOperation: Int?) -> Measurement {
        var result = Measurement(
            operations: outcome.operations, failures: outcome.failures, complaints: outcome.complaints)
        let operations = Double(max(1, outcome.operations))
        let bytes = bytesPerOperation.map { operations * Double($0) } ?? Double(max(1, outcome.received))
        let parts =
            switch unit {
            case .microseconds: operations / 1e6
            case .milliseconds: operations / 1e3
            case .millisecondsPerGiB: bytes / Double(1 << 30) / 1e3
            case .percent: outcome.seconds / 100
            }
        result.values[.cpu] = cpu / parts
        result.values[.load] = outcome.ownCPU / parts
        result.values[.rate] =
            unit == .millisecondsPerGiB ? bytes / Double(1 << 20) / outcome.seconds : operations / outcome.seconds
        result.values[.peak] = process.tree.peakMB
        let latencies = outcome.histograms[0]
        for (metric, share) in [(Metric.p50, 0.5), (.p99, 0.99), (.p999, 0.999)] where latencies.count >= 100 {
            result.values[metric] = latencies.quantile(share).map { $0 / 1000 }
        }
        return result
    }
}
