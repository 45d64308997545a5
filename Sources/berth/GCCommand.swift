import ArgumentParser
import BerthModel
import BerthServer

/// `berth gc`: what the collector does by itself, at once.
struct GCCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Free what nothing keeps any more, and say why the rest is kept.",
        discussion: """
            Works on a running server and on the root of a stopped one. A running server collects by itself: this begins a \
            round at once. Of a stopped one clients may still rely on what they were told before the stop, so without \
            --now only what was on its way out already goes, and what was deleted and is past its window cannot be \
            brought back any more.
            """)

    @OptionGroup var options: AdminOptions

    @Flag(name: .customLong("dry-run"), help: "Say what would go and why, and take nothing away.")
    var isDryRun = false

    @Flag(help: "Take what clients were told before the stop as used up: no push is under way. On a stopped server.")
    var now = false

    @Flag(help: "Say what collections have done since the server's start, and how far one is that is under way.")
    var progress = false

    @Option(help: ArgumentHelp("Say why this content is kept, or how far it has gone.", valueName: "digest"))
    var explain: DigestArgument?

    func run() async throws {
        var terms = AdminDoor.Terms()
        (terms.needsRegistry, terms.leasesAreOver) = (true, now)
        if let explain {
            try await say("GET", "/content/\(escaped(explain.digest.text))", terms, CollectionText.story)
        } else if isDryRun {
            try await say("GET", "/gc", terms, CollectionText.plan)
        } else if progress {
            try await say("GET", "/gc/progress", terms, CollectionText.report)
        } else {
            try await say("POST", "/gc", terms, CollectionText.report)
        }
    }

    private func say(
        _ method: String, _ path: String, _ terms: AdminDoor.Terms, _ text: ([String: Any]) -> String
    ) async throws {
        let reply = try await options.send(method, path, nil, terms)
        Output.result(options.json ? reply.text : text(reply.fields))
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

struct RepositoryArgument: ExpressibleByArgument {
    let name: RepositoryName

    /// `nil`, which is a usage error, for what is no name.
    init?(argument: String) {
        guard let name = try? RepositoryName(argument) else { return nil }
        self.name = name
    }
}
