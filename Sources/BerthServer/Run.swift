package import BerthConfig
import Logging

/// Serves the registry that `configuration` describes until a signal ends it. Returns when everything acknowledged is
/// in its place and the root is closed; throws when the start fails.
package func run(configuration: Configuration) async throws {
    let level = Logger.Level(configuration.log.level)
    let writer = bootstrapLogging(level: level, format: LogFormat(configuration.log.format))
    defer { writer.flush() }
    let log = Logger(label: "berth")
    ProcessHardening.apply(log)
    for warning in configuration.warnings { log.warning("\(warning)") }
    let server = try await Server.open(
        configuration, observability: Observability(writer: writer, level: level), logger: log)
    try await server.serve()
}

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
