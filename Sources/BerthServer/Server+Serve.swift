import BerthAccess
import BerthCollector
import BerthConfig
import BerthHTTP
import BerthRegistry
import Logging
import ServiceLifecycle
import UnixSignals

extension Server {
    /// Listens, serves, and on SIGTERM or SIGINT lets running requests finish; a second signal ends the process.
    /// `hangups` are requests to read the certificates anew; `tell` gets what is said to the operator beside the log, once
    /// everything listens.
    func serve(hangups: UnixSignalsSequence, tell: @escaping @Sendable (String) -> Void) async throws {
        do {
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: services(hangups, tell).map { .init(service: $0) },
                    gracefulShutdownSignals: [.sigterm, .sigint], logger: log))
            try await group.run()
        } catch {
            await close()
            throw error
        }
        await close()
        log.info("stopped")
    }

    private func services(
        _ hangups: UnixSignalsSequence, _ tell: @escaping @Sendable (String) -> Void
    ) -> [NamedService] {
        let (registry, access, collector) = (registry, access, collector)
        // Every minute, and sooner where unfinished uploads are to go sooner.
        let pause = min(.seconds(60), max(.seconds(1), configuration.upload.maxAge))
        let snapshots = SnapshotSchedule(
            catalog: registry.catalog, interval: configuration.storage.snapshots, log: log)
        let files = HtpasswdService(htpasswd: htpasswd)
        let certificates = CertificateService(
            http: http, certificates: certificates, local: local, hangups: hangups, log: log)
        let listening = Listening(server: self, tell: tell)
        return [
            .background("settling") { await registry.settler.run() },
            .background("housekeeping") {
                while (try? await Task.sleep(for: pause)) != nil {
                    await registry.keepHouse()
                    await access.keepHouse()
                }
            },
            .background("access") { await access.keepInForce() },
            // A stop ends a round between two of its steps.
            .background("collecting") { await collector.run() },
            // A stop waits for a snapshot that is being made.
            .background("snapshots") { await snapshots.run() },
            .named("htpasswd") { try await files.run() },
            .named("certificates") { try await certificates.run() },
            .named("listening") { try await listening.run() },
        ]
    }
}

/// A service under its name. Who runs services names each by printing it, which without a description of its own is the
/// whole server, property by property, at every start.
private struct NamedService: Service, CustomStringConvertible {
    let description: String
    let work: @Sendable () async throws -> Void

    func run() async throws { try await work() }

    static func named(_ name: String, _ work: @escaping @Sendable () async throws -> Void) -> Self {
        Self(description: name, work: work)
    }

    /// Work that the stop cancels.
    static func background(_ name: String, _ work: @escaping @Sendable () async -> Void) -> Self {
        named(name) { await cancelWhenGracefulShutdown(work) }
    }
}

/// Listens until the stop, and then sees the running requests out. The last service to start is the first to stop, so
/// what requests need is there until they are done. The group minds signals before it starts this.
private struct Listening {
    let server: Server
    let tell: @Sendable (String) -> Void

    func run() async throws {
        // From the start, for the second signal may come right behind the first.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        async let _: Void = endAtSecond(of: signals)
        if let admin = server.admin { _ = try await listen(admin, "storage.root") }
        try await Banner(server, tell: tell).announce(
            administration: {
                guard let admin = server.remoteAdmin else { return [] }
                return try await listen(admin, "admin.listen")
            },
            listening: { try await listen(server.http, "http.listen") },
            metrics: {
                guard let metrics = server.metrics else { return [] }
                return try await listen(metrics, "metrics.listen")
            })
        StartMemory.release()
        try? await gracefulShutdown()
        server.log.info("stopping", metadata: ["grace": "\(server.configuration.http.timeouts.shutdown)"])
        server.gate.close()
        await server.http.shutdown(grace: server.configuration.http.timeouts.shutdown)
    }

    /// The first signal is the group's: it begins the stop.
    private func endAtSecond(of signals: UnixSignalsSequence) async {
        for await _ in signals.dropFirst() {
            server.log.warning("a second signal: ending at once")
            server.observability.flush()
            endProcess()
        }
    }

    /// Starts a server; its failure names the key that can mend it.
    private func listen(_ http: HTTPServer, _ key: String) async throws(StartError) -> [BoundAddress] {
        do { return try await http.start() } catch { throw .cannotListen(key: key, error) }
    }
}
