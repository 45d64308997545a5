import BerthAccess
import BerthCatalog
import BerthModel
import BerthRegistry
import HTTPTypes

extension AdminOperation {
    private static let settings = [
        AdminField("public", .boolean, "Whether everyone may pull: a grant of reader to everyone on this name."),
        AdminField("protected", .boolean, "Whether every deletion in it is refused."),
        AdminField("description", .string, "What it is, in one line; searches show it."),
    ]

    static let repositories: [AdminOperation] = [
        AdminOperation(
            .get, "/repositories", "listRepositories", "Repositories in byte order, also those that hold nothing yet.",
            fields: AdminPage.fields("repositories")
        ) { call throws(AccessError) in
            let (after, limit) = call.page
            let facts = try await call.asked { c async throws(CatalogError) in
                try await c.repositoryFacts(after: after, limit: limit)
            }
            return .page("repositories", facts, next: facts.count == limit ? facts.last?.name.text : nil) {
                json, fact in
                json.beginObject()
                json.members(of: fact, call.access.visibility(of: fact.name))
                json.endObject()
            }
        },
        AdminOperation(
            .get, "/deleted-repositories", "listDeletedRepositories",
            "Deleted repositories that can still be brought back.", fields: AdminPage.fields("repositories")
        ) { call throws(AccessError) in
            let (after, limit) = call.page
            let found = try await call.asked { c async throws(CatalogError) in
                try await c.deletedRepositories(after: after, limit: limit)
            }
            return .page("repositories", found, next: found.count == limit ? found.last?.cursor : nil) {
                json, deleted in
                json.beginObject()
                json.member("id", number: deleted.id)
                json.member("name", deleted.name.text)
                json.member("manifests", number: deleted.manifests)
                json.member("deleted_at", at: deleted.deletedAt)
                json.member("deleted_by", deleted.deletedBy.text)
                json.member("window_left", number: deleted.windowLeft / 1_000_000)
                json.member("until", at: deleted.until)
                json.endObject()
            }
        },
        AdminOperation(
            .post, "/repositories", "createRepository",
            "Make a repository that holds nothing yet; one that is there stays as it is.",
            fields: [AdminField("name", .string, required: true, "As in team/app")] + settings,
            statuses: [200, 201, 400]
        ) { call throws(AccessError) in
            let name = try call.repository(named: call.body.string("name") ?? "")
            let change = try call.repositoryChange()
            let isThere = try await call.asked { c async throws(CatalogError) in try await c.hasRepository(name) }
            guard !isThere else { return .added(.thereAlready, name.text) }
            // Before the repository, so that a second run after a failure makes up for it.
            if call.body.bool("public") == true { _ = try await call.access.setPublic(true, name, by: call.actor) }
            let isNew = try await call.asked { c async throws(CatalogError) in
                try await c.createRepository(name, change)
            }
            guard isNew else { return .added(.thereAlready, name.text) }
            await call.note("repository.create", name.text, change.words)
            return .added(.added, name.text)
        },
        AdminOperation(
            .get, "/repositories/{repository}", "getRepository", "One repository, and how many bytes it holds.",
            statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            let name = try call.repository(0)
            let fact = try await call.asked { c async throws(CatalogError) in try await c.repositoryFact(name) }
            guard let fact else { throw .unknown("repository \(name)") }
            let usage = try await call.asked { c async throws(CatalogError) in
                try await c.usage(of: name).first { !$0.isDeleted }
            }
            let uploads = try await call.asked { c async throws(CatalogError) in try await c.openUploads(in: name) }
            return AdminAnswer(.ok) { json in
                json.beginObject()
                json.members(of: fact, call.access.visibility(of: name))
                json.member("bytes", number: usage?.bytes ?? 0)
                json.member("own_bytes", number: usage?.ownBytes ?? 0)
                json.member("deleted_bytes", number: usage?.deletedBytes ?? 0)
                json.member("open_uploads", number: uploads)
                json.endObject()
            }
        },
        AdminOperation(
            .patch, "/repositories/{repository}", "changeRepository",
            "Make a repository public, private, protected or not, or describe it.", fields: settings,
            statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            let (name, change) = (try call.repository(0), try call.repositoryChange())
            let changed = try await call.asked { c async throws(CatalogError) in
                try await c.changeRepository(name, change)
            }
            guard var changed else { throw .unknown("repository \(name)") }
            if changed { await call.note("repository.set", name.text, change.words) }
            if let isPublic = call.body.bool("public"),
                try await call.access.setPublic(isPublic, name, by: call.actor)
            {
                changed = true
            }
            return AdminAnswer(.ok) { [changed] json in
                json.beginObject()
                json.member("changed", changed)
                json.members(of: call.access.visibility(of: name))
                json.endObject()
            }
        },
        AdminOperation(
            .delete, "/repositories/{repository}", "deleteRepository",
            "Delete a repository with all that it holds; it can be brought back within the window.",
            statuses: [200, 400, 403]
        ) { call throws(AccessError) in
            let name = try call.repository(0)
            let outcome = try await call.failing { () async throws(CatalogError) in
                try await call.parts.registry.deleteRepository(name, by: call.principal)
            }
            switch outcome {
            case .done(let manifests):
                await call.note("repository.delete", name.text, "\(manifests) manifests")
                return .restoredOrDeleted(name, manifests)
            case .protected:
                throw .denied(
                    "repository \(name) is protected: nothing in it may be deleted; "
                        + "`berth repository set \(name) --unprotected` lifts that")
            case .kept(.immutable(let tag, let rule)):
                throw .denied(
                    "the rule \(rule) keeps the tag \(tag) of \(name), and so the repository; "
                        + "`berth tag rule remove \(rule)` lifts that")
            case .unknownRepository, .nameTaken, .tooLate, .kept(.virtual): return .changed(false)
            }
        },
        AdminOperation(
            .post, "/repositories/{repository}/undelete", "undeleteRepository",
            "Bring back the repository of that name that was deleted last, or the one with an id.",
            fields: [
                AdminField("as", .string, "The name under which it comes back; its own without it."),
                AdminField("id", .integer, "Which one of its name, as deleted-repositories tells."),
            ],
            statuses: [200, 400, 404, 409]
        ) { call throws(AccessError) in
            let name = try call.repository(0)
            let target =
                try call.body.string("as").map { text throws(AccessError) in
                    try call.repository(named: text)
                } ?? name
            let outcome = try await call.asked { c async throws(CatalogError) in
                try await c.undeleteRepository(name, id: call.body.integer("id"), as: target, by: call.principal)
            }
            switch outcome {
            case .done(let manifests):
                await call.note("repository.undelete", name.text, target == name ? "" : "as \(target)")
                return .restoredOrDeleted(target, manifests)
            case .nameTaken:
                throw .conflict(
                    target == name
                        ? "there is a repository \(name) again: bring this one back under another name (--as)"
                        : "there is a repository \(target) already")
            case .tooLate: throw .conflict("its window is over")
            case .unknownRepository, .protected, .kept:
                let isThere = try await call.asked { c async throws(CatalogError) in
                    try await c.hasRepository(target)
                }
                guard isThere else { throw .unknown("deleted repository \(name)") }
                return .changed(false)
            }
        },
    ]
}

