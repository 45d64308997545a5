import BerthModel
import Foundation
import HTTPTypes
import Testing

@testable import BerthAPI

@Suite("Routes")
struct RouteTests {
    private static let digest = "sha256:" + String(repeating: "a", count: 64)

    @Test(
        "a path names what it names, read from its end",
        arguments: [
            ("/", Route.root), ("/healthz", .health), ("/readyz", .readiness), ("/v2", .version), ("/v2/", .version),
            ("/v2/_catalog", .catalog), ("/v1/search", .search), ("/auth/token", .token), ("/auth/keys", .keys),
            ("/v2/a/manifests/1", .manifest(name("a"), reference: "1")),
            ("/v2/a/b/c/manifests/\(digest)", .manifest(name("a/b/c"), reference: digest)),
            ("/v2/manifests/manifests/manifests", .manifest(name("manifests"), reference: "manifests")),
            ("/v2/a/blobs/\(digest)", .blob(name("a"), digest: digest)),
            ("/v2/a/blobs/sha256%3A1", .blob(name("a"), digest: "sha256:1")),
            ("/v2/a/blobs/uploads/", .uploads(name("a"))), ("/v2/a/blobs/uploads", .uploads(name("a"))),
            ("/v2/blobs/uploads/blobs/uploads/", .uploads(name("blobs/uploads"))),
            ("/v2/a/blobs/uploads/x", .upload(name("a"), ticket: "x")),
            ("/v2/a/tags/list", .tags(name("a"))), ("/v2/tags/list/tags/list", .tags(name("tags/list"))),
            ("/v2/a/referrers/\(digest)", .referrers(name("a"), digest: digest)),
            ("/v2/%61/tags/list", .tags(name("a"))),
            ("/v2/docker.io/library/nginx/tags/list", .tags(name("docker.io/library/nginx"))),
        ])
    func known(path: String, route: Route) throws {
        #expect(try Route(path: path) == route)
    }

    @Test(
        "all else leads nowhere",
        arguments: [
            "", "v2", "//", "/v2//", "/v2/a", "/v2/a/b", "/v2/a/tags", "/v2/a/tags/list/", "/v2/a/manifests/",
            "/v2/a/manifests",
            "/v2/manifests/1", "/v2/blobs/uploads/", "/v2/a/blobs/", "/v2/a/uploads/x", "/v2/a//tags/list",
            "/v2/./tags/list",
            "/v2/a/../tags/list", "/v2/a/%2e%2E/tags/list", "/v2/a%2Fb/tags/list", "/v2/a%2fb/tags/list",
            "/v2/a/tags%2Flist",
            "/v2/a%00/tags/list", "/v2/a%0A/tags/list", "/v2/a%7F/tags/list", "/v2/a%/tags/list", "/v2/a%4/tags/list",
            "/v2/a%GG/tags/list", "/v2/%C3%28/tags/list", "/v2/_catalog/", "/v2/_catalog/x", "/healthz/", "/v1/search/",
            "/v1/",
            "/v1/_ping", "/V2/", "/v2%2F", "/v3/", "/v2/a/referrers/", "*", "/auth", "/auth/", "/auth/token/",
            "/auth/x",
        ])
    func nowhere(path: String) {
        #expect(refusal(path)?.status == .notFound)
    }

    @Test(
        "a name that is none is told apart from a path that is none",
        arguments: [
            "/v2/A/tags/list", "/v2/a_/tags/list", "/v2/a/-b/manifests/1", "/v2/a%25/tags/list", "/v2/\u{e9}/tags/list",
            "/v2/a b/tags/list", "/v2/" + String(repeating: "a", count: 256) + "/tags/list",
        ])
    func badName(path: String) {
        #expect(refusal(path)?.code == .nameInvalid)
    }

    @Test("an escape is decoded once: what it gives is not decoded again")
    func once() {
        #expect(refusal("/v2/%2561/tags/list")?.code == .nameInvalid)
    }

    @Test("every route but the open ones asks for a right (one table)")
    func rights() throws {
        // A search tells everybody what he may pull, and nothing else.
        let open: Set = ["root", "health", "version", "search", "token", "keys"]
        for path in [
            "/", "/healthz", "/readyz", "/auth/token", "/auth/keys", "/v2/", "/v2/_catalog", "/v1/search",
            "/v2/a/manifests/1", "/v2/a/blobs/x",
            "/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/x", "/v2/a/tags/list", "/v2/a/referrers/x",
        ] {
            let route = try Route(path: path)
            for method in route.methods(under: Switches()).components(separatedBy: ", ") {
                let entry = try #require(HTTPRequest.Method(method).flatMap(route.entry))
                #expect((entry.action == nil) == open.contains(route.label), "\(method) \(path)")
                let isReading = ["GET", "HEAD"].contains(method) || route == .token
                #expect((entry.kind == .reading) == isReading, "\(method) \(path)")
            }
        }
    }

    private static func name(_ text: String) -> RepositoryName {
        guard let name = try? RepositoryName(text) else { preconditionFailure("\(text) is a name") }
        return name
    }

    private func refusal(_ path: String) -> Refusal? {
        do throws(Refusal) {
            _ = try Route(path: path)
            return nil
        } catch { return error }
    }
}
