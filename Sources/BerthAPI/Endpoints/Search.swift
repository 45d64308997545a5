import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes

/// `GET /v1/search?q=&n=&page=`: repositories by a part of their name that the caller may pull, in the form that
/// `docker search` reads. A token that was not issued for the catalog finds what it was issued for.
struct Search: Endpoint {
    private static let most = 100
    private static let usual = 25

    func isLong(_ call: Call) -> Bool { true }

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let text = try call.query.value("q") ?? ""
        let size = min(max(1, try number("n", call) ?? Self.usual), Self.most)
        let page = max(1, try number("page", call) ?? 1)
        let caller = call.caller.token?.readsCatalog == true ? call.caller.withoutToken : call.caller
        let found: SearchPage
        do {
            found = try await call.registry.search(text, page: page, size: size, for: caller)
        } catch { throw Refusal(error) }
        return .json(Self.document(found, text, page: page, size: size).bytes)
    }

    private func number(_ key: String, _ call: Call) throws(Refusal) -> Int? {
        guard let text = try call.query.value(key) else { return nil }
        guard let number = Int64(decimal: text.utf8) else { throw .parameter(key, "has to be a number") }
        return Int(min(number, 1_000_000))
    }

    private static func document(_ found: SearchPage, _ text: String, page: Int, size: Int) -> JSONWriter {
        var json = JSONWriter()
        json.beginObject()
        json.key("num_results")
        json.int(found.total)
        json.key("query")
        json.string(text)
        json.key("page")
        json.int(page)
        json.key("page_size")
        json.int(size)
        json.key("num_pages")
        json.int((found.total + size - 1) / size)
        json.key("results")
        json.beginArray()
        for name in found.names {
            json.beginObject()
            json.key("name")
            json.string(name.text)
            json.key("description")
            json.string(found.descriptions[name]?.text ?? "")
            json.key("star_count")
            json.int(0)
            json.key("is_official")
            json.bool(false)
            json.key("is_automated")
            json.bool(false)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json
    }
}
