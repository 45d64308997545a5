import BerthModel
import BerthRegistry
import HTTPTypes

/// What a 401 asks for. RFC 6750, section 3, as Docker's clients read it: quoted values, no space after a comma, never
/// an empty value, one line.
struct Challenge: Sendable {
    enum Reason: String, Sendable {
        case invalidToken = "invalid_token"
        case insufficientScope = "insufficient_scope"
    }
    let realm: String
    let service: String
    /// All that the request needs; nil where any token will do.
    let scope: String?
    /// Said only where it is true: clients give up on some.
    var reason: Reason?

    var text: String {
        var text = "Bearer realm=\"\(realm)\",service=\"\(service)\""
        if let scope { text += ",scope=\"\(scope)\"" }
        if let reason { text += ",error=\"\(reason.rawValue)\"" }
        return text
    }

    /// At the token endpoint itself: never a hint that without credentials there would be something.
    static let basic = "Basic realm=\"berth\",charset=\"UTF-8\""
}

extension Route {
    /// The scope that a token needs for `action` here, in full: clients widen their tokens by this alone.
    func scope(for action: Action?, mountingFrom source: RepositoryName?) -> String? {
        guard let action else { return nil }
        guard let repository else { return "registry:catalog:*" }
        let actions =
            switch action {
            case .push: "pull,push"
            default: action.rawValue
            }
        let scope = "repository:\(repository):\(actions)"
        return source.map { "\(scope) repository:\($0):pull" } ?? scope
    }
}

extension Refusal {
    static func unauthorized(_ challenge: String, _ message: String) -> Refusal {
        Refusal(.unauthorized, .unauthorized, message).with(.wwwAuthenticate, challenge).with(.cacheControl, "no-store")
    }

    static func tooMany(seconds: Int, _ message: String) -> Refusal {
        Refusal(.tooManyRequests, .tooManyRequests, message).with(.retryAfter, "\(seconds)")
    }
}
