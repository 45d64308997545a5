import ArgumentParser
import BerthConfig

/// `berth version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Say which version this is.")

    @Flag(help: "For programs.")
    var json = false

    func run() {
        let version = BerthVersion.current
        Output.result(json ? JSON.object(["version": .string(version)]).text : "berth \(version)")
    }
}
