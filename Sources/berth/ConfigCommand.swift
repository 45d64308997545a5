import ArgumentParser
import BerthConfig

/// `berth config`: everything about keys and values, without touching the registry.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check and list the configuration.",
        subcommands: [Check.self, Show.self, Template.self, Schema.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Say everything that is wrong, or that nothing is.")

        @OptionGroup var options: ConfigurationOptions

        func run() throws {
            let loaded = try options.load()
            for warning in loaded.configuration.warnings { Output.complaint("warning: \(warning)") }
            for problem in loaded.withoutAccounts?.problems ?? [] {
                Output.complaint("warning: as long as there are no accounts this serves nobody: \(problem)")
            }
            Output.result("\(loaded.file ?? "The configuration") is valid.")
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "List every value and where it comes from.")

        @OptionGroup var options: ConfigurationOptions

        @Flag(help: "For programs.")
        var json = false

        func run() throws {
            let explanations = try options.load().explain()
            Output.result(json ? JSON.array(explanations.map(\.json)).text : table(explanations))
        }

        private func table(_ explanations: [Explanation]) -> String {
            let rows = [("KEY", "VALUE", "SOURCE")] + explanations.map { ($0.key, $0.value, "\($0.origin)") }
            let widths = (rows.map(\.0.count).max() ?? 0, rows.map(\.1.count).max() ?? 0)
            return rows.map { key, value, source in
                "\(padded(key, widths.0))  \(padded(value, widths.1))  \(source)"
            }.joined(separator: "\n")
        }

        private func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
    }

    struct Template: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "template", abstract: "Write a file with every key and its default.")

        func run() { Output.result(Configuration.template) }
    }

    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "schema", abstract: "Write the JSON schema of the file, for editors.")

        func run() { Output.result(Configuration.schema) }
    }
}
