import ArgumentParser
import Foundation

/// `berth user`: people.
struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "People who log in with a password or with tokens of their own.",
        subcommands: [
            Add.self, List.self, Show.self, Password.self, Disable.self, Enable.self, Remove.self, Import.self,
        ])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Add a user. The first account closes the registry.",
            discussion:
                "The password is asked for on a terminal, or read with --password-stdin; otherwise one is made and shown once."
        )
        @OptionGroup var options: AdminOptions
        @OptionGroup var password: PasswordInput
        @Flag(help: "May do everything, everywhere.")
        var admin = false
        @Argument var name: String

        func run() async throws {
            let known = try? await options.send("GET", "/users/\(escaped(name))", quietly: true)
            let (password, isNew) = known == nil ? try password.read() : ("", false)
            var fields: [String: Any] = ["name": name, "admin": admin]
            if known == nil { fields["password"] = password }
            let reply = try await options.send("POST", "/users", fields)
            let isAdded = reply.fields["changed"] as? Bool == true
            if options.json { return Output.result(isNew && isAdded ? reply.adding("password", password) : reply.text) }
            Output.result(isAdded ? "User \(name) was added." : "User \(name) is there already; nothing was changed.")
            if isNew, isAdded { Output.result("Password, shown only now: \(password)") }
            reply.tellDisabled(enabling: "user enable \(name)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List all users.")
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.list(
                "/users", "users",
                [
                    ("NAME", "name"), ("ADMIN", "admin"), ("DISABLED", "disabled"), ("GROUPS", "groups"),
                    ("LAST USED", "last_used_at"),
                ])
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one user.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws { try await options.show("/users/\(escaped(name))") }
    }

    struct Password: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "password",
            abstract: "Give a user a new password; logins with the old one end.")
        @OptionGroup var options: AdminOptions
        @OptionGroup var password: PasswordInput
        @Argument var name: String

        func run() async throws {
            let (password, isNew) = try password.read()
            let reply = try await options.send("PATCH", "/users/\(escaped(name))", ["password": password])
            if options.json { return Output.result(isNew ? reply.adding("password", password) : reply.text) }
            Output.result("User \(name) has a new password.")
            if isNew { Output.result("Password, shown only now: \(password)") }
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable", abstract: "Close an account for now, tokens and all.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.disable("User \(name)", at: "/users/\(escaped(name))")
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "enable", abstract: "Open a closed account again.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.enable("User \(name)", at: "/users/\(escaped(name))")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Remove a user with tokens and grants; what was pushed stays.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.change(
                "DELETE", "/users/\(escaped(name))", done: "User \(name) was removed.",
                otherwise: "There is no user \(name).")
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "import",
            abstract: "Add the users of an htpasswd file (bcrypt); those who are there stay as they are.")
        @OptionGroup var options: AdminOptions
        @Argument(help: "The file, or - for standard input.") var file: String

        func run() async throws {
            let data =
                file == "-"
                ? FileHandle.standardInput.readDataToEndOfFile() : try Data(contentsOf: URL(filePath: file))
            var (added, unchanged) = (0, 0)
            var disabled: [String] = []
            for (index, line) in String(decoding: data, as: UTF8.self).split(separator: "\n").enumerated() {
                let text = line.trimmingCharacters(in: .whitespaces)
                guard !text.isEmpty, !text.hasPrefix("#") else { continue }
                let halves = text.split(separator: ":", maxSplits: 1).map(String.init)
                guard halves.count == 2 else {
                    throw ValidationError("Line \(index + 1) is not of the form name:hash.")
                }
                let reply = try await options.send("POST", "/users", ["name": halves[0], "hash": halves[1]])
                if reply.fields["changed"] as? Bool == true { added += 1 } else { unchanged += 1 }
                if reply.fields["disabled"] as? Bool == true { disabled.append(halves[0]) }
            }
            guard !options.json else {
                return Output.result(
                    AdminReply.text(of: ["added": added, "unchanged": unchanged, "disabled": disabled]))
            }
            Output.result("\(added) users were added.")
            guard !disabled.isEmpty else { return }
            Output.result("There already, and disabled: \(disabled.joined(separator: " "))")
        }
    }
}
