import BerthTestSupport

/// An administrator who takes back what was deleted, and takes away what must not be kept, and has `facts` note what he
/// was told.
struct Operator: Sendable {
    let repository: String
    let connection: TestConnection
    let facts: Facts

    private var base: String { "/api/v1/repositories/\(escaped(repository))" }
    private var key: Facts.Key { .repository(repository) }

    func deleteRepository() async throws -> Reply {
        let gone = facts.all(in: repository).map { ($0.0, String?.none) }
        return try await facts.change(gone, accepted: 200, .move) { try await connection.send("DELETE", base) }
    }

    /// - Parameter all: what it held.
    func undeleteRepository(_ all: [(Facts.Key, String?)]) async throws -> Reply {
        try await facts.change(all, accepted: 200, .move) { try await connection.send("POST", "\(base)/undelete") }
    }

    /// - Parameters:
    ///   - parts: content that it names, which comes back where it was deleted.
    ///   - tags: those that went with it.
    func undelete(
        _ digest: String, children: [String], parts: Set<String>, tags: [Facts.Key]
    ) async throws -> Reply {
        let manifests = ([digest] + children).map { (Facts.Key.manifest(repository: repository, digest: $0), "here") }
        let blobs = parts.map { (Facts.Key.blob(repository: repository, digest: $0), "here") }
        return try await facts.change(manifests + blobs + tags.map { ($0, digest) }, accepted: 200, .restore) {
            try await connection.send("POST", "\(base)/manifests/\(digest)/undelete")
        }
    }

    func restoreTag(_ tag: String, to digest: String) async throws -> Reply {
        try await facts.change([(.tag(repository: repository, name: tag), digest)], accepted: 200, .restore) {
            try await connection.send("POST", "\(base)/tags/\(tag)/restore")
        }
    }

    /// - Parameters:
    ///   - manifests: those that name it, and those that list these.
    ///   - children: what goes along with these.
    func purge(_ digest: String, manifests: [String], children: [String]) async throws -> Reply {
        let manifestKeys = (manifests + children).map { Facts.Key.manifest(repository: repository, digest: $0) }
        let tags = manifests.flatMap { facts.tags(of: $0, in: repository) }
        let all = [.blob(repository: repository, digest: digest)] + manifestKeys + tags
        return try await purge(digest, Set(manifests), all.map { ($0, nil) }, .change)
    }

    func purgeRepository() async throws -> Reply {
        try await purge(repository, [], facts.all(in: repository).map { ($0.0, nil) }, .move)
    }

    private func purge(
        _ target: String, _ manifests: Set<String>, _ changes: [(Facts.Key, String?)], _ kind: Facts.Kind
    ) async throws -> Reply {
        facts.willPurge(target, manifests)
        let reply = try await facts.change(changes, accepted: 200, kind) {
            try await connection.send("POST", "/api/v1/purges/\(escaped(target))")
        }
        if reply.status == 200 { facts.hasPurged(target) }
        return reply
    }
}
