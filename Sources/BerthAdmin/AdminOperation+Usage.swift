import BerthAccess
import BerthCatalog
import BerthModel
import HTTPTypes

extension AdminOperation {
    static let usage: [AdminOperation] = [
        AdminOperation(
            .get, "/usage", "showUsage", "Where the bytes are: by repository, the largest first, and in total.",
            fields: [
                AdminField("repository", .string, "Only this repository, also where it was deleted; then no total."),
                AdminField("limit", .integer, "At most so many repositories; all without it."),
            ], statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            let limit = call.body.integer("limit").map { Int(clamping: max(0, $0)) } ?? .max
            if let text = call.body.string("repository") {
                let name = try call.repository(named: text)
                let found = try await call.asked { c async throws(CatalogError) in try await c.usage(of: name) }
                guard !found.isEmpty else { throw .unknown("repository \(name)") }
                return AdminAnswer(.ok) { json in
                    json.beginObject()
                    json.members(of: found, atMost: limit)
                    json.endObject()
                }
            }
            let usage = try await call.asked { c async throws(CatalogError) in try await c.usage() }
            let disk = await call.parts.disk()
            return AdminAnswer(.ok) { json in
                json.beginObject()
                json.members(
                    of: usage.repositories.sorted { ($1.weight, $0.name.text) < ($0.weight, $1.name.text) },
                    atMost: limit)
                json.key("total")
                json.write(usage, disk)
                json.endObject()
            }
        }
    ]
}

extension RepositoryUsage {
    /// What it is sorted by.
    fileprivate var weight: Int64 { bytes + deletedBytes }
}

extension JSONWriter {
    fileprivate mutating func members(of repositories: [RepositoryUsage], atMost limit: Int) {
        key("repositories")
        beginArray()
        for repository in repositories.prefix(limit) {
            beginObject()
            member("repository", repository.name.text)
            member("deleted", repository.isDeleted)
            member("bytes", number: repository.bytes)
            member("own_bytes", number: repository.ownBytes)
            member("deleted_bytes", number: repository.deletedBytes)
            member("manifests", number: repository.manifests)
            endObject()
        }
        endArray()
        member("left_off", number: repositories.count - min(limit, repositories.count))
    }

    fileprivate mutating func write(_ usage: CatalogUsage, _ disk: DiskUsage?) {
        beginObject()
        member("content_items", number: usage.blobs)
        member("content_bytes", number: usage.contentBytes)
        member("held_bytes", number: usage.heldBytes)
        member("saved_bytes", number: usage.savedBytes)
        member("leaving_bytes", number: usage.leavingBytes)
        member("staged_bytes", number: usage.stagedBytes + (disk?.sealedBytes ?? 0))
        if let disk {
            member("uploads", number: disk.uploads)
            member("upload_bytes", number: disk.uploadBytes)
            member("snapshots", number: disk.snapshots)
            member("snapshot_bytes", number: disk.snapshotBytes)
            member("catalog_bytes", number: disk.catalog)
            member("log_bytes", number: disk.log)
            member("free_bytes", number: disk.free)
        }
        endObject()
    }
}
