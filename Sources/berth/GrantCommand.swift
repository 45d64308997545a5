import ArgumentParser

/// `berth grant`: who may do what.
struct GrantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grant", abstract: "Who may do what: a role on repositories, by pattern.",
        discussion: """
            SUBJECT is everyone, user:NAME, group:NAME, robot:NAMESPACE+NAME or trust:NAME. ROLE is reader (pull), writer (and push), \
            maintainer (and delete) or admin. PATTERN is a repository, or many: team/app, team/*, team/**, */cache, **.
            """,
        subcommands: [Add.self, List.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Grant a role; another one on the same pattern is replaced.")
        @OptionGroup var options: AdminOptions
        @Argument var subject: String
        @Argument var role: String
        @Argument var pattern: String

        func run() async throws {
            try await options.change(
                "POST", "/grants", ["subject": subject, "role": role, "pattern": pattern],
                done: "\(subject) is \(role) of \(pattern) now.",
                otherwise: "\(subject) is \(role) of \(pattern) already.")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List all grants.")
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.list(
                "/grants", "grants",
                [("SUBJECT", "subject"), ("ROLE", "role"), ("PATTERN", "pattern"), ("SINCE", "created_at")])
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take back what was granted on exactly this pattern.")
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
