import BerthAccess
package import BerthConfig
import Glibc
import Logging
import UnixSignals

/// Serves the registry that `configuration` describes until a signal ends it. Returns when everything acknowledged is
/// in its place and the root is closed; throws when the start fails.
///
/// Throws `ConfigurationErrors` where it would open a registry without accounts to others, and nobody said so.
///
/// - Parameter tell: gets what the operator has to do beside, once everything listens.
/// - Returns: whether it is to begin anew (`beginAnew`).
package func run(_ loaded: LoadedConfiguration, tell: @escaping @Sendable (String) -> Void) async throws -> Bool {
    Allocator.keepFreedBuffers()
    let configuration = loaded.configuration
    // Without a root there are no accounts, and none is made for nothing.
    if let problem = loaded.withoutAccounts, configuration.access.htpasswd == nil,
        Glibc.access(configuration.storage.root + "/berth.db", F_OK) != 0
    {
        throw problem
    }
    let level = Logger.Level(configuration.log.level)
    let writer = bootstrapLogging(level: level, format: LogFormat(configuration.log.format))
    defer { writer.flush() }
    let log = Logger(label: "berth")
    // From before anything is opened: a reload may be asked for during the start, which reads the certificates anyway.
    let hangups = await UnixSignalsSequence(trapping: .sighup)
    ProcessHardening.apply(log)
    for warning in configuration.warnings { log.warning("\(warning)") }
    let server = try await Server.open(
        configuration, observability: Observability(writer: writer, level: level), logger: log)
    if let problem = loaded.withoutAccounts, !server.access.isClosed {
        await server.close()
        throw problem
    }
    try await server.serve(hangups: hangups, tell: tell)
    return server.restart.isWanted
}

/// The same program with the same arguments takes this process's place, which keeps its number. Returns only where that
/// fails, and says why.
package func beginAnew() -> String { Restart.startAnew() }

extension Logger.Level {
    init(_ level: Configuration.Log.Level) {
        switch level {
        case .trace: self = .trace
        case .debug: self = .debug
        case .info: self = .info
        case .notice: self = .notice
        case .warning: self = .warning
        case .error: self = .error
        case .critical: self = .critical
        }
    }
}

extension LogFormat {
    init(_ format: Configuration.Log.Format) {
        switch format {
        case .auto: self = .auto
        case .text: self = .text
        case .json: self = .json
        }
    }
}
