/// What is measured.
enum Metric: String, Codable, CaseIterable, CodingKeyRepresentable {
    /// Processor time of the server for each operation, or each GiB; see `CostUnit`.
    case cpu
    /// Operations, or MiB, a second.
    case rate
    /// Latencies in microseconds.
    case p50, p99, p999
    /// Highest resident memory in MB.
    case peak
    /// Resident memory in MB, and the part shared with no other process.
    case resident, unshared
    /// Resident memory that a connection adds, in KB of 10^3 bytes.
    case connection
    /// From the start of the process to its first answer, in milliseconds.
    case start
    /// The load generator's own processor time, in the unit of `cpu`.
    case load

    var isBetterLow: Bool { self != .rate }

    func title(_ unit: CostUnit) -> String {
        switch self {
        case .cpu: "CPU \(unit.rawValue)"
        case .rate: unit == .millisecondsPerGiB ? "MiB/s" : "/s"
        case .p50: "p50 µs"
        case .p99: "p99 µs"
        case .p999: "p99.9 µs"
        case .peak: "peak MB"
        case .resident: "resident MB"
        case .unshared: "private MB"
        case .connection: "KB/connection"
        case .start: "start ms"
        case .load: "load CPU"
        }
    }
}

/// What `Metric.cpu` is counted by.
enum CostUnit: String, Codable {
    case microseconds = "µs"
    case milliseconds = "ms"
    case millisecondsPerGiB = "ms/GiB"
    /// Processor seconds a second, in per cent of one core: for cases without operations.
    case percent = "%"
}

/// One server in one round of one case.
struct Measurement: Codable {
    var values: [Metric: Double] = [:]
    var operations = 0
    var failures = 0
    var complaints: [String] = []
}
