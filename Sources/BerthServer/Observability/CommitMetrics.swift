package import CoreMetrics

/// Counts the catalog's shared transactions.
package struct CommitMetrics: Sendable {
    private let commits: Counter
    private let closures: Recorder

    package init(_ factory: any MetricsFactory) {
        self.commits = Counter(label: Metric.commits.name, factory: factory)
        self.closures = Recorder(
            label: Metric.commitBatchClosures.name, aggregate: true, factory: factory)
    }

    /// One transaction was committed, which `closures` changes shared.
    package func committed(closures: Int) {
        commits.increment()
        self.closures.record(closures)
    }
}
