import ArgumentParser
import BerthConfig

/// `berth`: the registry and the commands that administer it.
@main
struct Berth: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "berth",
        abstract: "A registry for container images and other OCI artifacts.",
        version: "berth \(BerthVersion.current)",
        subcommands: [
            ServeCommand.self, ConfigCommand.self, UserCommand.self, GroupCommand.self, RobotCommand.self,
            TokenCommand.self, CertificateCommand.self, GrantCommand.self, TrustCommand.self, KeyCommand.self,
            AuditCommand.self, TagCommand.self, RepositoryCommand.self, UsageCommand.self, GCCommand.self,
            UndeleteCommand.self, SnapshotCommand.self, RestoreCommand.self, PurgeCommand.self,
            VersionCommand.self,
        ]
    )

    /// Parses, runs, and ends with the statuses of `ExitStatus`.
    static func main() async {
        do {
            var command = try await asyncParseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            end(error)
        }
    }

    /// Says what went wrong, help and requested texts included, and ends the process.
    private static func end(_ error: any Error) -> Never {
        let code = exitCode(for: error)
        let text = fullMessage(for: error)
        if !text.isEmpty { code == .success ? Output.result(text) : Output.complaint(text) }
        exit(withError: code == .validationFailure ? ExitStatus.usage : code)
    }
}
