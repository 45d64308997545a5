import BerthHTTP
import BerthModel
import HTTPTypes

/// One method of one route: reads the request, calls one use case, shapes the answer. A file each.
protocol Endpoint: Sendable {
    /// The answer, if it can be had without waiting; nil asks for `answer`. Called on the event loop.
    func answerNow(_ call: Call) throws(Refusal) -> Response?
    func answer(_ call: Call) async throws(Refusal) -> Response
    /// Whether `answer` computes for longer than an event loop should be held up.
    func isLong(_ call: Call) -> Bool
}

extension Endpoint {
    func isLong(_ call: Call) -> Bool { false }
    func answerNow(_ call: Call) throws(Refusal) -> Response? { nil }
}

/// An endpoint with what has to be allowed for it.
struct RouteEntry {
    let endpoint: any Endpoint
    /// Nil for what everybody may ask.
    let action: Action?
    /// What the operator's switches can turn off.
    let kind: Kind
    enum Kind { case reading, writing, deleting }

    init(_ endpoint: any Endpoint, _ action: Action?, _ kind: Kind = .reading) {
        (self.endpoint, self.action, self.kind) = (endpoint, action, kind)
    }
}

extension Route {
    /// The route table.
    func entry(for method: HTTPRequest.Method) -> RouteEntry? {
        switch (self, method) {
        case (.root, .get), (.root, .head): RouteEntry(Root(), nil)
        case (.health, .get), (.health, .head): RouteEntry(Health(), nil)
        case (.readiness, .get), (.readiness, .head): RouteEntry(Ready(), nil)
        case (.version, .get), (.version, .head): RouteEntry(Version(), nil)
        case (.catalog, .get), (.catalog, .head): RouteEntry(ListRepositories(), .pull)
        case (.search, .get), (.search, .head): RouteEntry(Search(), nil)
        case (.token, .get), (.token, .head): RouteEntry(GetToken(), nil)
        case (.token, .post): RouteEntry(PostToken(), nil)
        case (.keys, .get), (.keys, .head): RouteEntry(GetKeys(), nil)
        case (.manifest(let name, let reference), .get), (.manifest(let name, let reference), .head):
            RouteEntry(GetManifest(repository: name, reference: reference), .pull)
        case (.manifest(let name, let reference), .put):
            RouteEntry(PutManifest(repository: name, reference: reference), .push, .writing)
        case (.manifest(let name, let reference), .delete):
            RouteEntry(DeleteManifest(repository: name, reference: reference), .delete, .deleting)
        case (.blob(let name, let digest), .get), (.blob(let name, let digest), .head):
            RouteEntry(GetBlob(repository: name, digest: digest), .pull)
        case (.blob(let name, let digest), .delete):
            RouteEntry(DeleteBlob(repository: name, digest: digest), .delete, .deleting)
        case (.uploads(let name), .post): RouteEntry(StartUpload(repository: name), .push, .writing)
        case (.upload(let name, let ticket), .get), (.upload(let name, let ticket), .head):
            RouteEntry(UploadStatus(repository: name, ticket: ticket), .push)
        case (.upload(let name, let ticket), .patch):
            RouteEntry(PatchUpload(repository: name, ticket: ticket), .push, .writing)
        case (.upload(let name, let ticket), .put):
            RouteEntry(PutUpload(repository: name, ticket: ticket), .push, .writing)
        case (.upload(let name, let ticket), .delete):
            RouteEntry(CancelUpload(repository: name, ticket: ticket), .push, .writing)
        case (.tags(let name), .get), (.tags(let name), .head): RouteEntry(ListTags(repository: name), .pull)
        case (.referrers(let name, let digest), .get), (.referrers(let name, let digest), .head):
            RouteEntry(ListReferrers(repository: name, subject: digest), .pull)
        default: nil
        }
    }

    /// The value of `Allow`.
    func methods(under switches: Switches) -> String {
        let all: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete]
        return all.filter { method in entry(for: method).map { switches.allow($0.kind) } ?? false }
            .map(\.rawValue).joined(separator: ", ")
    }
}

/// An endpoint that never waits.
protocol InstantEndpoint: Endpoint {
    func answer(at once: Call) -> Response
}

extension InstantEndpoint {
    func answerNow(_ call: Call) throws(Refusal) -> Response? { answer(at: call) }
    func answer(_ call: Call) async throws(Refusal) -> Response { answer(at: call) }
}
