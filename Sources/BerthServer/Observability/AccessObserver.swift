package import BerthHTTP

/// Writes every request to the access log and counts it.
package struct AccessObserver: RequestObserver {
    private let log: AccessLog
    private let metrics: RequestMetrics

    package init(log: AccessLog, metrics: RequestMetrics) {
        self.log = log
        self.metrics = metrics
    }

    package func finished(_ record: RequestRecord) {
        metrics.finished(record)
        log.finished(record)
    }

    package func connections(delta: Int) { metrics.connections(delta: delta) }
}
