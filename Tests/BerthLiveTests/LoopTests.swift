import BerthAPI
import BerthAccess
import BerthHTTP
import BerthServer
import BerthTestSupport
import HTTPTypes
import Logging
import Testing

/// Signatures, passwords and long lists leave the event loops free.
@Suite("What may hold up an event loop")
struct LoopTests {
    private struct AlwaysReady: Readiness {
        func trouble() async -> String? { nil }
    }

    @Test(
        "tokens are issued and checked elsewhere",
        arguments: [
            (HTTPRequest.Method.get, "/auth/token?scope=repository:a:pull", false), (.post, "/auth/token", false),
            (.get, "/v2/team/a/tags/list?n=1", true), (.get, "/v2/_catalog?n=1", false),
        ])
    func elsewhere(method: HTTPRequest.Method, target: String, hasToken: Bool) async throws {
        try await withClosedServer { server async throws in
            let api = API(
                registry: server.server.registry, access: server.access, settings: APISettings(),
                readiness: AlwaysReady(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let token = try await server.token("repository:team/a:pull", as: "ann").1
            let header = hasToken ? token : basic("ann").1
            let request = Request(
                method: method, target: target, headers: [.hostHeader: "localhost", .authorization: header])
            guard case .longTask = api.handle(request) else {
                Issue.record("\(method) \(target) would run on the event loop")
                return
            }
        }
    }
}
