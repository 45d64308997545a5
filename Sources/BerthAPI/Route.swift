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
    case manifest(RepositoryName, reference: String)
    case blob(RepositoryName, digest: String)
    case uploads(RepositoryName)
    case upload(RepositoryName, ticket: String)
    case tags(RepositoryName)
    case referrers(RepositoryName, digest: String)

    /// Splits the raw path at its slashes and decodes each segment once. Empty segments, dots, and what decodes to a
    /// slash or a control byte lead nowhere. Throws `pathUnknown`, or NAME_INVALID where only the name is wrong.
    init(path: some StringProtocol) throws(Refusal) {
        let segments = try Self.segments(of: path)
        guard let first = segments.first else {
            self = .root
            return
        }
        switch first {
        case "v2": self = try Self.inV2(segments.dropFirst())
        case "v1" where segments.count == 2 && segments[1] == "search": self = .search
        case "healthz" where segments.count == 1: self = .health
        case "readyz" where segments.count == 1: self = .readiness
        default: throw .pathUnknown
        }
    }

    private static func inV2(_ rest: ArraySlice<String>) throws(Refusal) -> Route {
        if rest.isEmpty || rest == [""] { return .version }
        if rest == ["_catalog"] { return .catalog }
        var rest = rest
        let isFolder = rest.last == ""
        if isFolder { rest.removeLast() }
        guard rest.count >= 3, let last = rest.popLast(), let kind = rest.popLast() else { throw .pathUnknown }
        if kind == "blobs", last == "uploads" { return .uploads(try name(rest)) }
        guard !isFolder else { throw .pathUnknown }
        switch kind {
        case "manifests": return .manifest(try name(rest), reference: last)
        case "blobs": return .blob(try name(rest), digest: last)
        case "referrers": return .referrers(try name(rest), digest: last)
        case "tags" where last == "list": return .tags(try name(rest))
        case "uploads" where rest.last == "blobs" && rest.count >= 2:
            return .upload(try name(rest.dropLast()), ticket: last)
        default: throw .pathUnknown
        }
    }

    private static func name(_ segments: ArraySlice<String>) throws(Refusal) -> RepositoryName {
        do { return try RepositoryName(segments.joined(separator: "/")) } catch { throw .name(error) }
    }

    /// The segments after the first slash; the last one is empty after a closing slash.
    private static func segments(of path: some StringProtocol) throws(Refusal) -> [String] {
        guard path.utf8.first == UInt8(ascii: "/") else { throw .pathUnknown }
        var segments: [String] = []
        let parts = path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count > 1 || parts.first?.isEmpty == false else { return [] }
        for (index, part) in parts.enumerated() {
            guard let segment = PercentEncoding.decode(part), !segment.utf8.contains(where: isForbidden),
                segment != ".", segment != "..", !segment.isEmpty || index == parts.count - 1
            else { throw .pathUnknown }
            segments.append(segment)
        }
        return segments
    }

    private static func isForbidden(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "/")
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
        case .root, .health, .readiness, .version, .catalog, .search: nil
        }
    }
}
