package import BerthHTTP
import BerthModel
package import BerthRegistry
import HTTPTypes
package import Logging

/// The OCI distribution API over HTTP: finds the route, asks whether it is allowed, and hands on to an endpoint.
package struct API: RequestHandler {
    private let context: APIContext
    private let log: Logger

    package init(registry: Registry, settings: APISettings, readiness: any Readiness, logger: Logger) {
        self.context = APIContext(registry: registry, settings: settings, readiness: readiness)
        self.log = logger
    }

    package func handle(_ request: Request) -> Handling {
        let frame = Frame(request)
        var labels = Response.Labels(route: "unknown")
        do throws(Refusal) {
            try context.settings.hosts.check(request)
            if let response = try Self.aboutTheServer(request) { return .answer(frame.finish(response, labels)) }
            let route = try Route(path: request.path)
            labels = Response.Labels(route: route.label, repository: route.repository?.text)
            if request.method == .options {
                let allowed = route.methods(under: context.settings.switches)
                return .answer(frame.finish(.options(allowed), labels))
            }
            let (endpoint, call) = try open(route, request)
            if let response = try endpoint.answerNow(call) { return .answer(frame.finish(response, labels)) }
            let work = { @Sendable [log, labels] () async -> Response in
                do throws(Refusal) {
                    return frame.finish(try await endpoint.answer(call), labels)
                } catch {
                    if let cause = error.cause {
                        log.error("request failed", metadata: ["cause": "\(cause)", "request": "\(request.id)"])
                    }
                    return frame.finish(error.response(requestID: request.id), labels)
                }
            }
            return endpoint.isLong(call) ? .longTask(work) : .task(work)
        } catch {
            return .answer(frame.finish(error.response(requestID: request.id), labels))
        }
    }

    package func refuse(_ problem: HTTPProblem, requestID: String) -> Response {
        var response = Refusal(problem).response(requestID: requestID)
        response.headers[.apiVersion] = Frame.apiVersion
        response.labels = Response.Labels(route: "unknown")
        return response
    }

    /// Methods that are refused, and the question that is answered, whatever the path. RFC 9110, section 9.3.
    private static func aboutTheServer(_ request: Request) throws(Refusal) -> Response? {
        let all = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
        if request.method == .connect || request.method == .trace { throw .method(all) }
        return request.method == .options && request.path == "*" ? .options(all) : nil
    }

    /// The endpoint for a route and method, once switches and access have been asked.
    private func open(_ route: Route, _ request: Request) throws(Refusal) -> (any Endpoint, Call) {
        let switches = context.settings.switches
        guard let entry = route.entry(for: request.method) else { throw .method(route.methods(under: switches)) }
        try switches.check(entry, allowed: route.methods(under: switches))
        let principal = Principal.anonymous
        if let action = entry.action, !context.registry.access.decide(principal, action, route.repository) {
            throw .denied(action, route.repository)
        }
        if request.hasBody, let encoding = request.headers[.contentEncoding], encoding != "identity" {
            throw Refusal(
                .unsupportedMediaType, .unsupported, "Send the content as it is to be stored, without Content-Encoding."
            )
        }
        return (entry.endpoint, Call(request, try Query(request.query), principal, context))
    }
}

/// What all endpoints share.
struct APIContext: Sendable {
    let registry: Registry
    let settings: APISettings
    let readiness: any Readiness
    let manifestMemory = ManifestMemory()
}

/// What the operator can choose about the API.
package struct APISettings: Sendable {
    /// Largest manifest taken, in bytes.
    package var manifestBytes = 4 << 20
    package var switches = Switches()
    package var hosts = HostGuard()

    package init() {}
}

/// Whether the registry can do its work at the moment.
package protocol Readiness: Sendable {
    /// Nil when it can; else the reason, in a few words.
    func trouble() async -> String?
}

/// One request on its way through an endpoint.
struct Call: Sendable {
    let request: Request
    let query: Query
    let principal: Principal
    let context: APIContext
    var registry: Registry { context.registry }

    init(_ request: Request, _ query: Query, _ principal: Principal, _ context: APIContext) {
        self.request = request
        self.query = query
        self.principal = principal
        self.context = context
    }
}

/// What is the same around every answer to a request.
private struct Frame: Sendable {
    static let apiVersion = "registry/2.0"
    private let isV2: Bool
    private let namespace: String?

    init(_ request: Request) {
        isV2 = request.path.utf8.starts(with: "/v2".utf8)
        namespace = request.query?.utf8.contains(UInt8(ascii: "n")) == true ? Self.namespace(request.query) : nil
    }

    func finish(_ response: Response, _ labels: Response.Labels) -> Response {
        var response = response
        if isV2 { response.headers[.apiVersion] = Self.apiVersion }
        if let namespace { response.headers[.ociNamespace] = namespace }
        if labels.route.utf8.starts(with: "upload".utf8), response.headers[.cacheControl] == nil {
            response.headers[.cacheControl] = "no-store"
        }
        response.labels = labels
        return response
    }

    /// The registry that a mirror's client really means. Echoed only if it looks like a host with a port.
    private static func namespace(_ query: String?) -> String? {
        guard let query = try? Query(query), let name = query.values("ns").first, (1...255).contains(name.utf8.count)
        else { return nil }
        let isHost = name.utf8.allSatisfy { $0.isLetter || $0.isDigit || ".-:[]_".utf8.contains($0) }
        return isHost ? name : nil
    }
}

extension Response {
    fileprivate static func options(_ allowed: String) -> Response {
        Response(status: .noContent, headers: [.allow: allowed])
    }
}
