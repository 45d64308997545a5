package import BerthHTTP
package import CoreMetrics
import HTTPTypes
import Synchronization

/// Counts requests, their bytes and their time. Handles are made once for each route, method and status that comes up.
package final class RequestMetrics: Sendable {
    private struct Key: Hashable {
        let route: String
        let method: String
        let status: Int
    }

    private struct Handles: Sendable {
        let requests: Counter
        let duration: Timer
        let bytesIn: Counter
        let bytesOut: Counter
    }

    private let factory: any MetricsFactory
    private let connections: Meter
    private let handles = Mutex<[Key: Handles]>([:])

    package init(_ factory: any MetricsFactory) {
        self.factory = factory
        self.connections = Meter(label: Metric.connections.name, factory: factory)
    }

    /// Callable on event loops.
    package func finished(_ record: RequestRecord) {
        let route = record.labels.route
        let key = Key(
            route: route.isEmpty ? "none" : route, method: Self.label(record.method?.rawValue),
            status: record.status.code)
        let handles = self.handles.withLock { $0[key] } ?? makeHandles(for: key)
        handles.requests.increment()
        handles.duration.recordNanoseconds(Self.nanoseconds(record.duration))
        if record.bytesIn > 0 { handles.bytesIn.increment(by: record.bytesIn) }
        if record.bytesOut > 0 { handles.bytesOut.increment(by: record.bytesOut) }
    }

    package func connections(delta: Int) { connections.increment(by: Double(delta)) }

    /// Two threads may do this at once: the factory gives both the same series.
    private func makeHandles(for key: Key) -> Handles {
        let route = [("route", key.route)]
        let made = Handles(
            requests: Counter(
                label: Metric.requests.name,
                dimensions: route + [("method", key.method), ("status", "\(key.status)")], factory: factory),
            duration: Timer(
                label: Metric.requestDuration.name, dimensions: route + [("status", "\(key.status)")], factory: factory),
            bytesIn: Counter(label: Metric.requestBytes.name, dimensions: route, factory: factory),
            bytesOut: Counter(label: Metric.responseBytes.name, dimensions: route, factory: factory))
        handles.withLock { $0[key] = made }
        return made
    }

    /// The methods that are known by name; a client's own inventions are one label.
    private static func label(_ method: String?) -> String {
        switch method {
        case "GET": "GET"
        case "HEAD": "HEAD"
        case "PUT": "PUT"
        case "PATCH": "PATCH"
        case "POST": "POST"
        case "DELETE": "DELETE"
        case "OPTIONS": "OPTIONS"
        default: "OTHER"
        }
    }

    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        // A century in nanoseconds is within an Int64.
        return min(max(0, seconds), 3_153_600_000) * 1_000_000_000 + max(0, attoseconds) / 1_000_000_000
    }
}
