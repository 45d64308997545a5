import ArgumentParser

/// `berth key`: the keys that sign tokens.
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "The keys that sign tokens.", subcommands: [List.self, Rotate.self, Remove.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List all keys.")
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.list(
                "/keys", "keys", [("ID", "id"), ("SIGNS FROM", "signs_from"), ("RETIRES", "retired_at")])
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Publish a new key, which signs in 15 minutes; nobody has to log in again.")
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.change(
                "POST", "/keys", done: "A new key is published; it signs in 15 minutes.",
                otherwise: "A new key is published already, and waits to sign.")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a key that others may know: all that it signed is refused from now on.")
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
