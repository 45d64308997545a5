import BerthModel

/// What a path names. Names contain slashes, so a path is read from its end.
enum Route: Hashable, Sendable {
    case root
    case health
    case readiness
    /// `/v2/`: is this a registry, and may I use it?
    case version
    case catalog
    case search
    /// Where tokens are issued.
    case token
    /// The public keys of tokens.
    case keys
    case manifest(RepositoryName, reference: String)
    case blob(RepositoryName, digest: String)
    case uploads(RepositoryName)
    case upload(RepositoryName, ticket: String)
    case tags(RepositoryName)
    case referrers(RepositoryName, digest: String)

    /// Decodes the raw path once, segment by segment, and reads it from its end. Empty segments, dots, and what decodes
    /// to a slash or a control byte lead nowhere. Throws `pathUnknown`, or NAME_INVALID where only the name is wrong.
    init(path raw: String) throws(Refusal) {
        var path = try DecodedPath(raw)
        if path.take(prefix: "/v2") {
            self = try Self.inV2(&path)
        } else {
            switch path.rest {
            case "/": self = .root
            case "/v1/search": self = .search
            case "/auth/token": self = .token
            case "/auth/keys": self = .keys
            case "/healthz": self = .health
            case "/readyz": self = .readiness
            default: throw .pathUnknown
            }
        }
    }

    private static func inV2(_ path: inout DecodedPath) throws(Refusal) -> Route {
        if path.rest.isEmpty || path.rest == "/" { return .version }
        if path.rest == "/_catalog" { return .catalog }
        let last = try path.popLast()
        if last.isEmpty {
            guard try path.popLast() == "uploads", try path.popLast() == "blobs" else { throw .pathUnknown }
            return .uploads(try name(path))
        }
        let kind = try path.popLast()
        switch kind {
        case "manifests": return .manifest(try name(path), reference: String(last))
        case "blobs" where last == "uploads": return .uploads(try name(path))
        case "blobs": return .blob(try name(path), digest: String(last))
        case "referrers": return .referrers(try name(path), digest: String(last))
        case "tags" where last == "list": return .tags(try name(path))
        case "uploads":
            guard try path.popLast() == "blobs" else { throw .pathUnknown }
            return .upload(try name(path), ticket: String(last))
        default: throw .pathUnknown
        }
    }

    private static func name(_ path: DecodedPath) throws(Refusal) -> RepositoryName {
        guard path.rest.utf8.count > 1 else { throw .pathUnknown }
        do { return try RepositoryName(String(path.rest.utf8.dropFirst()) ?? "") } catch { throw .name(error) }
    }
}

extension Route {
    /// The route's name in logs and metrics; a closed list, so that no client's text becomes a label.
    var label: String {
        switch self {
        case .root: "root"
        case .health, .readiness: "health"
        case .version: "version"
        case .catalog: "catalog"
        case .search: "search"
        case .token: "token"
        case .keys: "keys"
        case .manifest: "manifest"
        case .blob: "blob"
        case .uploads: "uploads"
        case .upload: "upload"
        case .tags: "tags"
        case .referrers: "referrers"
        }
    }

    var repository: RepositoryName? {
        switch self {
        case .manifest(let name, _), .blob(let name, _), .uploads(let name), .upload(let name, _), .tags(let name),
            .referrers(let name, _):
            name
        case .root, .health, .readiness, .version, .catalog, .search, .token, .keys: nil
        }
    }
}
