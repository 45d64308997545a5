import Dispatch
import Glibc

/// Connections to one server, ready to be driven.
final class Load {
    /// When a run ends. Answers that are under way are waited for, except after `.cut`.
    enum Ending {
        case seconds(Double)
        case operations(Int)
        /// Leaves in the middle of answers too large to be waited for; the load is of no use afterwards.
        case cut(seconds: Double)
    }

    struct Outcome {
        var seconds = 0.0
        var operations = 0
        /// Bytes of bodies received.
        var received = 0
        var histograms: [Histogram]
        /// Processor seconds of this process.
        var ownCPU = 0.0
        var failures = 0
        var complaints: [String] = []
    }

    private let workers: [Worker]

    /// Opens `connections`, spread over `threads`. `makeClient` gets each connection's number.
    ///
    /// - Parameter checksEvery: every how many answers the bytes are compared; 0 is never.
    init(
        port: Int, connections: Int, threads: Int = 1, tls: Bool = false, checksEvery: Int = 64,
        makeClient: (Int) -> any Client
    ) throws {
        let context = tls ? try TLSContext() : nil
        let threads = min(threads, connections)
        var workers: [Worker] = []
        for thread in 0..<threads {
            let numbers = stride(from: thread, to: connections, by: threads)
            let mine = numbers.map { Connection(client: makeClient($0), number: $0) }
            workers.append(try Worker(connections: mine, port: port, tls: context, checksEvery: checksEvery))
        }
        self.workers = workers
    }

    /// Closes the connections. The load is of no use afterwards.
    func close() {
        for worker in workers { worker.disconnect() }
    }

    /// Runs to the ending and says what happened.
    func run(_ ending: Ending) -> Outcome {
        let cpu = Clock.ownCPU()
        let start = Clock.now()
        var deadline = UInt64.max
        var operations = Int.max
        var cut = false
        switch ending {
        case .seconds(let seconds): deadline = start + UInt64(seconds * 1e9)
        case .operations(let count): operations = count
        case .cut(let seconds): (deadline, cut) = (start + UInt64(seconds * 1e9), true)
        }
        let (workers, count) = (workers, workers.count)
        let (last, isCut) = (deadline, cut)
        if count == 1 {
            workers[0].run(deadline: last, operations: operations, cut: isCut)
        } else {
            let share = operations == .max ? .max : (operations + count - 1) / count
            DispatchQueue.concurrentPerform(iterations: count) {
                workers[$0].run(deadline: last, operations: share, cut: isCut)
            }
        }
        var outcome = Outcome(histograms: workers[0].tally.histograms)
        for (index, worker) in workers.enumerated() {
            let tally = worker.tally
            outcome.seconds = max(outcome.seconds, Double(tally.ended - start) / 1e9)
            outcome.operations += tally.operations
            outcome.received += tally.received
            outcome.failures += tally.failures
            outcome.complaints += tally.complaints
            guard index > 0 else { continue }
            for kind in outcome.histograms.indices { outcome.histograms[kind].add(tally.histograms[kind]) }
        }
        outcome.ownCPU = Double(Clock.ownCPU() - cpu) / 1e9
        return outcome
    }
}
