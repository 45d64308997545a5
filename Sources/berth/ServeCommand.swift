import ArgumentParser
import BerthConfig
import BerthServer

/// `berth serve`: runs until SIGTERM or SIGINT.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve the registry.",
        discussion: "Without any configuration it serves 127.0.0.1:5000 and keeps everything in Storage/data.")

    @OptionGroup var options: ConfigurationOptions

    @Flag(
        help: "Make a certificate, and an authority for it, and say what to do in each client (http.tls.self_signed).")
    var tlsSelfSigned = false

    func run() async throws {
        do {
            let more =
                tlsSelfSigned
                ? [Override(key: "http.tls.self_signed", value: "true", flag: "--tls-self-signed")] : []
            let isToBeginAnew = try await BerthServer.run(options.load(more)) { Output.result($0) }
            guard isToBeginAnew else { return }
            Output.complaint("The server could not start anew: \(beginAnew()).")
            throw ExitCode.failure
        } catch let errors as ConfigurationErrors {
            Output.complaint("\(errors)")
            throw ExitStatus.configuration
        }
    }
}
