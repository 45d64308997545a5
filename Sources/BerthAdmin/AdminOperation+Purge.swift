import BerthAccess
import BerthCatalog
import BerthModel
import BerthRegistry
import HTTPTypes

extension AdminOperation {
    static let purges: [AdminOperation] = [
        AdminOperation(.get, "/purges", "listPurges", "What was purged, the last first.") { call throws(AccessError) in
            .list(
                "purges", try await call.asked { c async throws(CatalogError) in try await c.purges(limit: 1_000) }
            ) { $0.write($1) }
        },
        AdminOperation(
            .get, "/purges/{target}", "planPurge", "What a purge of a digest or repository would take.",
            statuses: [200, 400]
        ) { call throws(AccessError) in
            let target = try call.purgeTarget()
            let plan = try await call.asked { c async throws(CatalogError) in try await c.planPurge(target) }
            return AdminAnswer(.ok) { $0.write(plan, of: target) }
        },
        AdminOperation(
            .post, "/purges/{target}", "purge",
            "Take a digest, or a repository, out of every repository, history, window and file at once.",
            statuses: [200, 400]
        ) { call throws(AccessError) in
            let target = try call.purgeTarget()
            let outcome = try await call.failing { () async throws(CatalogError) in
                try await call.parts.registry.purge(target, by: call.principal)
            }
            let purge = outcome.purge
            await call.note(
                "purge", "\(target)",
                "\(purge.manifests) manifests, \(purge.tags) tags, \(purge.blobs) items, \(purge.bytes) bytes")
            guard outcome.failure == nil else {
                throw .failed(.unavailable("purged content whose file could not be removed is tried again"))
            }
            return AdminAnswer(.ok) { $0.write(purge) }
        },
    ]
}

extension AdminCall {
    fileprivate func purgeTarget() throws(AccessError) -> PurgeTarget {
        guard let target = PurgeTarget(parameters[0]) else {
            throw .invalid("'\(parameters[0])' is neither a digest nor a repository name")
        }
        return target
    }
}

extension JSONWriter {
    mutating func write(_ purge: Purge) {
        beginObject()
        member("target", "\(purge.entry.target)")
        member("purged_at", Timestamp.text(milliseconds: purge.entry.at / 1_000))
        member("purged_by", purge.entry.principal.text)
        member("seq", number: purge.entry.seq)
        member("is_done", purge.isDone)
        member("manifests", number: purge.manifests)
        member("tags", number: purge.tags)
        member("items", number: purge.blobs)
        member("bytes", number: purge.bytes)
        endObject()
    }

    mutating func write(_ plan: PurgePlan, of target: PurgeTarget) {
        beginObject()
        member("target", "\(target)")
        member("manifests", number: plan.manifests)
        member("tags", number: plan.tags)
        member("repositories", plan.repositories.map(\.text).sorted())
        member("items", number: plan.blobs)
        member("bytes", number: plan.bytes)
        key("holders")
        beginArray()
        for holder in plan.holders {
            beginObject()
            member("repository", holder.repository.text)
            member("manifest", holder.digest.text)
            member("tags", holder.tags.map(\.text))
            member("is_deleted", holder.isDeleted)
            endObject()
        }
        endArray()
        member("is_cut", plan.isCut)
        endObject()
    }
}
