/// What berth shall reach in a case.
struct Goal: Codable {
    enum Bound: String, Codable {
        case atMost = "≤"
        case atLeast = "≥"
    }

    enum Measure: Codable {
        /// The best of these servers that ran, in the same round.
        case best([String])
        /// Nothing: the bound is in the metric's own unit.
        case absolute
        /// Berth itself in another case, `scenario/case`.
        case other(String)
    }

    let metric: Metric
    let bound: Bound
    let factor: Double
    let measure: Measure
    /// Where the factor comes from, if it was converted.
    var note: String?

    static func cpu(_ factor: Double, _ servers: String..., note: String? = nil) -> Goal {
        Goal(metric: .cpu, bound: .atMost, factor: factor, measure: .best(servers), note: note)
    }

    static func rate(_ factor: Double, _ servers: String..., note: String? = nil) -> Goal {
        Goal(metric: .rate, bound: .atLeast, factor: factor, measure: .best(servers), note: note)
    }

    static func p99(_ factor: Double, _ servers: String..., note: String? = nil) -> Goal {
        Goal(metric: .p99, bound: .atMost, factor: factor, measure: .best(servers), note: note)
    }

    static func most(_ value: Double, _ metric: Metric, note: String? = nil) -> Goal {
        Goal(metric: metric, bound: .atMost, factor: value, measure: .absolute, note: note)
    }

    static func most(_ factor: Double, _ metric: Metric, ofCase name: String) -> Goal {
        Goal(metric: metric, bound: .atMost, factor: factor, measure: .other(name))
    }

    func isMet(_ value: Double) -> Bool { bound == .atMost ? value <= factor : value >= factor }
}
