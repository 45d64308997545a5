import ArgumentParser
import BerthConfig
import BerthServer

/// `berth serve`: runs until SIGTERM or SIGINT.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve the registry.",
        discussion: "Without any configuration it serves 127.0.0.1:5000 and keeps everything in Storage/data.")

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        do {
            try await BerthServer.run(options.load())
        } catch let errors as ConfigurationErrors {
            Output.complaint("\(errors)")
            throw ExitStatus.configuration
        }
    }
}
