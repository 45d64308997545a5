import BerthAccess
import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes

/// Who sends a request, and whether he may: the table "who gets what" in one place. While there are no accounts it asks
/// for nothing, and costs nothing.
struct Gate: Sendable {
    let access: Access
    let realm: Realm
    let registry: Registry
    let warning: RealmWarning

    /// Who sends the request, if that can be said without waiting; nil asks for `identify`.
    func identifyNow(_ request: Request, _ route: Route) -> Identity? {
        guard access.isClosed, !route.isForEverybody else { return .caller(.anonymous) }
        guard let header = request.field(.authorization) else { return .caller(callerByCertificate(request)) }
        let found = access.identifyNow(header, after: request.memory?.object as? ShownBefore)
        if let shown = found.shown { request.memory?.object = shown }
        return found.identity
    }

    func identify(_ request: Request) async -> Identity {
        guard let header = request.field(.authorization) else { return .caller(callerByCertificate(request)) }
        return await access.identify(Authorization(header), from: request.peer.address)
    }

    /// Who has sent no `Authorization`.
    private func callerByCertificate(_ request: Request) -> Caller {
        accountByCertificate(request)?.caller ?? .anonymous
    }

    /// The account of the connection's certificate, if it opens one. A browser shows the certificate for every web page:
    /// others' pages do nothing in the name of who looks at them.
    func accountByCertificate(_ request: Request) -> Account? {
        guard let certificate = request.peer.certificate, !request.isOfForeignPage else { return nil }
        return access.account(certificate)
    }

    /// The caller, where he may do what the route needs. Throws what he is told where he may not.
    func admit(_ identity: Identity, _ entry: RouteEntry, _ route: Route, _ request: Request) throws(Refusal) -> Caller
    {
        guard access.isClosed else {
            if let action = entry.action, !access.decide(.anonymous, action, route.repository) {
                throw .denied(action, route.repository)
            }
            return .anonymous
        }
        let caller = try caller(identity, entry, route, request)
        guard let action = entry.action else {
            // Whoever is not asked here never sends credentials at all (Docker).
            if route == .version, request.field(.authorization) == nil, caller.principal == .anonymous {
                throw unauthorized(entry, route, request, nil, "Log in to use this registry.")
            }
            return caller
        }
        guard access.decide(caller, action, route.repository) else {
            throw refusal(caller, action, entry, route, request)
        }
        return caller
    }

    /// Throws unless the caller may do `action` beside what the route needs.
    func require(_ action: Action, on repository: RepositoryName, _ call: Call) throws(Refusal) {
        guard !access.decide(call.caller, action, repository) else { return }
        guard call.caller.token != nil, access.decide(call.caller.withoutToken, action, repository)
        else { throw .denied(action, repository) }
        let needed = call.request.method == .delete ? "delete,\(action.rawValue)" : "\(action.rawValue),push"
        throw challenge(
            call.request, scope: "repository:\(repository):\(needed)", .insufficientScope,
            "The condition reads the tag, and the token was not issued for that; get one that is.")
    }

    private func caller(
        _ identity: Identity, _ entry: RouteEntry, _ route: Route, _ request: Request
    ) throws(Refusal) -> Caller {
        switch identity {
        case .caller(let caller): return caller
        case .expired(let caller):
            // An upload outlives the tokens of whoever started it.
            if case .upload(let name, let ticket) = route, caller.principal != .anonymous,
                (try? registry.ticket(ticket, in: name, by: caller.principal)) != nil
            {
                return caller
            }
            throw unauthorized(entry, route, request, .invalidToken, "The token has expired; get a new one.")
        case .refused(.token):
            throw unauthorized(entry, route, request, .invalidToken, "The token is not valid here; get a new one.")
        case .refused(.credentials):
            throw unauthorized(entry, route, request, nil, "Name and password do not belong together.")
        case .refused(let refusal): throw Refusal(refusal)
        }
    }

    /// Nothing here may tell a repository that is hidden from one that is missing.
    private func refusal(
        _ caller: Caller, _ action: Action, _ entry: RouteEntry, _ route: Route, _ request: Request
    ) -> Refusal {
        if caller.principal == .anonymous {
            return unauthorized(entry, route, request, nil, "Log in to do this.")
        }
        if caller.token != nil, access.decide(caller.withoutToken, action, route.repository) {
            return unauthorized(
                entry, route, request, .insufficientScope, "The token was not issued for this; get one that is.")
        }
        guard action != .push, let repository = route.repository,
            !access.decide(caller.withoutToken, .pull, repository)
        else { return .denied(action, route.repository) }
        return Refusal(.repositoryUnknown(repository))
    }

    private func unauthorized(
        _ entry: RouteEntry, _ route: Route, _ request: Request, _ reason: Challenge.Reason?, _ message: String
    ) -> Refusal {
        challenge(
            request, scope: route.scope(for: entry.action, mountingFrom: mountSource(route, request)), reason, message)
    }

    /// A 401 that says where to log in; where that cannot be told, what is wrong with that.
    private func challenge(
        _ request: Request, scope: String?, _ reason: Challenge.Reason?, _ message: String
    ) -> Refusal {
        guard let realm = realm.url(for: request) else {
            let host = HostGuard.name(of: request.host ?? "")
            warning.tell(host)
            return .noRealm(host)
        }
        return .unauthorized(
            Challenge(realm: realm, service: access.settings.service, scope: scope, reason: reason).text, message)
    }

    /// A mount reads from its source as well.
    private func mountSource(_ route: Route, _ request: Request) -> RepositoryName? {
        guard case .uploads(let target) = route, let query = try? Query(request.query),
            let source = query.values("from").first, let name = try? RepositoryName(source), name != target
        else { return nil }
        return name
    }
}

extension Route {
    /// What answers without asking who it is: what is said there is the same for all.
    fileprivate var isForEverybody: Bool {
        switch self {
        case .root, .health, .readiness, .token, .keys: true
        default: false
        }
    }

    /// What there is only where there are accounts.
    var needsAccounts: Bool {
        switch self {
        case .token, .keys: true
        default: false
        }
    }
}

extension Refusal {
    /// Why credentials do not count, wherever they were shown.
    init(_ refusal: IdentityRefusal) {
        switch refusal {
        case .token, .credentials:
            self = .unauthorized(Challenge.basic, "Name and password do not belong together.")
        case .tooMany(let seconds):
            self = .tooMany(seconds: seconds, "Too many logins have failed; try again in \(seconds) seconds.")
        case .busy: self = .tooMany(seconds: 2, "Too many logins at once; try again shortly.")
        case .unavailable:
            self.init(.serviceUnavailable, .unavailable, "The registry cannot do this right now; try again shortly.")
            headers[.retryAfter] = "5"
        }
    }
}
