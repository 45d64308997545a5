import ArgumentParser
import BerthModel
import BerthServer

/// `berth undelete`: a deleted manifest comes back, with what went with it.
struct UndeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undelete",
        abstract: "Bring back a deleted manifest with its tags, children and referrers.",
        discussion: "Works within collector.window of the deletion. Tags that have been set since stay as they are.")

    @OptionGroup var options: AdminOptions

    @Argument(help: "The repository.")
    var repository: RepositoryArgument

    @Argument(help: "The manifest's digest.")
    var digest: DigestArgument

    func run() async throws {
        let reply = try await options.send(
            "POST",
            "/repositories/\(escaped(repository.name.text))/manifests/\(escaped(digest.digest.text))/undelete", nil,
            .registry)
        guard !options.json else { return Output.result(reply.text) }
        guard reply.fields["changed"] as? Bool == true else { return Output.result("It is not deleted.") }
        let (tags, skipped) = (Table.text(reply.fields["tags"]), Table.text(reply.fields["skipped"]))
        Output.result("\(Table.text(reply.fields["manifests"])) manifests are back; tags: \(tags)")
        if skipped != "-" { Output.result("skipped, for they have been set since: \(skipped)") }
    }
}
