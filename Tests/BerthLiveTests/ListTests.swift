import BerthBlobs
import BerthCatalog
import BerthConfig
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import Testing

/// Distribution specification, "Listing Tags"; the catalog and search are Docker's.
@Suite("Lists")
struct ListTests {
    @Test("tags come in byte order, by pages that lead from one to the next")
    func tags() async throws {
        try await withLiveServer { server in
            let names = ["b", "B", "a", "a.1", "a-1", "_x", "10", "9"]
            for name in names { try await server.pushImage("layer", to: "a/b", as: name) }
            let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            let all = try await server.get("/v2/a/b/tags/list")
            #expect(all.header("Content-Type") == "application/json")
            #expect(all.header("Link") == nil)
            #expect(try all.json()["name"] as? String == "a/b")
            #expect(try all.json()["tags"] as? [String] == sorted)
            var target: String? = "/v2/a/b/tags/list?n=3"
            var found: [String] = []
            while let next = target {
                let page = try await server.get(next)
                found += try page.json()["tags"] as? [String] ?? []
                target = page.nextTarget
                #expect(target?.contains("n=3") ?? true)
            }
            #expect(found == sorted)
        }
    }

    @Test(
        "edges of n and last",
        arguments: [
            ("?n=0", []), ("?n=1", ["a"]), ("?n=99999999999999999999", ["a", "b"]), ("?last=a", ["b"]),
            ("?last=aa", ["b"]),
            ("?last=~", []), ("?n=2", ["a", "b"]), ("?last=", ["a", "b"]), ("?other=1", ["a", "b"]),
        ])
    func edges(query: String, expected: [String]) async throws {
        try await withLiveServer { server in
            for name in ["a", "b"] { try await server.pushImage("layer", to: "a/b", as: name) }
            let reply = try await server.get("/v2/a/b/tags/list\(query)")
            #expect(reply.status == 200)
            #expect(try reply.json()["tags"] as? [String] == expected)
        }
    }

    @Test(
        "parameters that can't be used are 400 and named",
        arguments: [
            ("?n=-1", "n"), ("?n=x", "n"), ("?n=1&n=2", "n"), ("?last=%00", "last"), ("?n=", "n"),
        ])
    func badParameters(query: String, name: String) async throws {
        try await withLiveServer { server in
            try await server.pushImage("layer", to: "a/b", as: "1")
            let reply = try await server.get("/v2/a/b/tags/list\(query)")
            #expect(reply.status == 400)
            #expect(reply.errorCodes == ["UNSUPPORTED"])
            #expect(reply.detail["parameter"] as? String == name)
        }
    }

    @Test("a repository without tags has an empty list, one that is not there is 404")
    func noTags() async throws {
        try await withLiveServer { server in
            try await server.push("blob", to: "a/b")
            #expect(try await server.get("/v2/a/b/tags/list").text == #"{"name":"a/b","tags":[]}"#)
            let none = try await server.get("/v2/a/c/tags/list")
            #expect(none.status == 404)
            #expect(none.errorCodes == ["NAME_UNKNOWN"])
        }
    }

    @Test("the catalog shows repositories with a manifest, by pages")
    func catalog() async throws {
        try await withLiveServer { server in
            for name in ["b", "a/b", "a", "a-b"] { try await server.pushImage("layer", to: name, as: "1") }
            try await server.push("blob", to: "only/blobs")
            let all = try await server.get("/v2/_catalog")
            #expect(try all.json()["repositories"] as? [String] == ["a", "a-b", "a/b", "b"])
            let page = try await server.get("/v2/_catalog?n=3")
            #expect(page.header("Link") == "</v2/_catalog?n=3&last=a%2Fb>; rel=\"next\"")
            let next = try await server.get(page.nextTarget ?? "")
            #expect(try next.json()["repositories"] as? [String] == ["b"])
            #expect(next.header("Link") == nil)
            #expect(try await server.get("/v2/_catalog?n=0").json()["repositories"] as? [String] == [])
        }
    }

