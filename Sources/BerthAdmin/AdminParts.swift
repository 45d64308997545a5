package import BerthAccess
import BerthCatalog
package import BerthCollector
import BerthModel
package import BerthRegistry

/// What operations work on.
package struct AdminParts: Sendable {
    package let access: Access
    package let registry: Registry
    package let collector: Collector
    /// What lies on the disk beside content; nil where that cannot be told.
    let disk: @Sendable () async -> DiskUsage?
    /// Nil on a stopped registry.
    package let restoring: Restoring?

    package init(
        access: Access, registry: Registry, collector: Collector, restoring: Restoring? = nil,
        disk: @escaping @Sendable () async -> DiskUsage? = { nil }
    ) {
        (self.access, self.registry, self.collector, self.disk) = (access, registry, collector, disk)
        self.restoring = restoring
    }
}

extension AdminCall {
    /// Whom changes to repositories are put down to: the administrator, or on the machine itself `operator`, which is
    /// no user's name.
    var principal: Principal { Principal(actor.name) ?? .user(actor.name) }

    func repository(_ index: Int) throws(AccessError) -> RepositoryName { try repository(named: parameters[index]) }
    func repository(named text: String) throws(AccessError) -> RepositoryName {
        do { return try RepositoryName(text) } catch { throw .invalid("'\(text)' is no repository name") }
    }
    func digest(_ index: Int) throws(AccessError) -> Digest {
        do { return try Digest(parameters[index]) } catch { throw .invalid("'\(parameters[index])' is no digest") }
    }
    func tag(_ index: Int) throws(AccessError) -> Tag {
        do { return try Tag(parameters[index]) } catch { throw .invalid("'\(parameters[index])' is no tag") }
    }

    /// Asks the catalog, with its failure as the administration's.
    func asked<Result: Sendable>(
        _ question: (Catalog) async throws(CatalogError) -> Result
    ) async throws(AccessError) -> Result {
        do { return try await question(parts.registry.catalog) } catch { throw .failed(error) }
    }

    func failing<Result: Sendable>(
        _ work: () async throws(CatalogError) -> Result
    ) async throws(AccessError) -> Result {
        do { return try await work() } catch { throw .failed(error) }
    }

    /// Notes in the audit log what was done.
    func note(_ action: String, _ target: String, _ detail: String) async {
        await access.note(action, target, detail, by: actor)
    }
}
