import ArgumentParser

/// `berth key`: the keys that sign tokens.
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "The keys that sign tokens.",
        discussion: """
            What a key has signed is refused at once when it is disabled, and good again when it is enabled. A removed key is \
            gone for good. In both cases clients that stay logged in get themselves tokens of another key.
            """,
        subcommands: [Add.self, List.self, Show.self, Disable.self, Enable.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Publish a new key, which signs in 15 minutes; nobody has to log in again.",
            discussion:
                "Then the former keys retire: they verify what they have signed for as long as uploads may last.",
            aliases: ["rotate"])
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.change(
                "POST", "/keys", done: "A new key is published; it signs in 15 minutes.",
                otherwise: "A new key is published already, and waits to sign.")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List all keys.")
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.list(
                "/keys", "keys",
                [("ID", "id"), ("DISABLED", "disabled"), ("SIGNS FROM", "signs_from"), ("RETIRES", "retired_at")])
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show one key, without what it is.")
        @OptionGroup var options: AdminOptions
        @Argument var id: String

        func run() async throws { try await options.show("/keys/\(escaped(id))") }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable",
            abstract: "Take a key out of use for now: it signs nothing, and what it signed is refused.",
            discussion: "The only key that goes on signing cannot be disabled: berth key add makes another one first.")
        @OptionGroup var options: AdminOptions
        @Argument var id: String

        func run() async throws {
            try await options.disable("Key \(id)", at: "/keys/\(escaped(id))")
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "enable",
            abstract: "Take a disabled key into use again, with what it signed.")
        @OptionGroup var options: AdminOptions
        @Argument var id: String

        func run() async throws {
            try await options.enable("Key \(id)", at: "/keys/\(escaped(id))")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Remove a key that others may know, for good: all that it signed is refused from now on.")
        @OptionGroup var options: AdminOptions
        @Argument var id: String

        func run() async throws {
            try await options.change(
                "DELETE", "/keys/\(escaped(id))", done: "Key \(id) was removed.", otherwise: "There is no key \(id).")
        }
    }
}

/// `berth audit`: who did what.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "List who did what to accounts and grants, and failed logins; the newest first."
    )
    @OptionGroup var options: AdminOptions
    @Option(help: "At most so many lines.") var limit = 100

    func run() async throws {
        try await options.list(
            "/audit?limit=\(limit)", "entries",
            [
                ("AT", "at"), ("ACTOR", "actor"), ("FROM", "address"), ("ACTION", "action"), ("TARGET", "target"),
                ("OUTCOME", "outcome"), ("DETAIL", "detail"),
            ])
    }
}
