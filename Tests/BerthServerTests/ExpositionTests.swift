import CoreMetrics
import Testing

@testable import BerthServer

@Suite("Prometheus' text")
struct ExpositionTests {
    private let factory = PrometheusFactory(known: [
        Metric(.counter, "a_total", "Counts \\ and\nbreaks."),
        Metric(.histogram, "h", "Sizes.", bounds: [1, 2.5]),
        Metric(.histogram, "t_seconds", "Times.", bounds: [0.001, 1]),
    ])

    private func text() -> String { String(decoding: factory.exposition(), as: UTF8.self) }

    @Test("families by name, series by label, everything escaped")
    func golden() throws {
        Counter(label: "a_total", dimensions: [("z", "1"), ("b", "q\"\\\n")], factory: factory)
            .increment(by: 3)
        Counter(label: "a_total", dimensions: [("b", "a")], factory: factory).increment()
        Gauge(label: "g", factory: factory).record(2.5)
        Meter(label: "m", factory: factory).set(-3)
        let sizes = Recorder(
            label: "h", dimensions: [("route", "x")], aggregate: true, factory: factory)
        for size in [0, 1, 2, 3] { sizes.record(size) }
        sizes.record(2.5)
        #expect(
            text() == #"""
                # HELP a_total Counts \\ and\nbreaks.
                # TYPE a_total counter
                a_total{b="a"} 1
                a_total{b="q\"\\\n",z="1"} 3
                # TYPE g gauge
                g 2.5
                # HELP h Sizes.
                # TYPE h histogram
                h_bucket{route="x",le="1"} 2
                h_bucket{route="x",le="2.5"} 4
                h_bucket{route="x",le="+Inf"} 5
                h_sum{route="x"} 8.5
                h_count{route="x"} 5
                # TYPE m gauge
                m -3

                """#)
        _ = try Exposition(factory.exposition())
    }

    @Test("timers are histograms of seconds; a bucket takes its upper end, and not a nanosecond more")
    func timers() throws {
        let timer = Timer(label: "t_seconds", factory: factory)
        for nanoseconds in [0, 1_000_000, 1_000_001, 1_000_000_000, 5_000_000_000, -7] as [Int64] {
            timer.recordNanoseconds(nanoseconds)
        }
        let read = try Exposition(factory.exposition())
        #expect(read[#"t_seconds_bucket{le="0.001"}"#] == 3)
        #expect(read[#"t_seconds_bucket{le="1"}"#] == 5)
        #expect(read[#"t_seconds_bucket{le="+Inf"}"#] == 6)
        #expect(read["t_seconds_count"] == 6)
        #expect(read["t_seconds_sum"] == 6.002)
        #expect(read.types["t_seconds"] == "histogram")
    }

    @Test("numbers that are too large or none do no harm")
    func extremes() throws {
        let sizes = Recorder(label: "h", aggregate: true, factory: factory)
        sizes.record(Int64.max)
        sizes.record(Double.nan)
        sizes.record(-Double.infinity)
        let timer = Timer(label: "t_seconds", factory: factory)
        timer.recordNanoseconds(.max)
        timer.recordNanoseconds(.min)
        let gauge = Gauge(label: "g", factory: factory)
        gauge.record(Double.infinity)
        Counter(label: "a_total", factory: factory).increment(by: -5)
        let read = try Exposition(factory.exposition())
        #expect(read["h_count"] == 2)
        #expect(read["t_seconds_count"] == 2)
        #expect(read["g"] == .infinity)
        #expect(read["a_total"] == 0)
        gauge.record(Double.nan)
        #expect(try Exposition(factory.exposition())["g"]?.isNaN == true)
    }

    @Test("the same name and labels are one series, in whatever order")
    func sameSeries() throws {
        Counter(label: "a_total", dimensions: [("x", "1"), ("y", "2")], factory: factory).increment()
        Counter(label: "a_total", dimensions: [("y", "2"), ("x", "1")], factory: factory).increment()
        FloatingPointCounter(label: "f_total", factory: factory).increment(by: 0.5)
        FloatingPointCounter(label: "f_total", factory: factory).increment(by: 0.25)
        let read = try Exposition(factory.exposition())
        #expect(read[#"a_total{x="1",y="2"}"#] == 2)
        #expect(read["f_total"] == 0.75)
        #expect(read.types["f_total"] == "counter")
    }

    @Test("a name used as another kind is not told twice")
    func otherKind() throws {
        Counter(label: "a_total", factory: factory).increment()
        Timer(label: "a_total", factory: factory).recordNanoseconds(1)
        Gauge(label: "a_total", factory: factory).record(7)
        let read = try Exposition(factory.exposition())
        #expect(read.samples == ["a_total": 1])
    }

    @Test(
        "names are made to fit", arguments: [("a.b-c", "a_b_c"), ("9x", "_9x"), ("", "_"), ("ä", "__")])
    func names(label: String, name: String) throws {
        Counter(label: label, dimensions: [(label, "v")], factory: factory).increment()
        #expect(try Exposition(factory.exposition()).samples == ["\(name){\(name)=\"v\"}": 1])
    }

    @Test("recording from many threads adds up")
    func concurrency() async throws {
        let factory = factory
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    let counter = Counter(label: "a_total", factory: factory)
                    let meter = Meter(label: "m", factory: factory)
                    let timer = Timer(label: "t_seconds", factory: factory)
                    for _ in 0..<5000 {
                        counter.increment(by: 2)
                        meter.increment(by: 1)
                        timer.recordNanoseconds(1000)
                    }
                    meter.decrement(by: 4999)
                }
            }
        }
        let read = try Exposition(factory.exposition())
        #expect(read["a_total"] == 80_000)
        #expect(read["m"] == 8)
        #expect(read["t_seconds_count"] == 40_000)
        #expect(read["t_seconds_sum"] == 0.04)
    }

    @Test("every metric of the table has a name and help that fit, and no name twice")
    func table() throws {
        #expect(Set(Metric.all.map(\.name)).count == Metric.all.count)
        for metric in Metric.all {
            #expect(PrometheusText.name(metric.name) == metric.name)
            #expect(!metric.help.isEmpty)
            #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter))
            #expect(metric.bounds == metric.bounds.sorted())
            #expect((metric.kind == .histogram) == !metric.bounds.isEmpty)
        }
    }
}
