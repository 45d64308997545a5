import BerthHTTP
import BerthModel
import BerthRegistry

/// `GET /v2/<name>/tags/list`: tags in byte order, by pages. Distribution specification, "Listing Tags".
struct ListTags: Endpoint {
    let repository: RepositoryName

    func isLong(_ call: Call) -> Bool { Paging.isLong(call) }

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let (registry, repository) = (call.registry, repository)
        let list = NameList(path: "/v2/\(repository)/tags/list") { json in
            json.key("name")
            json.string(repository.text)
            json.key("tags")
        } read: { last, limit throws(RegistryError) in
            try await registry.tags(in: repository, after: last, limit: limit).names { $0.text }
        }
        return try await list.answer(Paging(call))
    }
}
