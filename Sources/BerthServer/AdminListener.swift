import BerthAdmin
import BerthConfig
import BerthHTTP
import Logging

/// `admin.listen`: where administrators reach the registry from elsewhere.
enum AdminListener {
    /// Nil where it is switched off.
    static func server(
        _ configuration: Configuration, _ parts: AdminParts, _ certificates: Certificates?,
        _ readiness: ServerReadiness, _ observer: any RequestObserver, _ log: Logger
    ) -> HTTPServer? {
        guard let address = configuration.admin.listen else { return nil }
        var settings = HTTPServerConfiguration(
            listeners: [BerthHTTP.ListenAddress(address)], tls: certificates,
            trustedProxies: configuration.http.trustedNetworks.compactMap { BerthHTTP.CIDR("\($0)") },
            trustsUnixSockets: configuration.http.trustedProxies.contains(.unix))
        settings.eventLoops = 1
        settings.limits.connections = 256
        let api = AdminAPI(
            parts, version: BerthVersion.current, door: .network, trouble: { await readiness.trouble() }, logger: log)
        return HTTPServer(configuration: settings, handler: api, observer: observer, logger: log)
    }
}
