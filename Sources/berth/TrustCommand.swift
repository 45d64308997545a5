import ArgumentParser
import Foundation

/// `berth trust`: CI jobs that come with an identity token of their own.
struct TrustCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trust",
        abstract: "CI jobs that log in with an identity token (OpenID Connect), without any secret.",
        discussion: """
            A rule names an issuer and what has to stand in its tokens. A job whose token fits logs in as the user oidc, with \
            the token as password, and may do what is granted to trust:NAME. Of several rules that fit, the first one counts.
            """,
        subcommands: [
            Add.self, List.self, Show.self, Check.self, Update.self, Disable.self, Enable.self, Remove.self,
        ])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Add a rule. The first account or rule closes the registry.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String
        @Option(help: ArgumentHelp("The issuer, as its tokens carry it in iss.", valueName: "url")) var issuer: String
        @Option(help: "What tokens carry in aud; without it, http.external_url.") var audience: String?
        @Option(
            parsing: .singleValue,
            help: ArgumentHelp(
                """
                What a claim has to be, as in repository=org/app or ref=refs/tags/v*, where * stops at / and :; may be \
                repeated, and all have to hold. One has to tell whose jobs are meant.
                """, valueName: "claim=pattern"))
        var claim: [String]
        @Option(
            parsing: .singleValue,
            help: ArgumentHelp(
                "What fitting jobs may do, as in writer:team/**; may be repeated.", valueName: "role:pattern"))
        var grant: [String] = []
        @Flag(help: "The issuer may have a private address.") var allowPrivate = false
        @OptionGroup var files: Files

        func run() async throws {
            var fields: [String: Any] = ["name": name, "issuer": issuer, "conditions": claim, "grants": grant]
            if let audience { fields["audience"] = audience }
            if allowPrivate { fields["allow_private"] = true }
            fields.merge(try files.fields()) { $1 }
            let reply = try await options.add(
                "/trust", fields, done: "Rule \(name) was added: its jobs log in as oidc.",
                otherwise: "Rule \(name) is there already.", enabling: "trust enable \(name)")
            guard !options.json else { return }
            for pattern in reply.fields["disabled_grants"] as? [String] ?? [] {
                Output.result(
                    "Its grant on \(pattern) is disabled; let it count with: berth grant enable trust:\(name) '\(pattern)'"
                )
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "List all rules, in the order in which they are tried.")
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.list(
                "/trust", "rules",
                [
                    ("NAME", "name"), ("ISSUER", "issuer"), ("CLAIMS", "conditions"), ("GRANTS", "grants"),
                    ("DISABLED", "disabled"), ("LAST USED", "last_used_at"),
                ])
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one rule.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws { try await options.show("/trust/\(escaped(name))") }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Get the keys of a rule's issuer now, and show them or say why there are none.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            let reply = try await options.send("POST", "/trust/\(escaped(name))/check")
            if options.json { return Output.result(reply.text) }
            if let problem = reply.fields["problem"] as? String {
                Output.complaint("The keys of the issuer of \(name) cannot be had: \(problem).")
                throw ExitCode.failure
            }
            let keys = reply.fields["keys"] as? [[String: Any]] ?? []
            let rows = keys.map { [Table.text($0["id"]), Table.text($0["algorithms"])] }
            Output.result(Table(["KEY", "ALGORITHMS"], rows).text)
        }
    }

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "update",
            abstract: "Give a rule other certificates or keys; the sessions of its jobs end.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String
        @OptionGroup var files: Files
        @Flag(help: "Let sessions go on: the former keys are known to nobody else.")
        var keepSessions = false

        func run() async throws {
            var fields = try files.fields()
            guard !fields.isEmpty else { throw ValidationError("Say --ca or --keys.") }
            if keepSessions { fields["keep_sessions"] = true }
            try await options.change(
                "PATCH", "/trust/\(escaped(name))", fields, done: "Rule \(name) was changed.", otherwise: "")
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable",
            abstract: "Let nobody in by a rule for now; the sessions of its jobs end for good.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.disable("Rule \(name)", at: "/trust/\(escaped(name))")
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "enable", abstract: "Let jobs in by a disabled rule again.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.enable("Rule \(name)", at: "/trust/\(escaped(name))")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Remove a rule with its grants; the sessions of its jobs end.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.change(
                "DELETE", "/trust/\(escaped(name))", done: "Rule \(name) was removed.",
                otherwise: "There is no rule \(name).")
        }
    }

    /// What a rule takes from files, which are read now and kept in the catalog.
    struct Files: ParsableArguments {
        @Option(
            help: ArgumentHelp(
                "PEM file of the certificates that vouch for the issuer's hosts, which may then have private addresses.",
                valueName: "file"))
        var ca: String?
        @Option(
            help: ArgumentHelp(
                "File of the issuer's keys (a JSON Web Key Set), which are then not fetched.", valueName: "file"))
        var keys: String?

        func fields() throws -> [String: Any] {
            var fields: [String: Any] = [:]
            if let ca { fields["authority"] = try text(of: ca) }
            if let keys { fields["keys"] = try text(of: keys) }
            return fields
        }

        private func text(of file: String) throws -> String {
            guard
                let data = file == "-"
                    ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: file)
            else { throw ValidationError("The file \(file) cannot be read.") }
            return String(decoding: data, as: UTF8.self)
        }
    }
}
