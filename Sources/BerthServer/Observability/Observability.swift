import BerthCatalog
import BerthCollector
import BerthConfig
import BerthHTTP
import BerthRegistry
package import Logging

/// Everything that watches the registry: one log, one set of metrics.
package struct Observability: Sendable {
    let observer: AccessObserver
    /// For administration: it is logged, and counts as no request to the registry.
    let logObserver: LogObserver
    let commits: CommitMetrics
    private let factory: PrometheusFactory
    private let writer: LogWriter

    /// - Parameter level: the least that the access log writes.
    package init(writer: LogWriter, level: Logger.Level) {
        self.writer = writer
        factory = PrometheusFactory()
        let log = AccessLog(writer: writer, level: level)
        observer = AccessObserver(log: log, metrics: RequestMetrics(factory))
        logObserver = LogObserver(log: log)
        commits = CommitMetrics(factory)
    }

    /// Writes what waits of the log.
    func flush() { writer.flush(patience: .milliseconds(200)) }

    /// The listener of `/metrics`; nil where it is switched off.
    func server(
        _ configuration: Configuration, _ registry: Registry, _ collector: Collector, _ readiness: ServerReadiness,
        logger: Logger
    ) -> HTTPServer? {
        guard let address = configuration.metrics.listen else { return nil }
        let endpoint = MetricsEndpoint(
            factory, version: BerthVersion.current, trouble: { await readiness.trouble() },
            collect: { [writer] in
                await Self.totals(of: registry) + Self.totals(of: collector) + [
                    GaugeSample(.logLinesLost, Double(writer.lost))
                ]
            }
        )
        var settings = HTTPServerConfiguration(listeners: [BerthHTTP.ListenAddress(address)])
        settings.eventLoops = 1
        settings.limits.connections = 64
        return HTTPServer(configuration: settings, handler: endpoint, observer: NoObserver(), logger: logger)
    }

    private static func totals(of collector: Collector) -> [GaugeSample] {
        let total = collector.total
        return [
            GaugeSample(.collectorRounds, Double(total.rounds)),
            GaugeSample(.collectedBlobs, Double(total.freedBlobs)),
            GaugeSample(.collectedBytes, Double(total.freedBytes)),
            GaugeSample(.collectorFailures, Double(total.failedFiles)),
            GaugeSample(.lostFiles, Double(total.lostFiles)),
        ]
    }

    private static func totals(of registry: Registry) async -> [GaugeSample] {
        guard let totals = try? await registry.catalog.totals() else { return [] }
        var samples = [
            GaugeSample(.blobs, Double(totals.blobs)),
            GaugeSample(.blobBytes, Double(totals.bytes)),
            GaugeSample(.repositories, Double(totals.repositories)),
            GaugeSample(.stagedBlobs, Double(totals.staged)),
            GaugeSample(.uploadsInProgress, Double(totals.openUploads)),
        ]
        if let damage = try? await registry.catalog.damage(listing: 0) {
            samples.append(GaugeSample(.damagedBlobs, Double(damage.count)))
        }
        return samples
    }
}

/// Writes every request to the access log.
struct LogObserver: RequestObserver {
    let log: AccessLog

    func finished(_ record: RequestRecord) { log.finished(record) }
    func connections(delta: Int) {}
}

/// Scrapes are not requests to the registry.
struct NoObserver: RequestObserver {
    func finished(_ record: RequestRecord) {}
    func connections(delta: Int) {}
}