extension AdminCall {
    fileprivate func repositoryChange() throws(AccessError) -> RepositoryChange {
        var change = RepositoryChange(isProtected: body.bool("protected"))
        if let text = body.string("description") {
            do { change.description = try RepositoryDescription(text) } catch { throw .invalid(error.message) }
        }
        return change
    }
}

extension RepositoryChange {
    /// For the audit log.
    fileprivate var words: String {
        var words: [String] = []
        if let isProtected { words.append(isProtected ? "protected" : "unprotected") }
        if let description { words.append("description \"\(description)\"") }
        return words.joined(separator: ", ")
    }
}

extension AdminAnswer {
    fileprivate static func restoredOrDeleted(_ name: RepositoryName, _ manifests: Int) -> AdminAnswer {
        AdminAnswer(.ok) { json in
            json.beginObject()
            json.member("changed", true)
            json.member("name", name.text)
            json.member("manifests", number: manifests)
            json.endObject()
        }
    }
}

extension JSONWriter {
    fileprivate mutating func members(of fact: RepositoryFact, _ visibility: Visibility) {
        member("name", fact.name.text)
        member("description", fact.description.text)
        members(of: visibility)
        member("protected", fact.isProtected)
        member("manifests", number: fact.manifests)
        member("tags", number: fact.tags)
        member("created_at", at: fact.createdAt)
    }

    fileprivate mutating func members(of visibility: Visibility) {
        member("visibility", visibility.isPublic ? "public" : "private")
        var reasons = visibility.isOpen ? ["there are no accounts"] : []
        if visibility.isGranted { reasons.append("everyone is a reader of it") }
        reasons += visibility.patterns.map { "everyone is a reader of \($0)" }
        member("visible_because", reasons)
    }
}
