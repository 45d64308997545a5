import BerthTestSupport
import Foundation

extension BerthProcess {
    /// What the collector has done since the last start, as the metrics tell.
    func collections() async throws -> (rounds: Int, freedBlobs: Int) {
        (try await metric("berth_collector_rounds_total"), try await metric("berth_collected_blobs_total"))
    }

    /// A number without labels.
    func metric(_ name: String) async throws -> Int {
        try await eventually("metrics are served") { self.metricsPorts.count == self.ports.count }
        let reply = try await TestConnection(port: metricsPorts.last ?? 0).send("GET", "/metrics")
        let line = reply.text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
        guard let number = line?.split(separator: " ").last.flatMap({ Double($0) })
        else { throw TestFailure("no \(name) in \(reply.text)") }
        return Int(number)
    }

    private var metricsPorts: [Int] {
        log.matches(of: /metrics on http:\/\/127\.0\.0\.1:(\d+)/).compactMap { Int($0.1) }
    }
}

/// How much content lies in a root.
func files(below root: String) -> Int {
    let paths = FileManager.default.enumerator(atPath: root + "/blobs")?.allObjects as? [String] ?? []
    return paths.filter { $0.split(separator: "/").last.map { $0.utf8.count > 60 } ?? false }.count
}
