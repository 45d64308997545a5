import BerthAccess
import BerthTestSupport
import Testing

/// What is hidden from somebody must not show by any count, page or token.
@Suite("Hidden repositories")
struct HiddenRepositoryTests {
    @Test("a search tells nothing of what may not be pulled, on any page")
    func search() async throws {
        try await withLiveServer { server async throws in
            for number in 0..<5 { try await server.pushImage("x", to: "other/secret-\(number)", as: "1") }
            for number in 0..<3 { try await server.pushImage("x", to: "team/secret-\(number)", as: "1") }
            try await server.addUser("ann")
            try await server.grant("user:ann", .reader, on: "team/**")
            for (query, total, names) in [
                ("q=secret", 3, "team/secret-0 team/secret-1 team/secret-2"),
                ("q=secret&n=2", 3, "team/secret-0 team/secret-1"), ("q=secret&n=2&page=2", 3, "team/secret-2"),
                ("q=other", 0, ""), ("q=other&page=2&n=1", 0, ""),
            ] {
                let json = try await server.get("/v1/search?\(query)", [basic("ann")]).json()
                let results = json["results"] as? [[String: Any]] ?? []
                #expect(json["num_results"] as? Int == total, "\(query)")
                #expect(results.compactMap { $0["name"] as? String }.joined(separator: " ") == names, "\(query)")
            }
        }
    }

    @Test("a token finds what it was issued for; one for the catalog finds all that its owner may pull")
    func tokens() async throws {
        try await withLiveServer { server async throws in
            for name in ["a", "b"] { try await server.pushImage("x", to: "team/\(name)", as: "1") }
            try await server.addUser("ann")
            try await server.grant("user:ann", .reader, on: "team/**")
            for (scope, total) in [("repository:team/a:pull", 1), ("registry:catalog:*", 2), ("repository:b:pull", 0)] {
                let token = try await server.token(scope, as: "ann")
                let json = try await server.get("/v1/search?q=team", [token]).json()
                #expect(json["num_results"] as? Int == total, "\(scope)")
            }
        }
    }

    @Test("a mount without a source looks past those that may not be read")
    func mount() async throws {
        try await withLiveServer { server async throws in
            let digest = try await server.push("layer", to: "hidden/0")
            for number in 1..<70 {
                try await server.send("POST", "/v2/hidden/\(number)/blobs/uploads/?mount=\(digest)&from=hidden/0")
            }
            try await server.addUser("ann")
            try await server.grant("user:ann", .writer, on: "team/**")
            let target = "/v2/team/app/blobs/uploads/?mount=\(digest)"
            #expect(try await server.send("POST", target, [basic("ann")]).status == 202)
            #expect(
                try await server.send(
                    "POST", "/v2/team/base/blobs/uploads/?digest=\(digest)", [basic("ann")], body: Array("layer".utf8)
                ).status == 201)
            #expect(try await server.send("POST", target, [basic("ann")]).status == 201)
        }
    }
}
