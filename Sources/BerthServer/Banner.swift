import BerthAccess
import BerthBlobs
import BerthConfig
import BerthHTTP
import BerthRegistry
import Logging

/// What is said at the start: version, addresses, root, sync mode, and what is open to whom.
struct Banner {
    private let server: Server
    private let tell: (String) -> Void

    init(_ server: Server, tell: @escaping (String) -> Void) { (self.server, self.tell) = (server, tell) }

    func announce(
        administration startAdmin: () async throws -> [BoundAddress],
        listening start: () async throws -> [BoundAddress], metrics startMetrics: () async throws -> [BoundAddress]
    ) async throws {
        let administration = try await startAdmin()
        let addresses = try await start()
        let metrics = try await startMetrics()
        let configuration = server.configuration
        let scheme = configuration.http.tls.isOn ? "https" : "http"
        server.log.notice(
            "berth starts",
            metadata: [
                "version": "\(BerthVersion.current)", "root": "\(configuration.storage.root)",
                "id": "\(server.parts.root.id)", "sync": "\(configuration.storage.sync.rawValue)",
                "open": "\(openness)",
            ])
        for address in addresses {
            switch address {
            case .tcp: server.log.notice("listening on \(scheme)://\(address)")
            case .unix: server.log.notice("listening on \(address)")
            }
        }
        if server.access.isClosed, configuration.access.anonymous == .pull || configuration.access.anonymous == .push {
            server.log.warning(
                "access.anonymous has no effect, for there are accounts: grant to everyone what everyone may pull")
        }
        if let local = server.local { tell(ClientGuide(configuration, local, addresses).text) }
        for address in administration {
            switch address {
            case .tcp: server.log.notice("administration on \(scheme)://\(address)/api/v1")
            case .unix: server.log.notice("administration on \(address), path /api/v1")
            }
        }
        for address in metrics {
            switch address {
            case .tcp: server.log.notice("metrics on http://\(address)/metrics")
            case .unix: server.log.notice("metrics on \(address), path /metrics")
            }
        }
    }

    /// What callers without credentials may do, in words.
    private var openness: String {
        if server.access.isClosed { return "to accounts, and for pulling what is granted to everyone" }
        let everyone =
            server.configuration.http.listen.allSatisfy(\.isLocal) ? "every user of this machine" : "everyone"
        return switch server.configuration.openness {
        case .nothing: "to nobody"
        case .pull: "to \(everyone) for pulling"
        case .push: "to \(everyone) for pulling, pushing and deleting"
        }
    }
}
