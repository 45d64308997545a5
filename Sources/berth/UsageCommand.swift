import ArgumentParser
import BerthModel

/// `berth usage`: where the bytes are.
struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage", abstract: "Say where the bytes are, by repository and in total.",
        discussion: """
            HOLDS is what a repository's manifests name and what was sent to it lately, each blob once; ALONE what no other \
            repository holds, which its deletion would free; DELETED what only deleted things in it need, until \
            collector.window is over. The server goes on meanwhile, and what is pushed may be counted or not.
            """)

    @OptionGroup var options: AdminOptions

    @Option(help: ArgumentHelp("Only this repository.", valueName: "name"))
    var repository: RepositoryArgument?

    @Option(help: ArgumentHelp("Only the largest ones.", valueName: "number"))
    var limit: Int?

    func validate() throws {
        guard limit.map({ $0 >= 0 }) ?? true else { throw ValidationError("--limit is not negative.") }
    }

    func run() async throws {
        var query: [String] = []
        if let repository { query.append("repository=\(escaped(repository.name.text))") }
        if let limit { query.append("limit=\(limit)") }
        let path = "/usage" + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
        let reply = try await options.send("GET", path, nil, .registry)
        Output.result(options.json ? reply.text : UsageText.text(reply.fields))
    }
}

private enum UsageText {
    typealias Fields = [String: Any]

    static func text(_ usage: Fields) -> String {
        let repositories = usage["repositories"] as? [Fields] ?? []
        let rows = repositories.map { row in
            [
                Table.text(row["repository"]) + (row["deleted"] as? Bool == true ? " (deleted)" : ""),
                size(row, "bytes"), size(row, "own_bytes"), size(row, "deleted_bytes"), Table.text(row["manifests"]),
            ]
        }
        var parts = [Table(["REPOSITORY", "HOLDS", "ALONE", "DELETED", "MANIFESTS"], rows).text]
        if let left = usage["left_off"] as? Int, left > 0 { parts.append("and \(left) more") }
        if let total = usage["total"] as? Fields { parts.append("\n" + table(total)) }
        return parts.joined(separator: "\n")
    }

    private static func table(_ total: Fields) -> String {
        var rows = [
            ["content on disk", size(total, "content_bytes"), "\(Table.text(total["content_items"])) items"],
            ["  held by repositories", size(total, "held_bytes"), "\(size(total, "saved_bytes")) saved by sharing"],
            ["  leaving", size(total, "leaving_bytes"), "deleted or not needed any more"],
            ["waiting for its place", size(total, "staged_bytes"), ""],
        ]
        if total["free_bytes"] != nil {
            rows += [
                ["uploads under way", size(total, "upload_bytes"), "\(Table.text(total["uploads"])) uploads"],
                ["catalog", size(total, "catalog_bytes"), "and \(size(total, "log_bytes")) of its log"],
                ["snapshots", size(total, "snapshot_bytes"), "\(Table.text(total["snapshots"])) files"],
                ["free on the volume", size(total, "free_bytes"), ""],
            ]
        }
        return Table(nil, rows).text
    }

    private static func size(_ fields: Fields, _ key: String) -> String { sizeText(Int64(fields[key] as? Int ?? 0)) }
}
