import ArgumentParser
import BerthModel
import BerthServer

/// `berth undelete`: a deleted manifest comes back, with what went with it; or a tag; or a whole repository.
struct UndeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undelete",
        abstract: "Bring back a deleted manifest with its tags, children and referrers, a tag, or a whole repository.",
        discussion: """
            Works within collector.window of the deletion. Without a digest or tag the whole repository of that name that \
            was deleted last comes back. Tags that have been set since a manifest's deletion stay as they are. A tag alone \
            comes back as long as its manifest is there; "berth tag restore" can do more.
            """)

    @OptionGroup var options: AdminOptions

    @Argument(help: "The repository.")
    var repository: RepositoryArgument

    @Argument(help: "The manifest's digest, or a tag; without it the whole repository comes back.")
    var reference: ReferenceArgument?

    @OptionGroup var choice: UndeleteChoice

    func validate() throws {
        guard reference == nil || choice.fields.isEmpty else {
            throw ValidationError("--as and --id are for whole repositories.")
        }
    }

    func run() async throws {
        switch reference?.reference {
        case .digest(let digest): try await undelete(digest)
        case .tag(let tag): try await options.restore(tag, in: repository)
        case nil: try await options.undelete(repository, choice)
        }
    }

    private func undelete(_ digest: Digest) async throws {
        let reply = try await options.send(
            "POST", repository.path + "/manifests/\(escaped(digest.text))/undelete", nil, .registry)
        guard !options.json else { return Output.result(reply.text) }
        guard reply.fields["changed"] as? Bool == true else { return Output.result("It is not deleted.") }
        let (tags, skipped) = (Table.text(reply.fields["tags"]), Table.text(reply.fields["skipped"]))
        Output.result("\(Table.text(reply.fields["manifests"])) manifests are back; tags: \(tags)")
        if skipped != "-" { Output.result("skipped, for they have been set since: \(skipped)") }
    }
}

struct ReferenceArgument: ExpressibleByArgument {
    let reference: Reference

    /// `nil`, which is a usage error, for what is neither tag nor digest.
    init?(argument: String) {
        guard let reference = try? Reference(argument) else { return nil }
        self.reference = reference
    }
}
