import HTTPTypes
import Testing

@testable import BerthHTTP
@testable import BerthServer

@Suite("Counting requests")
struct RequestMetricsTests {
    private let factory = PrometheusFactory()

    @Test("by route, method and status")
    func counts() throws {
        let metrics = RequestMetrics(factory)
        metrics.finished(.sample(duration: .milliseconds(3)))
        metrics.finished(.sample(duration: .milliseconds(30)))
        metrics.finished(.sample(method: .head, status: .notFound, bytesOut: 0, duration: .zero))
        metrics.finished(
            .sample(method: .put, route: "upload", status: .created, bytesIn: 7, bytesOut: 0))
        let read = try Exposition(factory.exposition())
        #expect(read[#"berth_http_requests_total{method="GET",route="manifest",status="200"}"#] == 2)
        #expect(read[#"berth_http_requests_total{method="HEAD",route="manifest",status="404"}"#] == 1)
        #expect(read[#"berth_http_requests_total{method="PUT",route="upload",status="201"}"#] == 1)
        #expect(read[#"berth_http_request_duration_seconds_count{route="manifest",status="200"}"#] == 2)
        #expect(read[#"berth_http_request_duration_seconds_count{route="manifest",status="404"}"#] == 1)
        #expect(read[#"berth_http_request_duration_seconds_sum{route="manifest",status="200"}"#] == 0.033)
        #expect(read[#"berth_http_request_duration_seconds_bucket{route="manifest",status="200",le="0.005"}"#] == 1)
        #expect(read[#"berth_http_request_bytes_total{route="upload"}"#] == 7)
        #expect(read[#"berth_http_response_bytes_total{route="manifest"}"#] == 2468)
        #expect(read.types["berth_http_requests_total"] == "counter")
        #expect(read.types["berth_http_request_duration_seconds"] == "histogram")
    }

    @Test("methods that a client made up are one label", arguments: ["BREW", "get", "GET2", "TRACE"])
    func otherMethods(method: String) throws {
        RequestMetrics(factory).finished(
            .sample(method: HTTPRequest.Method(rawValue: method)))
        let read = try Exposition(factory.exposition())
        #expect(read[#"berth_http_requests_total{method="OTHER",route="manifest",status="200"}"#] == 1)
    }

    @Test("a head that could not be read counts too")
    func unreadable() throws {
        RequestMetrics(factory).finished(
            .sample(method: nil, route: "", repository: nil, status: .badRequest))
        let read = try Exposition(factory.exposition())
        #expect(read[#"berth_http_requests_total{method="OTHER",route="none",status="400"}"#] == 1)
    }

    @Test("no label holds a repository, tag, address or agent")
    func labels() {
        RequestMetrics(factory).finished(
            .sample(
                target: "/v2/SECRET/manifests/SECRET", repository: "SECRET", id: "SECRET", client: "SECRET",
                userAgent: "SECRET"))
        #expect(!String(decoding: factory.exposition(), as: UTF8.self).contains("SECRET"))
    }

    @Test("many loops at once add up")
    func concurrency() async throws {
        let metrics = RequestMetrics(factory)
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for number in 0..<1000 {
                        metrics.connections(delta: 1)
                        metrics.finished(
                            .sample(status: number.isMultiple(of: 2) ? .ok : .notFound, bytesOut: 10))
                        metrics.connections(delta: -1)
                    }
                    metrics.connections(delta: 1)
                }
            }
        }
        let read = try Exposition(factory.exposition())
        #expect(read[#"berth_http_requests_total{method="GET",route="manifest",status="200"}"#] == 4000)
        #expect(read[#"berth_http_requests_total{method="GET",route="manifest",status="404"}"#] == 4000)
        #expect(read[#"berth_http_response_bytes_total{route="manifest"}"#] == 80_000)
        #expect(read["berth_http_connections"] == 8)
    }

    @Test("shared transactions are counted with their size")
    func commits() throws {
        let metrics = CommitMetrics(factory)
        for size in [1, 3, 1000] { metrics.committed(closures: size) }
        let read = try Exposition(factory.exposition())
        #expect(read["berth_commits_total"] == 3)
        #expect(read["berth_commit_batch_closures_sum"] == 1004)
        #expect(read[#"berth_commit_batch_closures_bucket{le="4"}"#] == 2)
        #expect(read[#"berth_commit_batch_closures_bucket{le="+Inf"}"#] == 3)
    }
}
