package import BerthModel

/// Why a tag stays as it is.
package enum TagRefusal: Hashable, Sendable {
    /// The rule that keeps it.
    case immutable(Tag, rule: RuleName)
    /// It names another tag at a moment; nothing is stored under such a name. `isMoment`: there is such a time.
    case virtual(Tag, isMoment: Bool)
}

/// The rules for the tags of one repository, as this transaction sees them. Read only where a tag is about to move or to
/// go, so a push under a new tag asks nothing.
struct TagRules {
    /// As many as a registry may have.
    static let most = 1_000

    private let rules: [TagRule]

    init(_ transaction: any SQLTransaction, for repository: RepositoryName) throws(CatalogError) {
        rules = try transaction.rows(
            "SELECT name, repositories, tags, exceptions FROM tag_rule ORDER BY name LIMIT ?",
            [.integer(Int64(Self.most))]
        ).map { row throws(CatalogError) in try row.tagRule() }
            .filter { $0.repositories.matches(repository) }
    }

    /// No tag of the repository is kept.
    var isEmpty: Bool { rules.isEmpty }

    /// The rule that keeps a tag.
    func rule(for tag: Tag) -> RuleName? { rules.first { $0.covers(tag) }?.name }

    func refusal(of tag: Tag) -> TagRefusal? { rule(for: tag).map { .immutable(tag, rule: $0) } }
}

extension SQLTransaction {
    /// Why a tag cannot be made that is not there; nil if it can.
    func refusal(ofNew tag: Tag) -> TagRefusal? {
        VirtualTag(tag).map { .virtual(tag, isMoment: $0.moment != nil) }
    }

    /// The first tag of a manifest that a rule keeps, so that the manifest has to stay as well.
    func keptTag(of manifest: Int64, _ rules: TagRules) throws(CatalogError) -> TagRefusal? {
        try firstKept(rules) { last throws(CatalogError) in
            try rows(
                "SELECT name FROM tag WHERE manifest_id = ? AND name > ? ORDER BY name LIMIT ?",
                [.integer(manifest), .text(last), .integer(Int64(Catalog.rowsPerClosure))])
        }
    }

    /// The first tag of a repository that a rule keeps, so that the repository has to stay as well. Where rules are for
    /// the repository and keep none of its tags, all of their names are read.
    func keptTag(in repository: Int64, _ rules: TagRules) throws(CatalogError) -> TagRefusal? {
        try firstKept(rules) { last throws(CatalogError) in
            try rows(
                "SELECT name FROM tag WHERE repository_id = ? AND name > ? ORDER BY name LIMIT ?",
                [.integer(repository), .text(last), .integer(Int64(Catalog.rowsPerClosure))])
        }
    }

    private func firstKept(
        _ rules: TagRules, _ page: (_ after: String) throws(CatalogError) -> [SQLRow]
    ) throws(CatalogError) -> TagRefusal? {
        if rules.isEmpty { return nil }
        var last = ""
        while true {
            let rows = try page(last)
            for row in rows {
                let tag = try row.tag(0)
                if let refusal = rules.refusal(of: tag) { return refusal }
                last = tag.text
            }
            guard rows.count == Catalog.rowsPerClosure else { return nil }
        }
    }
}

extension SQLRow {
    /// Of `name, repositories, tags, exceptions`.
    func tagRule() throws(CatalogError) -> TagRule {
        let name = try text(0)
        do {
            guard let rule = RuleName(name) else { throw CatalogError.damaged("no name of a rule") }
            return try TagRule(
                name: rule, repositories: RepositoryPattern(text(1)), tags: patterns(2), exceptions: patterns(3))
        } catch { throw .damaged("the rule '\(name)' cannot be read: \(error)") }
    }

    private func patterns(_ index: Int) throws -> [TagPattern] {
        try text(index).split(separator: " ").map { try TagPattern($0) }
    }
}

extension Catalog {
    package func tagRules() async throws(CatalogError) -> [TagRule] {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows(
                "SELECT name, repositories, tags, exceptions FROM tag_rule ORDER BY name LIMIT ?",
                [.integer(Int64(TagRules.most))]
            ).map { row throws(CatalogError) in try row.tagRule() }
        }
    }

    package enum RuleAddition: Hashable, Sendable {
        case added, replaced, unchanged
        /// There are as many as there may be.
        case tooMany
    }

    /// Adds a rule; another one of the same name is replaced. It holds for every write that is committed after it.
    package func add(_ rule: TagRule, by principal: Principal) async throws(CatalogError) -> RuleAddition {
        try await write { [self] transaction, _ throws(CatalogError) in
            let known = try transaction.rows(
                "SELECT name, repositories, tags, exceptions FROM tag_rule LIMIT ?",
                [.integer(Int64(TagRules.most))]
            ).map { row throws(CatalogError) in try row.tagRule() }
            let old = known.first { $0.name == rule.name }
            if old == rule { return .unchanged }
            guard old != nil || known.count < TagRules.most else { return .tooMany }
            try transaction.execute("DELETE FROM tag_rule WHERE name = ?", [.text(rule.name.text)])
            try transaction.execute(
                """
                INSERT INTO tag_rule (name, repositories, tags, exceptions, created_at, created_by)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
                [
                    .text(rule.name.text), .text(rule.repositories.text), .text(text(rule.tags)),
                    .text(text(rule.exceptions)), .integer(clock.wall()), .text(principal.text),
                ])
            return old == nil ? .added : .replaced
        }
    }

    /// False: there was none.
    package func removeTagRule(_ name: RuleName) async throws(CatalogError) -> Bool {
        try await write { transaction, _ throws(CatalogError) in
            try transaction.execute("DELETE FROM tag_rule WHERE name = ?", [.text(name.text)]) > 0
        }
    }

    private func text(_ patterns: [TagPattern]) -> String { patterns.map(\.text).joined(separator: " ") }
}
