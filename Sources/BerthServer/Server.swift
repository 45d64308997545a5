import BerthAPI
package import BerthAccess
import BerthAdmin
import BerthAuthority
import BerthBlobs
package import BerthCollector
package import BerthConfig
package import BerthHTTP
package import BerthRegistry
package import Logging

/// A registry put together: the one place that knows every concrete type.
package struct Server: Sendable {
    package let configuration: Configuration
    package let registry: Registry
    package let access: Access
    package let collector: Collector
    package let http: HTTPServer
    /// The listener of `/metrics`; nil where it is switched off.
    let metrics: HTTPServer?
    /// The listener of the admin socket.
    let admin: HTTPServer?
    /// The administration's listener on the network; nil where it is switched off.
    let remoteAdmin: HTTPServer?
    let certificates: Certificates?
    let htpasswd: Htpasswd?
    /// The certificate that is made here, where the configuration asks for it.
    let local: LocalCertificate?
    let parts: StorageParts
    let gate: DrainGate
    let restart: Restart
    let observability: Observability
    let log: Logger

    /// Opens the root, recovers what an earlier process left, and puts the rooms together. Listens on nothing yet.
    package static func open(
        _ configuration: Configuration, observability: Observability, clock: any WallClock = SystemWallClock(),
        fetch: KeyFetch? = nil, logger: Logger
    ) async throws -> Server {
        let parts = try await StorageParts.open(configuration, observability, logger)
        do { return try await Server.open(configuration, parts, observability, clock, fetch, logger) } catch {
            await parts.close(logger)
            throw error
        }
    }

    private static func open(
        _ configuration: Configuration, _ parts: StorageParts, _ observability: Observability, _ clock: any WallClock,
        _ fetch: KeyFetch?, _ logger: Logger
    ) async throws -> Server {
        let access = try await parts.openAccess(configuration, clock: clock, fetch: fetch, logger)
        let htpasswd = configuration.access.htpasswd.map { Htpasswd(path: $0, access: access, log: logger) }
        if let htpasswd { try await htpasswd.load() } else { try await Htpasswd.end(access, logger) }
        let nowhere = configuration.listenersWithoutRealm
        guard nowhere.isEmpty || !access.isClosed else { throw StartError.noRealm(listeners: nowhere.map { "\($0)" }) }
        let local = configuration.http.tls.isSelfSigned ? LocalCertificate(configuration, parts.root) : nil
        do { _ = try local?.prepare(logger) } catch { throw StartError.noCertificate(error) }
        let certificates = TLSConfiguration(configuration.http.tls, selfSigned: local?.folder.serverFile ?? "")
            .map { Certificates($0) }
        var settings = APISettings(configuration)
        settings.set(realm: configuration, certificates)
        let registry = parts.registry(configuration, access, clock: clock, logger)
        let collector = parts.collector(configuration, logger)
        let (restart, gate) = (Restart(), DrainGate())
        let administration = AdminParts(
            access: access, registry: registry, collector: collector,
            restoring: Restoring(
                leave: { [root = parts.root.path] in
                    try RestoreOrder(snapshot: $0, restorer: $1).leave(in: root)
                }, restart: { restart.begin(isStopping: gate.isDraining) }), disk: parts.disk)
        let readiness = ServerReadiness(parts: parts, access: access, gate: gate)
        let api = API(
            registry: registry, access: access, settings: settings, readiness: readiness, logger: logger)
        let http = HTTPServer(
            configuration: HTTPServerConfiguration(configuration, certificates), handler: api,
            observer: observability.observer,
            logger: logger)
        return Server(
            configuration: configuration, registry: registry, access: access, collector: collector, http: http,
            metrics: observability.server(configuration, registry, collector, readiness, logger: logger),
            admin: AdminSocket.server(configuration, administration, readiness, logger),
            remoteAdmin: AdminListener.server(
                configuration, administration, certificates, readiness, observability.logObserver, logger),
            certificates: certificates, htpasswd: htpasswd, local: local, parts: parts, gate: gate,
            restart: restart, observability: observability, log: logger)
    }

    /// Leaves nothing for the next start to repair. The HTTP server has to be shut down before.
    package func close() async {
        await metrics?.shutdown(grace: .zero)
        await remoteAdmin?.shutdown(grace: .seconds(5))
        await admin?.shutdown(grace: .seconds(5))
        await registry.settler.settleAll()
        await parts.close(log)
    }
}
