import BerthAccess
import BerthHTTP
import BerthModel
import BerthRegistry

/// `GET /v2/_catalog`: the repositories that hold a manifest and that the caller may pull, by pages. From Docker's
/// registry; reserved by the distribution specification.
struct ListRepositories: Endpoint {
    /// Where there are accounts, many names may be looked at for the few that are shown.
    func isLong(_ call: Call) -> Bool { call.context.gate.access.isClosed || Paging.isLong(call) }

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let (registry, caller) = (call.registry, call.caller.withoutToken)
        let list = NameList(path: "/v2/_catalog") { json in
            json.key("repositories")
        } read: { last, limit throws(RegistryError) in
            try await registry.repositories(after: last, limit: limit, for: caller).names { $0.text }
        }
        return try await list.answer(Paging(call))
    }
}
