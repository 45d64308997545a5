import Foundation

/// Roots of servers, filled with datasets once and kept under the cache folder.
struct Stores {
    let folder: String
    let berth: any Server
    let say: (String) -> Void

    /// The root of `kind` that holds `dataset`. A berth that does not start on a kept root, or lacks the dataset's first
    /// blob, gets a new one.
    func root(_ dataset: Dataset, for kind: StoreKind) throws -> String {
        let root = "\(folder)/data/\(dataset.name)/\(kind.rawValue)"
        let mark = root + ".complete"
        if Files.exists(mark), try kind != .berth || holds(dataset, root) { return root }
        let isBegun = !Files.exists(mark) && Files.exists(progress(root))
        Files.remove(mark)
        if !isBegun { Files.remove(root) }
        say("preparing \(dataset.name) for \(kind.rawValue)\(isBegun ? ", from where it was left" : "")")
        try write(dataset, to: root, for: kind)
        try Files.write("", to: mark)
        Files.remove(progress(root))
        return root
    }

    /// Fills a new root.
    func write(_ dataset: Dataset, to root: String, for kind: StoreKind) throws {
        try Files.makeFolder(root)
        switch kind {
        case .files: try FileStore(root: root).write(dataset)
        case .distribution: try DistributionStore(root: root).write(dataset)
        case .berth: try fill(dataset, root)
        }
        Files.flush(root)
    }

    /// Holds how many blobs of a large dataset are there already, while a root is being filled.
    private func progress(_ root: String) -> String { root + ".progress" }

    private func fill(_ dataset: Dataset, _ root: String) throws {
        let process = try ServerProcess.start(berth, root: root, scratch: "\(folder)/scratch", tls: nil)
        defer { process.stop() }
        let slice = 50_000
        let (blobs, next) = Filler.jobs(dataset.blobs)
        let done = Int(Files.text(progress(root))) ?? 0
        for _ in 0..<done { _ = next() }
        for start in stride(from: done, to: blobs, by: slice) {
            let count = min(slice, blobs - start)
            try send(count, next, to: process)
            if start + count < blobs { try Files.write("\(start + count)", to: progress(root)) }
        }
        for (count, next) in [Filler.jobs(dataset.manifests), Filler.jobs(dataset.referrers)] {
            try send(count, next, to: process)
        }
        if blobs >= slice { process.comeToRest(within: 120) }
    }

    private func send(_ count: Int, _ next: @escaping () -> Filler.Job?, to process: ServerProcess) throws {
        guard count > 0 else { return }
        let load = try Load(port: process.port, connections: min(64, count)) { _ in Filler(jobs: next) }
        let outcome = load.run(.operations(count))
        guard outcome.failures == 0 else { throw BenchError("content does not go into berth: \(outcome.complaints)") }
    }

    private func holds(_ dataset: Dataset, _ root: String) throws -> Bool {
        let table = RequestTable()
        if let group = dataset.blobs.last {
            let content = group.content(group.numbers.upperBound - 1)
            table.add("HEAD", "/v2/\(group.repository)/blobs/\(content.digest)", Expectation(length: content.size))
        }
        if let manifest = (dataset.manifests + dataset.referrers).last {
            table.add(
                "HEAD", "/v2/\(manifest.repository)/manifests/\(manifest.digest)",
                Expectation(length: manifest.bytes.count))
        }
        guard table.count > 0 else { return true }
        guard let process = try? ServerProcess.start(berth, root: root, scratch: "\(folder)/scratch", tls: nil) else {
            return false
        }
        defer { process.stop() }
        let load = try Load(port: process.port, connections: 1) { _ in OrderlyReader(table, beginningAt: 0) }
        return load.run(.operations(table.count)).failures == 0
    }
}
