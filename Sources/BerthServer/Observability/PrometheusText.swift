import BerthModel

/// The text exposition format 0.0.4: families by name, each with HELP and TYPE once, series by label.
/// https://prometheus.io/docs/instrumenting/exposition_formats/
struct PrometheusText {
    private struct Family {
        let metric: Metric
        var series: [(labels: String, lines: [UInt8])] = []
    }

    private var families: [String: Family] = [:]

    mutating func add(_ metric: Metric, _ labels: String, _ value: Double) {
        add(metric, labels, lines: Self.line(metric.name, labels, value))
    }

    mutating func add(_ metric: Metric, _ labels: String, _ histogram: HistogramCell) {
        let counts = histogram.cumulativeCounts
        var lines: [UInt8] = []
        for (bound, count) in zip(histogram.bounds + [.infinity], counts) {
            let bucket = (labels.isEmpty ? "" : labels + ",") + "le=\"\(Self.number(bound))\""
            lines += Self.line(metric.name + "_bucket", bucket, Double(count))
        }
        lines += Self.line(metric.name + "_sum", labels, histogram.sum)
        lines += Self.line(metric.name + "_count", labels, Double(counts.last ?? 0))
        add(metric, labels, lines: lines)
    }

    func bytes() -> [UInt8] {
        var bytes: [UInt8] = []
        for family in families.values.sorted(by: { $0.metric.name < $1.metric.name }) {
            let metric = family.metric
            if !metric.help.isEmpty {
                bytes += "# HELP \(metric.name) \(Self.escapedHelp(metric.help))\n".utf8
            }
            bytes += "# TYPE \(metric.name) \(metric.kind.rawValue)\n".utf8
            for series in family.series.sorted(by: { $0.labels < $1.labels }) { bytes += series.lines }
        }
        return bytes
    }

    private mutating func add(_ metric: Metric, _ labels: String, lines: [UInt8]) {
        families[metric.name, default: Family(metric: metric)].series.append((labels, lines))
    }

    private static func line(_ name: String, _ labels: String, _ value: Double) -> [UInt8] {
        Array(
            (labels.isEmpty ? "\(name) \(number(value))\n" : "\(name){\(labels)} \(number(value))\n").utf8
        )
    }

    /// `a="x",b="y"`, by name, so that the same labels are always the same text.
    static func labels(_ labels: [(String, String)]) -> String {
        labels.map { (name($0.0), escapedValue($0.1)) }.sorted { $0.0 < $1.0 }
            .map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",")
    }

    /// A name made to fit `[a-zA-Z_][a-zA-Z0-9_]*`.
    static func name(_ label: String) -> String {
        let bytes = label.utf8.map { byte -> UInt8 in
            let fits = byte.isLetter || byte.isDigit || byte == UInt8(ascii: "_")
            return fits ? byte : UInt8(ascii: "_")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        return bytes.first.map { !$0.isDigit } == true ? text : "_" + text
    }

    /// Of a label's value: backslash, quotation mark and line feed.
    private static func escapedValue(_ value: String) -> String {
        escaped(value) { $0 == "\"" ? "\\\"" : nil }
    }

    /// Of a help text: backslash and line feed.
    private static func escapedHelp(_ help: String) -> String { escaped(help) { _ in nil } }

    private static func escaped(_ text: String, besides: (Unicode.Scalar) -> String?) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: result += besides(scalar) ?? String(scalar)
            }
        }
        return result
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value) { return String(whole) }
        return value.description
    }
}
