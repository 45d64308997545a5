/// Counts of durations in buckets that are at most 1/64 wide, relative to their value: p99.9 of a million requests costs
/// twelve kilobytes and no sorting.
struct Histogram {
    /// Buckets to each power of two.
    private static let steps = 64
    private var counts = [UInt32](repeating: 0, count: steps * 40)
    private(set) var count = 0

    mutating func record(_ nanoseconds: UInt64) {
        counts[min(Self.bucket(nanoseconds), counts.count - 1)] += 1
        count += 1
    }

    mutating func add(_ other: Histogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
    }

    /// The duration in nanoseconds that `share` of all do not exceed, as the middle of its bucket; nil without any.
    func quantile(_ share: Double) -> Double? {
        guard count > 0 else { return nil }
        let rank = max(1, Int((Double(count) * share).rounded(.up)))
        var seen = 0
        for (index, count) in counts.enumerated() {
            seen += Int(count)
            if seen >= rank { return Self.middle(index) }
        }
        return Self.middle(counts.count - 1)
    }

    private static func bucket(_ value: UInt64) -> Int {
        guard value >= UInt64(steps) else { return Int(value) }
        let shift = 63 - value.leadingZeroBitCount - 6
        return (shift + 1) * steps + Int(value >> UInt64(shift)) - steps
    }

    private static func middle(_ bucket: Int) -> Double {
        guard bucket >= steps else { return Double(bucket) }
        let shift = bucket / steps - 1
        return (Double(bucket % steps + steps) + 0.5) * Double(UInt64(1) << UInt64(shift))
    }
}
