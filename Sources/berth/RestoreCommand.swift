import ArgumentParser
import BerthConfig
import BerthServer
import Foundation

/// `berth restore`: the catalog goes back to a snapshot.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Bring back the catalog as it was in a snapshot.",
        discussion: """
            What is now is kept as a snapshot itself, so this can be taken back. Repositories and tags are as they were; \
            accounts, tokens, keys and the audit log stay as they are, and what was purged stays purged. A running server stops for \
            it and starts anew.
            """)
    /// How long a restart may take: what is to be compared is all content.
    private static let longest = Duration.seconds(600)

    @OptionGroup var options: AdminOptions

    @Option(help: ArgumentHelp("A name that berth snapshot list shows, or latest.", valueName: "name"))
    var snapshot: String

    @Flag(help: "Do it.")
    var yes = false

    func run() async throws {
        guard yes else {
            Output.complaint("This replaces the catalog by an older one; say --yes to do it.")
            throw ExitCode.failure
        }
        let configuration = try options.configuration.load().configuration
        let order = RestoreOrder(snapshot: snapshot, restorer: "operator")
        if let answer = try await AdminDoor.restore(configuration, order) {
            return say(AdminReply(status: answer.status, bytes: answer.body))
        }
        let before = await restorations(configuration: configuration)?.first
        let asked = try await options.send("POST", "/restorations", ["snapshot": snapshot])
        Output.complaint("The server starts anew with \(Table.text(asked.fields["name"])).")
        let deadline = ContinuousClock.now.advanced(by: Self.longest)
        while ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(200))
            guard
                let answer = await AdminDoor.askRunning(configuration, "GET", "/api/v1/restorations"),
                answer.status == 200
            else { continue }
            let reply = AdminReply(status: answer.status, bytes: answer.body)
            let newest = (reply.fields["restorations"] as? [[String: Any]])?.first
            guard newest?["id"] as? Int != before?["id"] as? Int else { continue }
            return say(reply)
        }
        throw RestoreError.cannotRestart
    }

    private func restorations(configuration: Configuration) async -> [[String: Any]]? {
        guard let answer = await AdminDoor.askRunning(configuration, "GET", "/api/v1/restorations") else { return nil }
        return AdminReply(status: answer.status, bytes: answer.body).fields["restorations"] as? [[String: Any]]
    }

    private func say(_ reply: AdminReply) {
        guard !options.json else { return Output.result(reply.text) }
        let last = (reply.fields["restorations"] as? [[String: Any]])?.first ?? [:]
        Output.result("The catalog is as it was in \(Table.text(last["snapshot"])).")
        if let lost = last["lost"] as? Int, lost > 0 {
            Output.complaint("\(lost) items that manifests name are missing; pushing them again heals them.")
        }
    }
}
