import ArgumentParser
import BerthModel
import BerthServer

/// `berth repository`: what there is, who may see it, and what may be deleted.
struct RepositoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repository",
        abstract: "Repositories: list, describe, open, protect, delete and bring back.",
        subcommands: [List.self, Show.self, Create.self, Set.self, Delete.self, Undelete.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "List all repositories, also those that hold nothing.")
        @OptionGroup var options: AdminOptions
        @Flag(help: "List those that were deleted and can be brought back.") var deleted = false

        func run() async throws {
            let columns =
                deleted
                ? [
                    ("ID", "id"), ("NAME", "name"), ("MANIFESTS", "manifests"), ("DELETED", "deleted_at"),
                    ("BY", "deleted_by"), ("UNTIL", "until"),
                ]
                : [
                    ("NAME", "name"), ("VISIBILITY", "visibility"), ("PROTECTED", "protected"),
                    ("MANIFESTS", "manifests"), ("TAGS", "tags"), ("CREATED", "created_at"),
                ]
            try await options.listAll(
                deleted ? "/deleted-repositories" : "/repositories", "repositories", columns)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show one repository, and how many bytes it holds.")
        @OptionGroup var options: AdminOptions
        @Argument var name: RepositoryArgument

        func run() async throws {
            let reply = try await options.send("GET", name.path, nil, .registry)
            guard !options.json else { return Output.result(reply.text) }
            let rows = reply.fields.sorted { $0.key < $1.key }.map { [$0.key, Self.text($0.key, $0.value)] }
            Output.result(Table(nil, rows).text)
        }

        private static func text(_ key: String, _ value: Any) -> String {
            if key.hasSuffix("bytes") { return sizeText(Int64(value as? Int ?? 0)) }
            guard let reasons = value as? [String], !reasons.isEmpty else { return Table.text(value) }
            return reasons.joined(separator: "; ")
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create",
            abstract: "Make a repository that holds nothing yet.",
            discussion: "A push makes one as well. One that is there already stays as it is: see berth repository set.")
        @OptionGroup var options: AdminOptions
        @Argument var name: RepositoryArgument
        @Flag(help: "Everyone may pull from it.") var `public` = false
        @Flag(help: "Every deletion in it is refused.") var protected = false
        @Option(help: "What it is, in one line.") var description: String?

        func run() async throws {
            var fields: [String: Any] = ["name": name.name.text]
            if `public` { fields["public"] = true }
            if protected { fields["protected"] = true }
            if let description { fields["description"] = description }
            try await options.change(
                "POST", "/repositories", fields, done: "Repository \(name.name) was made.",
                otherwise: "Repository \(name.name) is there already; nothing was changed.")
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set",
            abstract: "Make a repository public, private, protected or not, or describe it.",
            discussion: """
                --public is a grant of reader to everyone on exactly this name, and --private takes it back; what a wider \
                pattern grants to everyone stays. While a repository is protected, every deletion in it is refused; pushes \
                go on, also those that move a tag.
                """)
        @OptionGroup var options: AdminOptions
        @Argument var name: RepositoryArgument
        @Flag(name: .customLong("public"), help: "Everyone may pull from it.") var isPublic = false
        @Flag(name: .customLong("private"), help: "Only who was granted it may pull from it.") var isPrivate = false
        @Flag(name: .customLong("protected"), help: "Refuse every deletion in it.") var isProtected = false
        @Flag(name: .customLong("unprotected"), help: "Let deletions happen again.") var isUnprotected = false
        @Option(help: "What it is, in one line; searches show it.") var description: String?

        func validate() throws {
            guard !(isPublic && isPrivate), !(isProtected && isUnprotected) else {
                throw ValidationError("Say --public or --private, --protected or --unprotected, not both.")
            }
            guard isPublic || isPrivate || isProtected || isUnprotected || description != nil else {
                throw ValidationError(
                    "Say what to set: --public, --private, --protected, --unprotected, --description.")
            }
        }

        func run() async throws {
            var fields: [String: Any] = [:]
            if isPublic || isPrivate { fields["public"] = isPublic }
            if isProtected || isUnprotected { fields["protected"] = isProtected }
            if let description { fields["description"] = description }
            let reply = try await options.send("PATCH", name.path, fields, .registry)
            guard !options.json else { return Output.result(reply.text) }
            let isChanged = reply.fields["changed"] as? Bool == true
            Output.result(isChanged ? "Repository \(name.name) was changed." : "Repository \(name.name) is so already.")
            if isPrivate, reply.fields["visibility"] as? String == "public" {
                let reasons = reply.fields["visible_because"] as? [String] ?? []
                Output.result("It is still public: \(reasons.joined(separator: "; ")).")
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete",
            abstract: "Delete a repository with all that it holds.",
            discussion: """
                It is gone at once, and can be brought back within collector.window (berth repository undelete). A push to \
                its name begins a new one. Grants on its name stay.
                """)
        @OptionGroup var options: AdminOptions
        @Argument var name: RepositoryArgument
        @Flag(help: "Really.") var yes = false

        func validate() throws {
            guard yes else { throw ValidationError("This deletes all that \(name.name) holds; say --yes to mean it.") }
        }

        func run() async throws {
            let reply = try await options.send("DELETE", name.path, nil, .registry)
            guard !options.json else { return Output.result(reply.text) }
            guard reply.fields["changed"] as? Bool == true else {
                return Output.result("There is no repository \(name.name).")
            }
            Output.result(
                "Repository \(name.name) was deleted, with \(Table.text(reply.fields["manifests"])) manifests; "
                    + "berth repository undelete \(name.name) brings it back.")
        }
    }

    struct Undelete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "undelete",
            abstract: "Bring back the repository of that name that was deleted last.",
            discussion: "Works within collector.window of the deletion.")
        @OptionGroup var options: AdminOptions
        @Argument var name: RepositoryArgument
        @OptionGroup var choice: UndeleteChoice

        func run() async throws { try await options.undelete(name, choice) }
    }
}

/// Which deleted repository comes back, and as what.
struct UndeleteChoice: ParsableArguments {
    @Option(help: ArgumentHelp("Bring the repository back under this name.", valueName: "name"))
    var `as`: RepositoryArgument?

    @Option(
        help: ArgumentHelp(
            "Bring back the repository with this id, not the one deleted last: see berth repository list --deleted.",
            valueName: "id"))
    var id: Int?

    var fields: [String: Any] {
        var fields: [String: Any] = [:]
        if let `as` { fields["as"] = `as`.name.text }
        if let id { fields["id"] = id }
        return fields
    }
}

extension RepositoryArgument {
    /// Its place in the administration API.
    var path: String { "/repositories/\(escaped(name.text))" }
}

extension AdminOptions {
    /// Brings a whole repository back.
    func undelete(_ repository: RepositoryArgument, _ choice: UndeleteChoice) async throws {
        let reply = try await send("POST", repository.path + "/undelete", choice.fields, .registry)
        guard !json else { return Output.result(reply.text) }
        guard reply.fields["changed"] as? Bool == true else { return Output.result("It is not deleted.") }
        Output.result(
            "Repository \(Table.text(reply.fields["name"])) is back, with \(Table.text(reply.fields["manifests"])) "
                + "manifests.")
    }
}
