import BerthAPI
package import BerthConfig
package import BerthHTTP
package import BerthRegistry
package import Logging

/// A registry put together: the one place that knows every concrete type.
package struct Server: Sendable {
    package let configuration: Configuration
    package let registry: Registry
    package let http: HTTPServer
    /// The listener of `/metrics`; nil where it is switched off.
    let metrics: HTTPServer?
    let parts: StorageParts
    let gate: DrainGate
    let observability: Observability
    let log: Logger

    /// Opens the root, recovers what an earlier process left, and puts the rooms together. Listens on nothing yet.
    package static func open(
        _ configuration: Configuration, observability: Observability, logger: Logger
    ) async throws -> Server {
        let parts = try await StorageParts.open(configuration, observability, logger)
        let registry = Registry(
            store: parts.store, catalog: parts.catalog, access: OpenAccess(configuration.openness),
            sealKey: parts.sealKey, settings: RegistrySettings(configuration), logger: logger)
        let gate = DrainGate()
        let readiness = ServerReadiness(parts: parts, gate: gate)
        let api = API(
            registry: registry, settings: APISettings(configuration), readiness: readiness, logger: logger)
        let http = HTTPServer(
            configuration: HTTPServerConfiguration(configuration), handler: api, observer: observability.observer,
            logger: logger)
        return Server(
            configuration: configuration, registry: registry, http: http,
            metrics: observability.server(configuration, registry, readiness, logger: logger), parts: parts, gate: gate,
            observability: observability, log: logger)
    }

    /// Leaves nothing for the next start to repair. The HTTP server has to be shut down before.
    package func close() async {
        await metrics?.shutdown(grace: .zero)
        await registry.settler.settleAll()
        await parts.close(log)
    }
}
