import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes

/// `GET /v2/_catalog`: the repositories that hold a manifest and that the caller may pull, by pages. From Docker's
/// registry; reserved by the distribution specification.
struct ListRepositories: Endpoint {
    func isLong(_ call: Call) -> Bool { true }

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let paging = try Paging(call)
        let page: Page<RepositoryName>
        do {
            page = try await call.registry.repositories(
                after: paging.last, limit: paging.limit, for: call.principal)
        } catch { throw Refusal(error) }
        var json = JSONWriter()
        json.beginObject()
        json.key("repositories")
        json.strings(page.items.lazy.map(\.text))
        json.endObject()
        var response = Response.json(json.bytes)
        if page.hasMore, let end = page.items.last {
            response.headers[.link] = paging.link("/v2/_catalog", after: end.text)
        }
        return response
    }
}
