import ArgumentParser
import BerthConfig
import Foundation

/// The options of every command that reads the configuration.
struct ConfigurationOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Read this YAML file, instead of the one that BERTH_CONFIG names.", valueName: "file"))
    var config: String?

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("Serve on this address (http.listen); may be repeated.", valueName: "address"))
    var listen: [String] = []

    @Option(help: ArgumentHelp("Keep everything in this folder (storage.root).", valueName: "folder"))
    var root: String?

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp("Set any key, as in storage.sync=never; may be repeated.", valueName: "key=value"))
    var assignments: [Assignment] = []

    /// Reads the configuration, or says everything that is wrong with it and ends with status 3.
    func load(_ more: [Override] = []) throws -> LoadedConfiguration {
        var overrides = more + listen.map { Override(key: "http.listen", value: $0, flag: "--listen") }
        if let root { overrides.append(Override(key: "storage.root", value: root, flag: "--root")) }
        overrides += assignments.map { Override(key: $0.key, value: $0.value) }
        do {
            return try Configuration.load(
                file: config, environment: ProcessInfo.processInfo.environment, overrides: overrides)
        } catch {
            Output.complaint("\(error)")
            throw ExitStatus.configuration
        }
    }
}

/// `key=value` on the command line.
struct Assignment: ExpressibleByArgument {
    let key: String
    let value: String

    /// `nil`, which is a usage error, where there is no `=`.
    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "=") else { return nil }
        key = String(argument[..<equals])
        value = String(argument[argument.index(after: equals)...])
    }
}
