import ArgumentParser

/// `berth certificate`: whose account a client's certificate opens.
struct CertificateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate", abstract: "Whose account a client's TLS certificate opens, without a password.",
        discussion: """
            NAME is a subject alternative name of the certificate: dns:HOST or uri:URI, exactly as it stands there. The \
            certificate has to be one of an authority in http.tls.client_ca; http.tls.client_auth says whether clients are \
            asked for one. What a client sends as Authorization goes before its certificate.
            """,
        subcommands: [Add.self, List.self, Show.self, Disable.self, Enable.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Let certificates with a name open an account.")
        @OptionGroup var options: AdminOptions
        @Argument(help: "As in dns:ci.example.org or uri:spiffe://example.org/ci.") var name: String
        @Argument(help: "A user, or a robot as in team+ci.") var owner: String

        func run() async throws {
            try await options.add(
                "/certificates", ["name": name, "owner": owner],
                done: "Certificates with the name \(name) open the account of \(owner) now.",
                otherwise: "Certificates with the name \(name) open the account of \(owner) already.",
                enabling: "certificate enable \(name)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List all rules.")
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.list(
                "/certificates", "certificates",
                [("NAME", "name"), ("OWNER", "owner"), ("DISABLED", "disabled"), ("SINCE", "created_at")])
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one rule.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws { try await options.show("/certificates/\(escaped(name))") }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "disable", abstract: "Let a rule rest for now.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.change(
                "PATCH", "/certificates/\(escaped(name))", ["disabled": true],
                done: "Certificates with the name \(name) open no account for now.",
                otherwise: "Certificates with the name \(name) open no account already.")
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "enable", abstract: "Let a rule count again.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.change(
                "PATCH", "/certificates/\(escaped(name))", ["disabled": false],
                done: "Certificates with the name \(name) open their account again.",
                otherwise: "Certificates with the name \(name) open their account already.")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "End a rule, with the tokens that it brought.")
        @OptionGroup var options: AdminOptions
        @Argument var name: String

        func run() async throws {
            try await options.change(
                "DELETE", "/certificates/\(escaped(name))",
                done: "Certificates with the name \(name) open no account any more.",
                otherwise: "There is no rule for certificates with the name \(name).")
        }
    }
}
