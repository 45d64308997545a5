import ArgumentParser

/// `berth grant`: who may do what.
struct GrantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grant", abstract: "Who may do what: a role on repositories, by pattern.",
        discussion: """
            SUBJECT is everyone, user:NAME, group:NAME, robot:NAMESPACE+NAME or trust:NAME. ROLE is reader (pull), writer (and push), \
            maintainer (and delete) or admin. PATTERN is a repository, or many: team/app, team/*, team/**, */cache, **.
            """,
        subcommands: [Add.self, List.self, Show.self, Disable.self, Enable.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Grant a role; another one on the same pattern is replaced, and stays disabled where it is.")
        @OptionGroup var options: AdminOptions
        @Argument var subject: String
        @Argument var role: String
        @Argument var pattern: String

        func run() async throws {
            try await options.add(
                "/grants", ["subject": subject, "role": role, "pattern": pattern],
                done: "\(subject) is \(role) of \(pattern) now.",
                otherwise: "\(subject) is \(role) of \(pattern) already.",
                enabling: "grant enable \(subject) '\(pattern)'")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List all grants.")
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.list(
                "/grants", "grants",
                [
                    ("SUBJECT", "subject"), ("ROLE", "role"), ("PATTERN", "pattern"), ("DISABLED", "disabled"),
                    ("SINCE", "created_at"),
                ])
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show what is granted on exactly this pattern.")
        @OptionGroup var options: AdminOptions
        @Argument var subject: String
        @Argument var pattern: String

        func run() async throws { try await options.show("/grants/\(escaped(subject))/\(escaped(pattern))") }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable",
            abstract: "Let what was granted on exactly this pattern rest for now.")
        @OptionGroup var options: AdminOptions
        @Argument var subject: String
        @Argument var pattern: String

        func run() async throws {
            try await options.disable(
                "What \(subject) was granted on \(pattern)", at: "/grants/\(escaped(subject))/\(escaped(pattern))")
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "enable", abstract: "Let a disabled grant count again.")
        @OptionGroup var options: AdminOptions
        @Argument var subject: String
        @Argument var pattern: String

        func run() async throws {
            try await options.enable(
                "What \(subject) was granted on \(pattern)", at: "/grants/\(escaped(subject))/\(escaped(pattern))")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Take back what was granted on exactly this pattern.")
        @OptionGroup var options: AdminOptions
        @Argument var subject: String
        @Argument var pattern: String

        func run() async throws {
            try await options.change(
                "POST", "/grants/remove", ["subject": subject, "pattern": pattern],
                done: "\(subject) has no role of \(pattern) any more.",
                otherwise: "\(subject) was granted nothing on \(pattern).")
        }
    }
}
