import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes
import NIOCore

/// `GET /v2/<name>/tags/list`: tags in byte order, by pages. Distribution specification, "Listing Tags".
struct ListTags: Endpoint {
    let repository: RepositoryName

    func isLong(_ call: Call) -> Bool { true }

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let paging = try Paging(call)
        let page: Page<Tag>
        do {
            page = try await call.registry.tags(in: repository, after: paging.last, limit: paging.limit)
        } catch { throw Refusal(error) }
        var json = JSONWriter()
        json.beginObject()
        json.key("name")
        json.string(repository.text)
        json.key("tags")
        json.strings(page.items.lazy.map(\.text))
        json.endObject()
        var response = Response.json(json.bytes)
        if page.hasMore, let end = page.items.last {
            response.headers[.link] = paging.link("/v2/\(repository)/tags/list", after: end.text)
        }
        return response
    }
}

extension JSONWriter {
    mutating func strings(_ items: some Sequence<String>) {
        beginArray()
        for item in items { string(item) }
        endArray()
    }
}

extension Response {
    static func json(_ document: [UInt8], type: String = "application/json") -> Response {
        Response(
            status: .ok, headers: [.contentType: type, .cacheControl: "private, no-cache"],
            body: .bytes(ByteBuffer(bytes: document)))
    }
}
