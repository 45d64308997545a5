import BerthModel
import HTTPTypes

/// Lists that come in pages: the fields that ask for one, and how it is answered.
enum AdminPage {
    static let most = 1_000
    private static let usual = 100

    static func fields(_ of: String) -> [AdminField] {
        [
            AdminField("after", .string, "Only \(of) after this place: `next` of the page before."),
            AdminField("limit", .integer, "At most so many; \(usual) without it, \(most) at most."),
        ]
    }

    static func limit(_ body: AdminBody) -> Int {
        Int(clamping: min(max(1, body.integer("limit") ?? Int64(usual)), Int64(most)))
    }
}

extension AdminCall {
    /// The page that was asked for.
    var page: (after: String?, limit: Int) { (body.string("after"), AdminPage.limit(body)) }
}

extension AdminAnswer {
    /// A page of a list; `next` is where the one after it begins, null where there is none.
    static func page<Item>(
        _ key: String, _ items: [Item], next: String?, _ write: (inout JSONWriter, Item) -> Void
    ) -> AdminAnswer {
        AdminAnswer(.ok) { json in
            json.beginObject()
            json.member(key, items, write)
            json.key("next")
            if let next { json.string(next) } else { json.null() }
            json.endObject()
        }
    }
}
