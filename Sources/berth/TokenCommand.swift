import ArgumentParser
import BerthConfig

/// `berth token`: personal tokens and robots' secrets.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Personal tokens and robots' secrets: passwords for programs.",
        subcommands: [Add.self, List.self, Show.self, Logins.self, Disable.self, Enable.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "add", abstract: "Make one, and show it once.")
        @OptionGroup var options: AdminOptions
        @Option(help: "What it is for.") var label: String?
        @Option(
            parsing: .singleValue,
            help: ArgumentHelp(
                "Only these actions there, as in pull,push:team/**; may be repeated.", valueName: "actions:pattern"))
        var scope: [String] = []
        @Option(help: ArgumentHelp("When it runs out, as in 90d.", valueName: "duration")) var expires: String?
        @Argument(help: "A user, or a robot as in team+ci.") var owner: String

        func run() async throws {
            var fields: [String: Any] = ["owner": owner]
            if let label { fields["label"] = label }
            if !scope.isEmpty { fields["scopes"] = scope }
            if let expires {
                guard let duration = try? DurationText.read(expires) else {
                    throw ValidationError("--expires takes a duration, as in 12h or 90d.")
                }
                fields["expires_in"] = duration.components.seconds
            }
            let reply = try await options.send("POST", "/tokens", fields)
            if options.json { return Output.result(reply.text) }
            Output.result("Token \(Table.text(reply.fields["id"])) of \(owner), shown only now:")
            Output.result(Table.text(reply.fields["secret"]))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List all, without what they are.")
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.list(
                "/tokens", "tokens",
                [
                    ("ID", "id"), ("OWNER", "owner"), ("LABEL", "label"), ("SCOPES", "scopes"),
                    ("DISABLED", "disabled"), ("EXPIRES", "expires_at"), ("LAST USED", "last_used_at"),
                ])
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one, without what it is.")
        @OptionGroup var options: AdminOptions
        @Argument var id: String

        func run() async throws { try await options.show("/tokens/\(escaped(id))") }
    }

    struct Logins: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "logins",
            abstract: "List where somebody stays logged in (docker login), by password or by a token.",
            discussion: "berth token remove ends one; what it was used for a moment ago goes on for minutes at most.")
        @OptionGroup var options: AdminOptions
        @Argument(help: "A user, or a robot as in team+ci.") var owner: String

        func run() async throws {
            try await options.list(
                "/logins/\(escaped(owner))", "logins",
                [("ID", "id"), ("BY TOKEN", "token"), ("SINCE", "created_at"), ("LAST USED", "last_used_at")])
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable",
            abstract: "Let one rest for now, with the logins that it has brought.")
        @OptionGroup var options: AdminOptions
        @Argument var id: String

        func run() async throws {
            try await options.disable("Token \(id)", at: "/tokens/\(escaped(id))")
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "enable", abstract: "Let a disabled one count again, with its logins.")
        @OptionGroup var options: AdminOptions
        @Argument var id: String

        func run() async throws {
            try await options.enable("Token \(id)", at: "/tokens/\(escaped(id))")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "End one, or a login, by its id.")
        @OptionGroup var options: AdminOptions
        @Argument var id: String

        func run() async throws {
            try await options.change(
                "DELETE", "/tokens/\(escaped(id))", done: "Token \(id) was removed.",
                otherwise: "There is no token \(id).")
        }
    }
}
