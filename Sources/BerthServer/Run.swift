import BerthAPI
import BerthBlobs
import BerthCatalog
package import BerthConfig
import BerthHTTP
import BerthModel
import BerthRegistry
import Logging
import ServiceLifecycle

/// Serves the registry that `configuration` describes until a signal ends it. Returns when everything acknowledged is
/// in its place and the root is closed; throws when the start fails.
package func run(configuration: Configuration) async throws {
    bootstrapLogging(level: configuration.log.level.rawValue, format: configuration.log.format.rawValue)
    let logger = Logger(label: "berth")
    let server = try await Server.open(configuration, logger: logger)
    try await server.serve()
}

/// The composition root: the one place that knows every concrete type.
package struct Server: Sendable {
    let configuration: Configuration
    let parts: StorageParts
    let registry: Registry
    let http: HTTPServer
    let metrics: HTTPServer?
    let observer: AccessObserver
    let gate: DrainGate
    let log: Logger

    /// Opens the root, recovers what an earlier process left, and puts the rooms together. Listens on nothing yet.
    package static func open(_ configuration: Configuration, logger: Logger) async throws -> Server {
        let parts = try await StorageParts.open(configuration, logger: logger)
        let registry = Registry(
            store: parts.store, catalog: parts.catalog, access: OpenAccess(configuration.openness),
            sealKey: parts.sealKey, settings: RegistrySettings(configuration), logger: logger)
        let gate = DrainGate()
        let api = API(
            registry: registry, settings: APISettings(configuration),
            readiness: ServerReadiness(parts: parts, gate: gate), logger: logger)
        let metrics = Metrics(registry: registry)
        let observer = metrics.observer
        let http = HTTPServer(
            configuration: HTTPServerConfiguration(configuration), handler: api, observer: observer, logger: logger)
        return Server(
            configuration: configuration, parts: parts, registry: registry, http: http,
            metrics: metrics.server(configuration, logger: logger), observer: observer, gate: gate, log: logger)
    }
}
