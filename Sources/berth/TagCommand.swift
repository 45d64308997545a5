import ArgumentParser
import BerthModel
import BerthServer

/// `berth tag`: what tags are and were, and which of them stay.
struct TagCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag", abstract: "What tags are and were, and which of them stay as they are.",
        discussion: """
            Any client pulls a tag as it was: REPOSITORY:TAG--at-20260501T1200Z, in UTC, with or without seconds.
            """,
        subcommands: [List.self, History.self, Restore.self, Rule.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List the tags of a repository.")
        @OptionGroup var options: AdminOptions
        @Argument var repository: RepositoryArgument
        @Flag(help: "Those that were deleted and not set again.")
        var deleted = false

        func run() async throws {
            let path = "/repositories/\(escaped(repository.name.text))/tags" + (deleted ? "?deleted=yes" : "")
            let digest = deleted ? (title: "WAS", field: "last_digest") : (title: "DIGEST", field: "digest")
            try await options.listAll(
                path, "tags",
                [
                    ("TAG", "tag"), digest, (deleted ? "DELETED" : "SET", "changed_at"), ("BY", "changed_by"),
                    ("RULE", "rule"),
                ])
        }
    }

    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "history", abstract: "Show what happened to a tag, the newest first.")
        @OptionGroup var options: AdminOptions
        @Argument var repository: RepositoryArgument
        @Argument var tag: TagArgument
        @Option(help: "At most so many changes.")
        var limit = 100

        func run() async throws {
            try await options.list(
                "/repositories/\(escaped(repository.name.text))/tags/\(tag.tag)/history", "changes", newest: limit,
                [("AT", "changed_at"), ("BY", "changed_by"), ("FROM", "from"), ("TO", "to")])
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "restore",
            abstract: "Point a tag to what it pointed to before; without an option, bring back a deleted tag.")
        @OptionGroup var options: AdminOptions
        @Argument var repository: RepositoryArgument
        @Argument var tag: TagArgument
        @Option(help: ArgumentHelp("As it was then, as in 2026-05-01T12:00:00Z.", valueName: "moment"))
        var at: String?
        @Option(help: ArgumentHelp("A manifest that it once pointed to.", valueName: "digest"))
        var digest: DigestArgument?

        func run() async throws {
            var fields: [String: Any] = [:]
            fields["at"] = at
            fields["digest"] = digest?.digest.text
            try await options.restore(tag.tag, in: repository, fields)
        }
    }

    struct Rule: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rule", abstract: "Which tags can be neither moved nor deleted, by pattern.",
            subcommands: [Add.self, List.self, Remove.self])

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                commandName: "add",
                abstract: "Keep tags as they are; a rule of the same name is replaced.",
                discussion: """
                    v* in all repositories: berth tag rule add releases 'v*'. All tags but latest in those of a team: \
                    berth tag rule add team '*' --except latest --repositories 'team/**'.
                    """)
            @OptionGroup var options: AdminOptions
            @Argument(help: "What refusals call it.") var name: String
            @Argument(help: "Patterns of tags.") var tags: [String]
            @Option(help: ArgumentHelp("But not these; may be given several times.", valueName: "pattern"))
            var except: [String] = []
            @Option(help: ArgumentHelp("In which repositories, as in a grant.", valueName: "pattern"))
            var repositories = "**"

            func run() async throws {
                try await options.change(
                    "POST", "/tag-rules", ["name": name, "tags": tags, "except": except, "repositories": repositories],
                    done: "The rule \(name) holds.", otherwise: "The rule \(name) holds already.", .registry)
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(commandName: "list", abstract: "List the rules.")
            @OptionGroup var options: AdminOptions

            func run() async throws {
                try await options.list(
                    "/tag-rules", "rules",
                    [("NAME", "name"), ("REPOSITORIES", "repositories"), ("TAGS", "tags"), ("EXCEPT", "except")],
                    .registry)
            }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                commandName: "remove", abstract: "Let the tags of a rule move and go again.")
            @OptionGroup var options: AdminOptions
            @Argument var name: String

            func run() async throws {
                try await options.change(
                    "DELETE", "/tag-rules/\(escaped(name))", done: "The rule \(name) is gone.",
                    otherwise: "There is no rule \(name).", .registry)
            }
        }
    }
}

extension AdminOptions {
    /// Points a tag to what it pointed to before, as `fields` say; a deleted one comes back without any.
    func restore(_ tag: Tag, in repository: RepositoryArgument, _ fields: [String: Any] = [:]) async throws {
        let reply = try await send(
            "POST", "/repositories/\(escaped(repository.name.text))/tags/\(tag)/restore", fields, .registry)
        guard !json else { return Output.result(reply.text) }
        let isChanged = reply.fields["changed"] as? Bool == true
        Output.result("\(tag) points to \(Table.text(reply.fields["digest"])) \(isChanged ? "again" : "already").")
    }
}

struct TagArgument: ExpressibleByArgument {
    let tag: Tag

    /// `nil`, which is a usage error, for what is no tag.
    init?(argument: String) {
        guard let tag = try? Tag(argument) else { return nil }
        self.tag = tag
    }
}
