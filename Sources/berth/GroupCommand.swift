import ArgumentParser

/// `berth group`: users who are granted something together.
struct GroupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group", abstract: "Users who are granted something together.",
        subcommands: [
            Add.self, List.self, Show.self, Disable.self, Enable.self, Remove.self, Join.self, Leave.self,
        ])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "add", abstract: "Add a group.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.add(
                "/groups", ["name": name], done: "Group \(name) was added.",
                otherwise: "Group \(name) is there already.", enabling: "group enable \(name)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List all groups.")
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.list(
                "/groups", "groups", [("NAME", "name"), ("DISABLED", "disabled"), ("MEMBERS", "members")])
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one group.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws { try await options.show("/groups/\(escaped(name))") }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable",
            abstract: "Let what is granted to a group rest for now; its members stay members.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.disable("Group \(name)", at: "/groups/\(escaped(name))")
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "enable", abstract: "Let what is granted to a group count again.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.enable("Group \(name)", at: "/groups/\(escaped(name))")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Remove a group with its grants; its members stay users.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.change(
                "DELETE", "/groups/\(escaped(name))", done: "Group \(name) was removed.",
                otherwise: "There is no group \(name).")
        }
    }

    struct Join: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "join", abstract: "Make a user a member.")
        @OptionGroup var options: AdminOptions
        @Argument var group: String
        @Argument var user: String

        func run() async throws {
            try await options.change(
                "PUT", "/groups/\(escaped(group))/members/\(escaped(user))", done: "\(user) is in \(group) now.",
                otherwise: "\(user) is in \(group) already.")
        }
    }

    struct Leave: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "leave", abstract: "End a membership.")
        @OptionGroup var options: AdminOptions
        @Argument var group: String
        @Argument var user: String

        func run() async throws {
            try await options.change(
                "DELETE", "/groups/\(escaped(group))/members/\(escaped(user))",
                done: "\(user) is not in \(group) any more.",
                otherwise: "\(user) is not in \(group).")
        }
    }
}
