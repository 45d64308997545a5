import BerthAccess
import BerthCatalog
import BerthCollector
import BerthModel
import BerthRegistry
import HTTPTypes

extension AdminOperation {
    static let collector: [AdminOperation] = [
        AdminOperation(.get, "/gc", "planCollection", "What a collection would take away now, and why.") {
            call throws(AccessError) in
            let plan = try await call.asked { c async throws(CatalogError) in try await c.plan() }
            return AdminAnswer(.ok) { $0.write(plan) }
        },
        AdminOperation(
            .get, "/gc/progress", "showCollection",
            "What collections have done since the start of the server, and how far one is that is under way."
        ) { call throws(AccessError) in
            let damage = try await call.asked { c async throws(CatalogError) in try await c.damage() }
            let (total, present) = call.parts.collector.progress
            return AdminAnswer(.ok) { $0.write(total, damage, present) }
        },
        AdminOperation(
            .post, "/gc", "collect", "Take away what nothing keeps any more, and look through the whole store.",
            statuses: [200, 409]
        ) { call throws(AccessError) in
            // On a stopped registry nobody else gives content its place, and until then it keeps its links.
            _ = await call.parts.registry.settler.settleAll()
            let report = try await call.failing { () async throws(CatalogError) in
                try await call.parts.collector.collectAll()
            }
            guard report.rounds > 0 else { throw .conflict("a collection is under way") }
            await call.note("gc", "registry", "\(report.freedBlobs) items, \(report.freedBytes) bytes")
            let damage = try await call.asked { c async throws(CatalogError) in try await c.damage() }
            return AdminAnswer(.ok) { $0.write(report, damage) }
        },
        AdminOperation(
            .get, "/content/{digest}", "explainContent", "Why some content is kept, or how far it has gone.",
            statuses: [200, 400]
        ) { call throws(AccessError) in
            let digest = try call.digest(0)
            let story = try await call.asked { c async throws(CatalogError) in try await c.explain(digest) }
            return AdminAnswer(.ok) { $0.write(story, of: digest) }
        },
        AdminOperation(
            .post, "/repositories/{repository}/manifests/{digest}/undelete", "undeleteManifest",
            "Bring back a deleted manifest with its tags and all that went with it.", statuses: [200, 400, 404, 409]
        ) { call throws(AccessError) in
            let (repository, digest) = (try call.repository(0), try call.digest(1))
            let outcome = try await call.asked { c async throws(CatalogError) in
                try await c.undelete(digest, in: repository, by: call.principal)
            }
            guard case .restored(let manifests, let tags, let skipped) = outcome else {
                return try .undeletion(outcome, of: digest, in: repository)
            }
            await call.note("undelete", "\(repository)@\(digest)", "")
            return AdminAnswer(.ok) { json in
                json.beginObject()
                json.member("changed", true)
                json.key("manifests")
                json.int(manifests)
                json.member("tags", tags.map(\.text))
                json.member("skipped", skipped.map(\.text))
                json.endObject()
            }
        },
    ]
}

extension AdminAnswer {
    /// Why something did not come back; that it is here already is no failure.
    fileprivate static func undeletion(
        _ outcome: Undeletion, of digest: Digest, in repository: RepositoryName
    ) throws(AccessError) -> AdminAnswer {
        switch outcome {
        case .restored, .notDeleted: return .changed(false)
        case .unknownRepository: throw .unknown("repository \(repository)")
        case .unknownManifest: throw .unknown("manifest \(digest) in \(repository) (any more)")
        case .tooLate: throw .conflict("its window is over")
        case .wentWith(let other): throw .conflict("it went with \(other): undelete that")
        }
    }
}
