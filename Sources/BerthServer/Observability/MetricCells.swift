import CoreMetrics
import Synchronization

/// What a counter or a bucket adds up in; wraps after 2^63.
final class CounterCell: CounterHandler {
    private let total = Atomic<Int64>(0)

    var value: Int64 { total.load(ordering: .relaxed) }
    /// Negative amounts are left out: a counter only grows.
    func increment(by amount: Int64) {
        if amount > 0 { total.wrappingAdd(amount, ordering: .relaxed) }
    }
    func reset() { total.store(0, ordering: .relaxed) }
}

/// A number that goes up and down, or one that grows by fractions.
final class GaugeCell: MeterHandler, RecorderHandler, FloatingPointCounterHandler {
    /// The bits of a Double.
    private let bits = Atomic<UInt64>(Double(0).bitPattern)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
    func reset() { set(0.0) }
    func decrement(by amount: Double) { increment(by: -amount) }

    func increment(by amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (isDone, now) = bits.compareExchange(expected: old, desired: new, ordering: .relaxed)
            if isDone { return }
            old = now
        }
    }
}

/// Counts values by size. Values are kept as whole numbers of a small unit: a nanosecond where durations are told in
/// seconds, a thousandth otherwise.
final class HistogramCell: TimerHandler, RecorderHandler {
    enum Measure {
        case seconds, number
        /// Units in 1.
        var units: Double { self == .seconds ? 1e9 : 1e3 }
        /// Units in one step of the sum. Nanoseconds would overflow it within months on a busy server.
        var unitsPerStep: Int64 { self == .seconds ? 1000 : 1 }
    }

    let bounds: [Double]
    private let measure: Measure
    private let limits: [Int64]
    /// One for each bound and one for what is above them all.
    private let counts: [CounterCell]
    private let steps = CounterCell()

    init(_ measure: Measure, bounds: [Double]) {
        self.measure = measure
        self.bounds = bounds
        self.limits = bounds.map { Int64(saturating: $0 * measure.units) }
        self.counts = (0...bounds.count).map { _ in CounterCell() }
    }

    func recordNanoseconds(_ duration: Int64) { add(duration) }
    func record(_ value: Int64) {
        let (units, overflows) = value.multipliedReportingOverflow(by: Int64(measure.units))
        if !overflows { add(units) }
    }
    func record(_ value: Double) { add(Int64(saturating: value * measure.units)) }

    /// How many values were within each bound and all those below it; the last is the number of values.
    var cumulativeCounts: [Int64] {
        var total: Int64 = 0
        return counts.map { cell in
            total &+= cell.value
            return total
        }
    }

    var sum: Double { Double(steps.value) * Double(measure.unitsPerStep) / measure.units }

    private func add(_ units: Int64) {
        let units = max(0, units)
        let bucket = limits.firstIndex { units <= $0 } ?? limits.count
        counts[bucket].increment(by: 1)
        steps.increment(by: units / measure.unitsPerStep)
    }
}

extension Int64 {
    /// The nearest whole number; NaN is 0.
    fileprivate init(saturating value: Double) {
        if value.isNaN {
            self = 0
        } else if value >= 9.2e18 {
            self = .max
        } else if value <= -9.2e18 {
            self = .min
        } else {
            self = Int64(value.rounded())
        }
    }
}
