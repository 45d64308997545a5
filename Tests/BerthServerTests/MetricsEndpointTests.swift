import CoreMetrics
import HTTPTypes
import NIOCore
import Testing

@testable import BerthHTTP
@testable import BerthServer

@Suite("The listener for watchers")
struct MetricsEndpointTests {
    private let factory = PrometheusFactory()

    private func endpoint(trouble: String? = nil) -> MetricsEndpoint {
        MetricsEndpoint(
            factory, version: "1.2.3", trouble: { trouble }, collect: { [GaugeSample(.blobs, 42)] })
    }

    private func answer(
        _ target: String, _ method: HTTPRequest.Method = .get, trouble: String? = nil
    ) async -> (response: Response, text: String) {
        let response: Response
        switch endpoint(trouble: trouble).handle(Request(method: method, target: target)) {
        case .answer(let known): response = known
        case .task(let find), .longTask(let find): response = await find()
        }
        guard case .bytes(let bytes) = response.body else { return (response, "") }
        return (response, String(buffer: bytes))
    }

    @Test(
        "tells what was recorded, what is asked for, and of the process",
        arguments: [HTTPRequest.Method.get, .head])
    func metrics(method: HTTPRequest.Method) async throws {
        Counter(label: Metric.commits.name, factory: factory).increment()
        let (response, text) = await answer("/metrics?x=y", method)
        #expect(response.status == .ok)
        #expect(response.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(response.labels.route == "metrics")
        let read = try Exposition(Array(text.utf8))
        #expect(read["berth_commits_total"] == 1)
        #expect(read["berth_blobs"] == 42)
        #expect(read[#"berth_build_info{version="1.2.3"}"#] == 1)
        #expect((read["process_resident_memory_bytes"] ?? 0) > 1_000_000)
        #expect((read["process_open_fds"] ?? 0) >= 3)
        #expect((read["process_cpu_seconds_total"] ?? 0) > 0)
        #expect((read["process_start_time_seconds"] ?? 0) > 1_700_000_000)
        #expect(read.types["process_cpu_seconds_total"] == "counter")
        #expect(read.help.keys.sorted() == read.types.keys.sorted())
    }

    @Test(
        "answers health with a word, and little else",
        arguments: [
            ("/healthz", .get, .ok, "ok\n"), ("/healthz", .head, .ok, "ok\n"),
            ("/readyz", .get, .ok, "ready\n"),
            ("/healthz", .post, .methodNotAllowed, "method not allowed\n"),
            ("/metrics", .delete, .methodNotAllowed, "method not allowed\n"),
            ("/readyz", .options, .methodNotAllowed, "method not allowed\n"),
            ("/", .get, .notFound, "not found\n"), ("/metrics/", .get, .notFound, "not found\n"),
            ("/v2/", .get, .notFound, "not found\n"), ("/debug/pprof", .get, .notFound, "not found\n"),
        ] as [(String, HTTPRequest.Method, HTTPResponse.Status, String)])
    func words(target: String, method: HTTPRequest.Method, status: HTTPResponse.Status, word: String)
        async
    {
        let (response, text) = await answer(target, method)
        #expect(response.status == status)
        #expect(text == word)
        #expect(response.headers[.allow] == (status == .methodNotAllowed ? "GET, HEAD" : nil))
    }

    @Test("says why the registry is not ready")
    func notReady() async {
        let (response, text) = await answer("/readyz", trouble: "the store can't be written")
        #expect(response.status == .serviceUnavailable)
        #expect(text == "the store can't be written\n")
    }

    @Test(
        "refuses in plain text",
        arguments: [
            (.badRequest("SECRET"), 400), (.targetTooLong, 414), (.headersTooLarge, 431),
            (.expectationFailed, 417),
            (.unsupportedTransferEncoding, 501), (.unsupportedVersion, 505), (.headStalled, 408),
            (.bodyStalled, 408),
            (.tooManyConnections, 503), (.draining, 503),
            (.internalError, 500),
        ] as [(HTTPProblem, Int)])
    func refusals(problem: HTTPProblem, status: Int) {
        let response = endpoint().refuse(problem, requestID: "r1")
        #expect(response.status.code == status)
        guard case .bytes(let bytes) = response.body else {
            Issue.record("no body")
            return
        }
        #expect(String(buffer: bytes) == response.status.reasonPhrase + "\n")
    }
}
