import ArgumentParser
import BerthServer
import Foundation

/// `berth purge`: something leaks, and has to be gone now.
struct PurgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge", abstract: "Take content or a repository out of everything, for good and at once.",
        discussion: """
            For leaked secrets: a digest goes from every repository, with all manifests that name it and their tags, whatever \
            windows and leases say; a repository goes with its deleted predecessors and all that only it holds. Their bytes \
            are removed from files, database and snapshots before the command ends, and nothing brings them back: neither \
            undelete nor restore. Copies that clients or your backups have are not reached. Without --yes it says what would \
            go, and ends with status 1.
            """)

    @OptionGroup var options: AdminOptions

    @Argument(help: "A digest, or a repository.")
    var target: String

    @Flag(help: "Do it.")
    var yes = false

    func run() async throws {
        var terms = AdminDoor.Terms()
        terms.needsRegistry = true
        let path = "/purges/\(escaped(target))"
        guard yes else {
            let plan = try await options.send("GET", path, nil, terms)
            Output.result(options.json ? plan.text : PurgeText.plan(plan.fields))
            Output.complaint("Nothing was done; say --yes to take all this away for good.")
            throw ExitCode.failure
        }
        let reply = try await options.send("POST", path, nil, terms)
        Output.result(options.json ? reply.text : PurgeText.done(reply.fields))
    }
}

private enum PurgeText {
    static func plan(_ plan: [String: Any]) -> String {
        let holders = plan["holders"] as? [[String: Any]] ?? []
        var lines = holders.map { holder in
            let tags = holder["tags"] as? [String] ?? []
            let names = tags.isEmpty ? "" : " (" + tags.joined(separator: ", ") + ")"
            let state = holder["is_deleted"] as? Bool == true ? ", deleted" : ""
            return "\(Table.text(holder["repository"]))@\(Table.text(holder["manifest"]))\(names)\(state)"
        }
        let repositories = plan["repositories"] as? [String] ?? []
        if !repositories.isEmpty { lines.append("repositories: \(repositories.joined(separator: " "))") }
        let atLeast = plan["is_cut"] as? Bool == true ? "at least " : ""
        lines.append("would go: \(atLeast)\(counts(plan))")
        return lines.joined(separator: "\n")
    }

    static func done(_ purge: [String: Any]) -> String { "purged: \(counts(purge))" }

    private static func counts(_ fields: [String: Any]) -> String {
        func number(_ key: String) -> Int { fields[key] as? Int ?? 0 }
        return "\(number("manifests")) manifests, \(number("tags")) tags, \(number("items")) items, "
            + sizeText(Int64(number("bytes")))
    }
}
