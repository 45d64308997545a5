import ArgumentParser
import BerthModel
import BerthServer

/// `berth undelete`: a deleted manifest comes back, with what went with it; or a whole repository.
struct UndeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undelete",
        abstract: "Bring back a deleted manifest with its tags, children and referrers, or a whole repository.",
        discussion: """
            Works within collector.window of the deletion. Without a digest the whole repository of that name that was \
            deleted last comes back. Tags that have been set since a manifest's deletion stay as they are.
            """)

    @OptionGroup var options: AdminOptions

    @Argument(help: "The repository.")
    var repository: RepositoryArgument

    @Argument(help: "The manifest's digest; without it the whole repository comes back.")
    var digest: DigestArgument?

    @OptionGroup var choice: UndeleteChoice

    func validate() throws {
        guard digest == nil || choice.fields.isEmpty else {
            throw ValidationError("--as and --id are for whole repositories.")
        }
    }

    func run() async throws {
        guard let digest else { return try await options.undelete(repository, choice) }
        let reply = try await options.send(
            "POST", repository.path + "/manifests/\(escaped(digest.digest.text))/undelete", nil, .registry)
        guard !options.json else { return Output.result(reply.text) }
        guard reply.fields["changed"] as? Bool == true else { return Output.result("It is not deleted.") }
        let (tags, skipped) = (Table.text(reply.fields["tags"]), Table.text(reply.fields["skipped"]))
        Output.result("\(Table.text(reply.fields["manifests"])) manifests are back; tags: \(tags)")
        if skipped != "-" { Output.result("skipped, for they have been set since: \(skipped)") }
    }
}
