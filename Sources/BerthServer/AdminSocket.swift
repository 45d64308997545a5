import BerthAdmin
import BerthConfig
import BerthHTTP
import Glibc
import Logging

/// `run/admin.sock`: where the commands reach a running server.
enum AdminSocket {
    static func path(_ root: String) -> String { root + "/run/admin.sock" }

    /// Nil where the root's path leaves no room for a socket's name.
    static func server(
        _ configuration: Configuration, _ parts: AdminParts, _ readiness: ServerReadiness, _ log: Logger
    ) -> HTTPServer? {
        let path = path(configuration.storage.root)
        guard path.utf8.count <= BerthConfig.ListenAddress.longestPath else {
            log.warning(
                "no admin socket: the path is too long", metadata: [LogKey.root: "\(configuration.storage.root)"])
            return nil
        }
        var settings = HTTPServerConfiguration(listeners: [.unix(path: path, mode: 0o600)])
        settings.eventLoops = 1
        settings.limits.connections = 64
        let api = AdminAPI(
            parts, version: BerthVersion.current, door: .socket(user: geteuid()),
            trouble: { await readiness.trouble() }, logger: log)
        return HTTPServer(configuration: settings, handler: api, observer: NoObserver(), logger: log)
    }
}
