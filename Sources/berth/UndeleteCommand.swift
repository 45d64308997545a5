import ArgumentParser
import BerthCatalog
import BerthConfig
import BerthModel
import BerthRegistry
import BerthServer

/// `berth undelete`: a deleted manifest comes back, with what went with it.
struct UndeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undelete",
        abstract: "Bring back a deleted manifest with its tags, children and referrers, on a stopped server's root.",
        discussion: "Works within collector.window of the deletion. Tags that have been set since stay as they are.")

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "The repository.")
    var repository: RepositoryArgument

    @Argument(help: "The manifest's digest.")
    var digest: DigestArgument

    func run() async throws {
        let configuration = try options.load().configuration
        do {
            let outcome = try await withStoppedServer(configuration) { server in
                try await server.registry.catalog.undelete(
                    digest.digest, in: repository.name, by: .user("operator"))
            }
            try say(outcome)
        } catch let error as ExitCode { throw error } catch {
            Output.complaint("\(error)")
            throw ExitCode.failure
        }
    }

    private func say(_ outcome: Undeletion) throws {
        let refusal: String
        switch outcome {
        case .restored(let manifests, let tags, let skipped):
            Output.result("\(manifests) manifests are back; tags: \(list(tags))")
            if !skipped.isEmpty { Output.result("skipped, for they have been set since: \(list(skipped))") }
            return
        case .unknownRepository: refusal = "there is no repository \(repository.name)"
        case .unknownManifest: refusal = "\(repository.name) has no such manifest (any more)"
        case .notDeleted: refusal = "it is not deleted"
        case .tooLate: refusal = "its window is over"
        case .wentWith(let other): refusal = "it went with \(other): undelete that"
        }
        Output.complaint(refusal)
        throw ExitCode.failure
    }

    private func list(_ tags: [Tag]) -> String { tags.isEmpty ? "none" : tags.map(\.text).joined(separator: ", ") }
}

struct RepositoryArgument: ExpressibleByArgument {
    let name: RepositoryName

    /// `nil`, which is a usage error, for what is no name.
    init?(argument: String) {
        guard let name = try? RepositoryName(argument) else { return nil }
        self.name = name
    }
}
