package import CoreMetrics
import Synchronization

/// Keeps what swift-metrics' counters, recorders, meters and timers measure, and tells it in Prometheus' text form.
/// Recording takes no lock; asking for a handle does, so keep handles.
///
/// Handles of the same name and labels are one series, which lives as long as the factory: one that vanished and came
/// back would look like a restart.
package final class PrometheusFactory: MetricsFactory {
    private struct Family {
        let metric: Metric
        /// By their labels as text.
        var series: [String: Cell] = [:]
    }

    private enum Cell {
        case counter(CounterCell)
        case gauge(GaugeCell)
        case histogram(HistogramCell)
    }

    private let known: [String: Metric]
    private let families = Mutex<[String: Family]>([:])

    package convenience init() { self.init(known: Metric.all) }

    /// - Parameter known: gives names their help and bounds; others are told without help.
    init(known: [Metric]) {
        self.known = Dictionary(known.map { ($0.name, $0) }) { first, _ in first }
    }

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let new = CounterCell()
        if case .counter(let cell) = cell(label, .counter, dimensions, .counter(new)) { return cell }
        return new
    }

    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        gauge(label, .counter, dimensions)
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, .gauge, dimensions)
    }

    package func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else { return gauge(label, .gauge, dimensions) }
        return histogram(label, .number, Metric.batches, dimensions)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(label, .seconds, Metric.durations, dimensions)
    }

    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    private func gauge(_ label: String, _ kind: Metric.Kind, _ dimensions: [(String, String)])
        -> GaugeCell
    {
        let new = GaugeCell()
        if case .gauge(let cell) = cell(label, kind, dimensions, .gauge(new)) { return cell }
        return new
    }

    private func histogram(
        _ label: String, _ measure: HistogramCell.Measure, _ usual: [Double],
        _ dimensions: [(String, String)]
    ) -> HistogramCell {
        let bounds = known[label]?.bounds ?? []
        let new = HistogramCell(measure, bounds: bounds.isEmpty ? usual : bounds)
        if case .histogram(let cell) = cell(label, .histogram, dimensions, .histogram(new)) {
            return cell
        }
        return new
    }

    /// The series' cell: the one there is, or `new`. nil where the name is taken by another kind: what is recorded
    /// under it is then not told.
    private func cell(
        _ label: String, _ kind: Metric.Kind, _ dimensions: [(String, String)], _ new: Cell
    ) -> Cell? {
        let metric = known[label] ?? Metric(kind, PrometheusText.name(label), "")
        guard metric.kind == kind else { return nil }
        let labels = PrometheusText.labels(dimensions)
        return families.withLock { families in
            var family = families[metric.name] ?? Family(metric: metric)
            guard family.metric.kind == kind else { return nil }
            let cell = family.series[labels] ?? new
            family.series[labels] = cell
            families[metric.name] = family
            return cell
        }
    }

    /// All that was recorded, and `samples` taken just now, in the text exposition format 0.0.4.
    package func exposition(with samples: [GaugeSample] = []) -> [UInt8] {
        var text = PrometheusText()
        for family in families.withLock({ Array($0.values) }) {
            for (labels, cell) in family.series {
                switch cell {
                case .counter(let cell): text.add(family.metric, labels, Double(cell.value))
                case .gauge(let cell): text.add(family.metric, labels, cell.value)
                case .histogram(let cell): text.add(family.metric, labels, cell)
                }
            }
        }
        for sample in samples {
            text.add(sample.metric, PrometheusText.labels(sample.labels), sample.value)
        }
        return text.bytes()
    }
}

/// A number that is asked for when it is told.
package struct GaugeSample: Sendable {
    package let metric: Metric
    package let value: Double
    package let labels: [(String, String)]

    package init(_ metric: Metric, _ value: Double, labels: [(String, String)] = []) {
        self.metric = metric
        self.value = value
        self.labels = labels
    }
}