    @Test("search finds parts of names, literally")
    func search() async throws {
        try await withLiveServer { server in
            for name in ["team/web_app", "team/webxapp", "other"] {
                try await server.pushImage("layer", to: name, as: "1")
            }
            let reply = try await server.get("/v1/search?q=web_app&n=25")
            #expect(reply.status == 200)
            let json = try reply.json()
            #expect(json["num_results"] as? Int == 1)
            #expect(json["query"] as? String == "web_app")
            let results = try #require(json["results"] as? [[String: Any]])
            #expect(results.compactMap { $0["name"] as? String } == ["team/web_app"])
            #expect(results[0]["is_official"] as? Bool == false)
            #expect(try await server.get("/v1/_ping").status == 404)
        }
    }

    @Test("a page of a search has its limits", arguments: [("&n=500", 100), ("", 25), ("&n=0", 1)])
    func searchPages(query: String, size: Int) async throws {
        try await withLiveServer { server async throws in
            #expect(try await server.get("/v1/search?q=a\(query)").json()["page_size"] as? Int == size)
            let bad = try await server.get("/v1/search?q=a&n=x")
            #expect(bad.status == 400)
            #expect(bad.detail["parameter"] as? String == "n")
        }
    }

    @Test("a page has 10,000 tags at most, and as many where nothing is asked")
    func longestPage() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b")
            let tags = (10_000...20_000).map { "t\($0)" }
            for start in stride(from: 0, to: tags.count, by: 64) {
                let query = tags[start..<min(start + 64, tags.count)].map { "tag=\($0)" }.joined(separator: "&")
                #expect(try await server.put(image, to: "a/b", as: "\(image.digest)?\(query)").status == 201)
            }
            let usual = try await server.get("/v2/a/b/tags/list")
            #expect(usual.header("Transfer-Encoding") == "chunked")
            #expect(usual.text.hasPrefix(#"{"name":"a/b","tags":["t10000","t10001","#))
            #expect(try usual.json()["tags"] as? [String] == Array(tags.dropLast()))
            #expect(usual.nextTarget == "/v2/a/b/tags/list?last=t19999")
            let clamped = try await server.get("/v2/a/b/tags/list?n=20000")
            #expect(try clamped.json()["tags"] as? [String] == Array(tags.dropLast()))
            #expect(clamped.nextTarget == "/v2/a/b/tags/list?n=10000&last=t19999")
            for n in [999, 1_000, 1_001, 2_000, 2_500] {
                let page = try await server.get("/v2/a/b/tags/list?n=\(n)&last=t10999")
                #expect(try page.json()["tags"] as? [String] == Array(tags[1_000..<(1_000 + n)]))
                #expect(page.nextTarget == "/v2/a/b/tags/list?n=\(n)&last=\(tags[999 + n])")
                #expect(page.header("Transfer-Encoding") == (n > 1_000 ? "chunked" : nil))
            }
            let all = try await server.get("/v2/a/b/tags/list?last=t11000")
            #expect(try all.json()["tags"] as? [String] == Array(tags[1_001...]))
            #expect(all.nextTarget == nil)
            let rest = try await server.get(clamped.nextTarget ?? "")
            #expect(try rest.json()["tags"] as? [String] == ["t20000"])
            #expect(rest.nextTarget == nil)
        }
    }
}

/// Distribution specification, "Listing Referrers".
@Suite("Referrers")
struct ReferrerTests {
    private func signature(_ subject: Document, _ type: String, config: String, _ extra: String = "") throws -> Document
    {
        try Document(
            """
            {"schemaVersion":2,"artifactType":"\(type)",\(extra)"config":{"mediaType":"application/vnd.oci.empty.v1+json",\
            "digest":"\(config)","size":2},"layers":[],"subject":\(subject.descriptor)}
            """)
    }

