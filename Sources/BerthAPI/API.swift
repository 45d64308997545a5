package import BerthAccess
package import BerthHTTP
import BerthCatalog
import BerthModel
package import BerthRegistry
import HTTPTypes
package import Logging

/// The OCI distribution API over HTTP: finds the route, asks whether it is allowed, and hands on to an endpoint.
package struct API: RequestHandler {
    private let context: APIContext
    private let log: Logger

    package init(
        registry: Registry, access: Access, settings: APISettings, readiness: any Readiness, logger: Logger
    ) {
        self.context = APIContext(
            registry: registry,
            gate: Gate(access: access, realm: settings.realm, registry: registry, warning: RealmWarning(logger)),
            settings: settings, readiness: readiness)
        self.log = logger
    }

    package func handle(_ request: Request) -> Handling {
        let frame = Frame(request)
        var labels = Response.Labels(route: "unknown")
        do throws(Refusal) {
            if !context.gate.access.isClosed { try context.settings.hosts.check(request) }
            if let response = try Self.aboutTheServer(request) { return .answer(frame.finished(response, labels)) }
            let route = try Route(path: request.path)
            labels = Response.Labels(route: route.label, repository: route.repository?.text)
            if request.method == .options {
                let allowed = route.methods(under: context.settings.switches)
                return .answer(frame.finished(.options(allowed), labels))
            }
            let entry = try entry(route, request)
            guard let identity = context.gate.identifyNow(request, route) else {
                // What has to be checked first may take its time: not on the event loop.
                return .longTask(
                    work(request, frame, labels) { () async throws(Refusal) in
                        let call = try open(route, entry, request, await context.gate.identify(request))
                        if let response = try entry.endpoint.answerNow(call) { return response }
                        return try await entry.endpoint.answer(call)
                    })
            }
            let call = try open(route, entry, request, identity)
            if var response = try entry.endpoint.answerNow(call) {
                frame.finish(&response, labels)
                return .answer(response)
            }
            let work = work(request, frame, labels) { () async throws(Refusal) in
                try await entry.endpoint.answer(call)
            }
            return entry.endpoint.isLong(call) ? .longTask(work) : .task(work)
        } catch {
            return .answer(frame.finished(error.response(requestID: request.id), labels))
        }
    }

    /// An answer that has to be waited for.
    private func work(
        _ request: Request, _ frame: Frame, _ labels: Response.Labels,
        _ answer: @escaping @Sendable () async throws(Refusal) -> Response
    ) -> @Sendable () async -> Response {
        { [log] in
            do throws(Refusal) {
                return frame.finished(try await answer(), labels)
            } catch {
                if let cause = error.cause {
                    log.error("request failed", metadata: ["cause": "\(cause)", "request": "\(request.id)"])
                }
                return frame.finished(error.response(requestID: request.id), labels)
            }
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

    /// The endpoint for a route and method, once the switches have been asked.
    private func entry(_ route: Route, _ request: Request) throws(Refusal) -> RouteEntry {
        if route.needsAccounts, !context.gate.access.isClosed { throw .pathUnknown }
        let switches = context.settings.switches
        guard let entry = route.entry(for: request.method) else { throw .method(route.methods(under: switches)) }
        try switches.check(entry, allowed: route.methods(under: switches))
        return entry
    }

    /// The call of an endpoint, once access has been asked.
    private func open(
        _ route: Route, _ entry: RouteEntry, _ request: Request, _ identity: Identity
    ) throws(Refusal) -> Call {
        let caller = try context.gate.admit(identity, entry, route, request)
        if request.hasBody, let encoding = request.field(.contentEncoding), encoding != "identity" {
            throw Refusal(
                .unsupportedMediaType, .unsupported, "Send the content as it is to be stored, without Content-Encoding."
            )
        }
        return Call(request, try Query(request.query), caller, context)
    }
}

/// What all endpoints share. An object: every call holds it.
final class APIContext: Sendable {
    let registry: Registry
    let gate: Gate
    let settings: APISettings
    let readiness: any Readiness
    let manifestMemory = ManifestMemory()

    init(registry: Registry, gate: Gate, settings: APISettings, readiness: any Readiness) {
        (self.registry, self.gate, self.settings, self.readiness) = (registry, gate, settings, readiness)
    }
}

/// What the operator can choose about the API.
package struct APISettings: Sendable {
    /// Largest manifest taken, in bytes.
    package var manifestBytes = 4 << 20
    package var switches = Switches()
    package var hosts = HostGuard()
    package var realm = Realm()

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
    let caller: Caller
    let context: APIContext
    var registry: Registry { context.registry }
    var principal: Principal { caller.principal }

    init(_ request: Request, _ query: Query, _ caller: Caller, _ context: APIContext) {
        self.request = request
        self.query = query
        self.caller = caller
        self.context = context
    }

    /// What a HEAD promises before the state is read: content that a push may name soon (G2). Whoever cannot push here is
    /// promised nothing, and so keeps nothing. Nil: nothing is promised.
    func promise(_ digest: Digest, in repository: RepositoryName) -> Leases.Promise? {
        guard request.method == .head, context.gate.access.decide(caller.withoutToken, .push, repository)
        else { return nil }
        return registry.promise(digest, in: repository)
    }
}

/// What is the same around every answer to a request.
private struct Frame: Sendable {
    static let apiVersion = "registry/2.0"
    private let isV2: Bool
    private let namespace: String?

    init(_ request: Request) {
        isV2 = request.path.utf8.span.starts(with: "/v2")
        namespace = request.query.flatMap(Self.namespace)
    }

    func finished(_ response: Response, _ labels: Response.Labels) -> Response {
        var response = response
        finish(&response, labels)
        return response
    }

    /// In place, so that the answer's fields are not copied.
    func finish(_ response: inout Response, _ labels: Response.Labels) {
        if isV2 { response.headers[.apiVersion] = Self.apiVersion }
        if let namespace { response.headers[.ociNamespace] = namespace }
        if labels.route == "uploads" || labels.route == "upload", response.headers[.cacheControl] == nil {
            response.headers[.cacheControl] = "no-store"
        }
        response.labels = labels
    }

    /// The registry that a mirror's client really means. Echoed only if it looks like a host with a port.
    private static func namespace(_ query: String) -> String? {
        guard query.utf8.span.firstIndex(of: UInt8(ascii: "n")) != nil, let query = try? Query(query),
            let name = query.values("ns").first, (1...255).contains(name.utf8.count)
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
