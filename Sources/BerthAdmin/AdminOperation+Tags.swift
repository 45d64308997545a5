import BerthAccess
import BerthCatalog
import BerthModel
import HTTPTypes

extension AdminOperation {
    static let tags: [AdminOperation] = [
        AdminOperation(
            .get, "/repositories/{repository}/tags", "listTags",
            "Tags in byte order, each with its last change and the rule that keeps it.",
            fields: [
                AdminField("deleted", .string, "yes: those that were deleted and not set again")
            ] + AdminPage.fields("tags"), statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            let repository = try call.repository(0)
            let (after, limit) = call.page
            let isDeleted = try call.yes("deleted")
            let found = try await call.asked { c async throws(CatalogError) in
                try await c.tagDetails(in: repository, deleted: isDeleted, after: after, limit: limit)
            }
            guard let found else { throw .unknown("repository \(repository)") }
            return .page("tags", found, next: found.count == limit ? found.last?.tag.text : nil) { $0.write($1) }
        },
        AdminOperation(
            .get, "/repositories/{repository}/tags/{tag}/history", "listTagHistory",
            "What happened to a tag, the newest first.",
            fields: [
                AdminField("before", .integer, "Only changes older than the one with this id."),
                AdminField("limit", .integer, "At most so many; 100 without it, 1000 at most."),
            ], statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            let (repository, tag) = (try call.repository(0), try call.tag(1))
            let (before, limit) = (call.body.integer("before"), call.page.limit)
            let changes = try await call.asked { c async throws(CatalogError) in
                try await c.history(of: tag, in: repository, before: before, limit: limit)
            }
            if changes.isEmpty, before == nil { throw .unknown("tag \(tag) in \(repository)") }
            return .list("changes", changes) { $0.write($1) }
        },
        AdminOperation(
            .post, "/repositories/{repository}/tags/{tag}/restore", "restoreTag",
            "Point a tag to what it pointed to before; without a field, bring back a deleted one.",
            fields: [
                AdminField("digest", .string, "A manifest that the tag once pointed to."),
                AdminField("at", .string, "A moment in UTC, as in 20260501T1200Z or 2026-05-01T12:00:00Z."),
            ], statuses: [200, 400, 404, 409]
        ) { call throws(AccessError) in
            let (repository, tag) = (try call.repository(0), try call.tag(1))
            let target = try call.target(tag)
            let outcome = try await call.asked { c async throws(CatalogError) in
                try await c.restore(tag, in: repository, to: target, by: call.principal)
            }
            let digest: Digest
            switch outcome {
            case .restored(let found):
                digest = found
                await call.note("tag.restore", "\(repository):\(tag)", "\(digest)")
            case .unchanged(let found): digest = found
            case .unknownRepository: throw .unknown("repository \(repository)")
            case .neverWas: throw .unknown("earlier target of \(tag) in \(repository)")
            case .nothingThen(.gone(let manifest)):
                throw .conflict("\(tag) pointed to \(manifest), which was deleted: undelete that first")
            case .nothingThen: throw .conflict("\(tag) was not set at that moment")
            case .refused(.immutable(_, let rule)): throw .conflict("the rule \(rule) keeps \(tag)")
            case .refused(.virtual): throw .invalid("\(tag) names a tag at a moment")
            }
            return AdminAnswer(.ok) { json in
                json.beginObject()
                if case .restored = outcome { json.member("changed", true) } else { json.member("changed", false) }
                json.member("digest", digest.text)
                json.endObject()
            }
        },
        AdminOperation(.get, "/tag-rules", "listTagRules", "The rules that keep tags as they are.") {
            call throws(AccessError) in
            .list("rules", try await call.asked { c async throws(CatalogError) in try await c.tagRules() }) {
                $0.write($1)
            }
        },
        AdminOperation(
            .post, "/tag-rules", "addTagRule", "Keep tags as they are; a rule of the same name is replaced.",
            fields: [
                AdminField("name", .string, required: true, "lower-case letters, digits and -, at most 64"),
                AdminField("repositories", .string, "A pattern as in a grant; ** without it."),
                AdminField("tags", .strings, required: true, "Patterns as in v*; one of them has to fit."),
                AdminField("except", .strings, "Patterns; none of them may fit."),
            ], statuses: [200, 201, 400, 409]
        ) { call throws(AccessError) in
            let rule = try call.rule()
            let addition = try await call.asked { c async throws(CatalogError) in
                try await c.add(rule, by: call.principal)
            }
            switch addition {
            case .tooMany: throw .conflict("there are as many rules as there may be")
            case .unchanged: break
            case .added, .replaced:
                await call.note("tag-rule.add", rule.name.text, "\(rule.repositories) \(rule.tags) \(rule.exceptions)")
            }
            return AdminAnswer(addition == .added ? .created : .ok) { json in
                json.beginObject()
                json.member("name", rule.name.text)
                json.member("changed", addition != .unchanged)
                json.endObject()
            }
        },
        AdminOperation(
            .delete, "/tag-rules/{name}", "removeTagRule", "Let the tags of a rule be moved and deleted again.",
            statuses: [200, 400]
        ) { call throws(AccessError) in
            guard let name = RuleName(call.parameters[0]) else {
                throw .invalid("'\(call.parameters[0])' names no rule")
            }
            let isRemoved = try await call.asked { c async throws(CatalogError) in try await c.removeTagRule(name) }
            if isRemoved { await call.note("tag-rule.remove", name.text, "") }
            return .changed(isRemoved)
        },
    ]
}