    @Test(
        "every manifest with the subject is listed, with type and annotations, and filters say that they were applied")
    func listed() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            let config = try await server.push("{}", to: "a/b")
            let one = try signature(image, "x/sig", config: config.text, #""annotations":{"k":"v"},"#)
            let pushed = try await server.put(one, to: "a/b")
            #expect(pushed.status == 201)
            #expect(pushed.header("OCI-Subject") == image.digest.text)
            try await server.put(try signature(image, "x/sbom", config: config.text), to: "a/b")
            let all = try await server.get("/v2/a/b/referrers/\(image.digest)")
            #expect(all.status == 200)
            #expect(all.header("Content-Type") == "application/vnd.oci.image.index.v1+json")
            let manifests = try #require(try all.json()["manifests"] as? [[String: Any]])
            #expect(manifests.count == 2)
            #expect(manifests.compactMap { $0["artifactType"] as? String }.sorted() == ["x/sbom", "x/sig"])
            let filtered = try await server.get("/v2/a/b/referrers/\(image.digest)?artifactType=x%2Fsig")
            #expect(filtered.header("OCI-Filters-Applied") == "artifactType")
            let found = try #require(try filtered.json()["manifests"] as? [[String: Any]])
            #expect(found.count == 1)
            #expect(found[0]["digest"] as? String == one.digest.text)
            #expect(found[0]["annotations"] as? [String: String] == ["k": "v"])
            let both = try await server.get("/v2/a/b/referrers/\(image.digest)?artifactType=x/sig&artifactType=x/sbom")
            #expect((try both.json()["manifests"] as? [Any])?.count == 2)
        }
    }

    @Test("a subject may be missing; nothing attached is an empty index, in a repository that is not there too")
    func missing() async throws {
        try await withLiveServer { server in
            let config = try await server.push("{}", to: "a/b")
            let later = try Document(#"{"schemaVersion":2,"manifests":[]}"#, .ociIndex)
            let one = try signature(later, "x/sig", config: config.text)
            #expect(try await server.put(one, to: "a/b").header("OCI-Subject") == later.digest.text)
            let listed = try await server.get("/v2/a/b/referrers/\(later.digest)")
            #expect((try listed.json()["manifests"] as? [Any])?.count == 1)
            for repository in ["a/b", "no/such"] {
                let reply = try await server.get(
                    "/v2/\(repository)/referrers/sha256:\(String(repeating: "0", count: 64))")
                #expect(reply.status == 200)
                #expect((try reply.json()["manifests"] as? [Any])?.isEmpty == true)
                #expect(reply.header("Content-Type") == ManifestType.ociIndex.rawValue)
            }
            #expect(try await server.get("/v2/a/b/referrers/latest").status == 400)
        }
    }

    @Test("pages lead from one to the next and keep the filter")
    func pages() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            let config = try await server.push("{}", to: "a/b")
            for index in 0..<7 {
                let document = try signature(image, "x/sig", config: config.text, #""annotations":{"n":"\#(index)"},"#)
                try await server.put(document, to: "a/b")
            }
            var target: String? = "/v2/a/b/referrers/\(image.digest)?n=3&artifactType=x/sig"
            var digests: Set<String> = []
            var pages = 0
            while let next = target {
                let page = try await server.get(next)
                let manifests = try page.json()["manifests"] as? [[String: Any]] ?? []
                digests.formUnion(manifests.compactMap { $0["digest"] as? String })
                target = page.nextTarget
                pages += 1
            }
            #expect(digests.count == 7)
            #expect(pages == 3)
        }
    }

    @Test("parallel attachments to one image are all listed")
    func parallel() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            let config = try await server.push("{}", to: "a/b")
            try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<20 {
                    group.addTask {
                        let document = try signature(
                            image, "x/sig", config: config.text, #""annotations":{"n":"\#(index)"},"#)
                        return try await server.put(document, to: "a/b").status
                    }
                }
                for try await status in group { #expect(status == 201) }
            }
            let reply = try await server.get("/v2/a/b/referrers/\(image.digest)")
            #expect((try reply.json()["manifests"] as? [Any])?.count == 20)
        }
    }
}

extension Reply {
    /// Where `Link` leads.
    var nextTarget: String? {
        guard let link = header("Link"), let end = link.firstIndex(of: ">") else { return nil }
        return String(link[link.index(after: link.startIndex)..<end])
    }
}
