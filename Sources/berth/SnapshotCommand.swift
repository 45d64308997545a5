import ArgumentParser
import BerthServer
import Foundation

/// `berth snapshot`: copies of the catalog.
struct SnapshotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Copy the catalog, and list the copies.",
        discussion: """
            A running server makes one every storage.snapshots (1d) and removes those that are older than collector.window. \
            Each one restores whole (berth restore): what was deleted since is kept that long.
            """,
        subcommands: [List.self, Create.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the copies, the newest first.")

        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.list(
                "/snapshots", "snapshots",
                [("NAME", "name"), ("MADE", "made_at"), ("SEQ", "seq"), ("BYTES", "bytes"), ("KIND", "kind")])
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Copy the catalog as it is now.")

        @OptionGroup var options: AdminOptions

        func run() async throws {
            var terms = AdminDoor.Terms()
            terms.needsRegistry = true
            let reply = try await options.send("POST", "/snapshots", nil, terms)
            Output.result(options.json ? reply.text : Table.text(reply.fields["name"]))
        }
    }
}
