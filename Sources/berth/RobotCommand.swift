import ArgumentParser

/// `berth robot`: accounts of programs.
struct RobotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "robot",
        abstract: "Accounts of programs, each of one namespace; they log in with secrets (berth token).",
        subcommands: [Add.self, List.self, Show.self, Disable.self, Enable.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Add a robot, as in team+ci. The first account closes the registry.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.add(
                "/robots", ["name": name],
                done: "Robot \(name) was added. Make its secret with: berth token add \(name)",
                otherwise: "Robot \(name) is there already.", enabling: "robot enable \(name)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List all robots.")
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.list(
                "/robots", "robots", [("NAME", "name"), ("NAMESPACE", "namespace"), ("DISABLED", "disabled")])
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one robot.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws { try await options.show("/robots/\(escaped(name))") }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable", abstract: "Close a robot's account for now.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.disable("Robot \(name)", at: "/robots/\(escaped(name))")
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "enable", abstract: "Open a closed account again.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.enable("Robot \(name)", at: "/robots/\(escaped(name))")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Remove a robot with secrets and grants.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.change(
                "DELETE", "/robots/\(escaped(name))", done: "Robot \(name) was removed.",
                otherwise: "There is no robot \(name).")
        }
    }
}