extension AdminCall {
    /// A field of a query that is either there with `yes`, or not.
    fileprivate func yes(_ field: String) throws(AccessError) -> Bool {
        switch body.string(field) {
        case nil, "no": false
        case "yes": true
        case let other?: throw .invalid("'\(field)' is yes or no, not '\(other)'")
        }
    }

    fileprivate func target(_ tag: Tag) throws(AccessError) -> TagTarget {
        switch (body.string("digest"), body.string("at")) {
        case (nil, nil): return .last
        case (let text?, nil):
            do { return .digest(try Digest(text)) } catch { throw .invalid("'\(text)' is no digest") }
        case (nil, let text?):
            // With or without the separators of RFC 3339.
            let plain = text.filter { $0 != "-" && $0 != ":" }
            guard let name = try? Tag("t--at-" + plain), let moment = VirtualTag(name)?.moment else {
                throw .invalid("'\(text)' is no moment; write as in 2026-05-01T12:00:00Z")
            }
            return .moment(moment)
        case (_?, _?): throw .invalid("give a digest or a moment, not both")
        }
    }

    fileprivate func rule() throws(AccessError) -> TagRule {
        let text = body.string("name") ?? ""
        guard let name = RuleName(text) else {
            throw .invalid("a rule's name has lower-case letters, digits and -, at most 64, not '\(text)'")
        }
        let repositories: RepositoryPattern
        do { repositories = try RepositoryPattern(body.string("repositories") ?? "**") } catch {
            throw .invalid(error.message)
        }
        let (tags, exceptions) = (try patterns("tags"), try patterns("except"))
        do {
            return try TagRule(name: name, repositories: repositories, tags: tags, exceptions: exceptions)
        } catch { throw .invalid(error.message) }
    }

    private func patterns(_ field: String) throws(AccessError) -> [TagPattern] {
        var patterns: [TagPattern] = []
        for text in body.strings(field) ?? [] {
            do { patterns.append(try TagPattern(text)) } catch { throw .invalid(error.message) }
        }
        return patterns
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ tag: TagDetails) {
        beginObject()
        member("tag", tag.tag.text)
        key("digest")
        if let digest = tag.digest { string(digest.text) } else { null() }
        key("type")
        if let type = tag.type { string(type.rawValue) } else { null() }
        member("changed_at", at: tag.change?.at)
        key("changed_by")
        if let change = tag.change { string(change.principal.text) } else { null() }
        key("last_digest")
        if let old = tag.digest == nil ? tag.change?.old : nil { string(old.text) } else { null() }
        key("rule")
        if let rule = tag.rule { string(rule.text) } else { null() }
        endObject()
    }

    fileprivate mutating func write(_ change: TagChange) {
        beginObject()
        member("id", number: change.id)
        member("changed_at", at: change.at)
        member("changed_by", change.principal.text)
        key("from")
        if let old = change.old { string(old.text) } else { null() }
        key("to")
        if let new = change.new { string(new.text) } else { null() }
        endObject()
    }

    fileprivate mutating func write(_ rule: TagRule) {
        beginObject()
        member("name", rule.name.text)
        member("repositories", rule.repositories.text)
        member("tags", rule.tags.map(\.text))
        member("except", rule.exceptions.map(\.text))
        endObject()
    }
}
