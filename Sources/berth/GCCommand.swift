import ArgumentParser
import BerthCatalog
import BerthCollector
import BerthConfig
import BerthModel
import BerthRegistry
import BerthServer

/// `berth gc`: what the collector of a running server does by itself, on the root of a stopped one.
struct GCCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Free what nothing keeps any more, on a stopped server's root.",
        discussion: """
            A running server collects by itself; this is for one that is stopped. Clients may still rely on what they were \
            told before the stop, so without --now nothing is taken that was pushed or asked for, only what was deleted \
            and is past its window.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(name: .customLong("dry-run"), help: "Say what would go and why, and take nothing away.")
    var isDryRun = false

    @Flag(help: "Take what clients were told before the stop as used up: no push is under way.")
    var now = false

    @Option(help: ArgumentHelp("Say why this content is kept, or how far it has gone.", valueName: "digest"))
    var explain: DigestArgument?

    @Flag(help: "For programs.")
    var json = false

    func run() async throws {
        let configuration = try options.load().configuration
        do {
            try await withStoppedServer(configuration, leasesAreOver: now) { server in
                if let explain {
                    let story = try await server.registry.catalog.explain(explain.digest)
                    Output.result(json ? story.json(explain.digest).text : story.text(explain.digest))
                } else if isDryRun {
                    let plan = try await server.registry.catalog.plan()
                    Output.result(json ? plan.json.text : plan.text)
                } else {
                    let report = try await server.collector.collectAll()
                    Output.result(json ? report.json.text : report.text)
                }
            }
        } catch let error as ExitCode { throw error } catch {
            Output.complaint("\(error)")
            throw ExitCode.failure
        }
    }
}

struct DigestArgument: ExpressibleByArgument {
    let digest: Digest

    /// `nil`, which is a usage error, for what is no digest.
    init?(argument: String) {
        guard let digest = try? Digest(argument) else { return nil }
        self.digest = digest
    }
}
