package import BerthConfig
import BerthHTTP
import Foundation
import Logging

/// Why a command cannot work on the root of a stopped server.
package enum OfflineError: Error, CustomStringConvertible {
    case noRegistry(String)

    package var description: String {
        switch self {
        case .noRegistry(let path): "There is no registry in \(path); storage.root says where it is."
        }
    }
}

/// Runs `body` on the root of a stopped server, opened and recovered as a start does, and closes it in good order. A root
/// that a running server holds is refused.
///
/// - Parameter leasesAreOver: takes what clients were told before the server stopped as used up. Right when no push is
///   under way; one that is has to send again what was taken.
package func withStoppedServer<Value>(
    _ configuration: Configuration, leasesAreOver: Bool = false, _ body: (Server) async throws -> Value
) async throws -> Value {
    var configuration = configuration
    configuration.metrics.listen = nil
    if leasesAreOver { (configuration.collector.lease, configuration.upload.maxAge) = (.zero, .zero) }
    let root = configuration.storage.root
    guard FileManager.default.fileExists(atPath: root + "/LAYOUT") else { throw OfflineError.noRegistry(root) }
    let writer = bootstrapLogging(level: .warning, format: LogFormat(configuration.log.format))
    defer { writer.flush() }
    let server = try await Server.open(
        configuration, observability: Observability(writer: writer, level: .critical), logger: Logger(label: "berth"))
    do {
        let value = try await body(server)
        await server.close()
        return value
    } catch {
        await server.close()
        throw error
    }
}
