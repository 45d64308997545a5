package import BerthHTTP
import HTTPTypes
import NIOCore

/// The listener for those who watch the registry: `/metrics`, `/healthz`, `/readyz`, and nothing else.
package struct MetricsEndpoint: RequestHandler {
    private let factory: PrometheusFactory
    private let version: String
    private let trouble: @Sendable () async -> String?
    private let collect: @Sendable () async -> [GaugeSample]

    /// - Parameters:
    ///   - trouble: nil while the registry can do its work, else the reason in a few words.
    ///   - collect: numbers that are asked for at every scrape.
    package init(
        _ factory: PrometheusFactory,
        version: String,
        trouble: @escaping @Sendable () async -> String?,
        collect: @escaping @Sendable () async -> [GaugeSample]
    ) {
        self.factory = factory
        self.version = version
        self.trouble = trouble
        self.collect = collect
    }

    package func handle(_ request: Request) -> Handling {
        switch request.path {
        case "/metrics": onlyRead(request, as: "metrics", .task(exposition))
        case "/healthz": onlyRead(request, as: "health", .answer(Self.word("ok", labels: "health")))
        case "/readyz": onlyRead(request, as: "health", .task(readiness))
        default: .answer(Self.word("not found", .notFound, labels: "unknown"))
        }
    }

    package func refuse(_ problem: HTTPProblem, requestID: String) -> Response {
        Self.word(
            "\(Self.status(of: problem).reasonPhrase)", Self.status(of: problem), labels: "unknown")
    }

    private func onlyRead(_ request: Request, as route: String, _ handling: Handling) -> Handling {
        if request.method == .get || request.method == .head { return handling }
        var response = Self.word("method not allowed", .methodNotAllowed, labels: route)
        response.headers[.allow] = "GET, HEAD"
        return .answer(response)
    }

    @Sendable private func exposition() async -> Response {
        var samples = await collect()
        samples += ProcessMetrics.samples()
        samples.append(GaugeSample(.buildInfo, 1, labels: [("version", version)]))
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/plain; version=0.0.4; charset=utf-8", .cacheControl: "no-store",
            ],
            body: .bytes(ByteBuffer(bytes: factory.exposition(with: samples))),
            labels: Response.Labels(route: "metrics"))
    }

    @Sendable private func readiness() async -> Response {
        guard let trouble = await trouble() else { return Self.word("ready", labels: "health") }
        var response = Self.word(trouble, .serviceUnavailable, labels: "health")
        response.headers[.retryAfter] = "5"
        return response
    }

    private static func word(
        _ text: String, _ status: HTTPResponse.Status = .ok, labels route: String
    ) -> Response {
        Response(
            status: status,
            headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(string: "\(text)\n")),
            labels: Response.Labels(route: route))
    }

    private static func status(of problem: HTTPProblem) -> HTTPResponse.Status {
        switch problem {
        case .badRequest: .badRequest
        case .targetTooLong: .uriTooLong
        case .headersTooLarge: .requestHeaderFieldsTooLarge
        case .expectationFailed: .expectationFailed
        case .unsupportedTransferEncoding: .notImplemented
        case .unsupportedVersion: .httpVersionNotSupported
        case .headStalled, .bodyStalled: .requestTimeout
        case .tooManyConnections, .draining: .serviceUnavailable
        case .internalError: .internalServerError
        }
    }
}
