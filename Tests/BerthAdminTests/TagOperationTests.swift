import BerthCatalog
import BerthModel
import BerthRegistry
import BerthTestSupport
import Foundation
import HTTPTypes
import Testing

@testable import BerthAdmin

@Suite("Tags by the administration API")
struct TagOperationTests {
    @Test("tags are listed with their rule, their history is told, and a deleted one is restored")
    func tags() async throws {
        try await withAPI { api, registry async throws in
            let image = try await push(to: registry, "1", "latest")
            let put = try await api.json("POST", "/tag-rules", ["name": "numbers", "tags": ["1*"], "except": ["10"]])
            #expect(put.status == 201)
            let path = "/repositories/team%2Fapp/tags"
            let list = try await api.json("GET", path).json["tags"] as? [[String: Any]] ?? []
            #expect(list.map { $0["tag"] as? String } == ["1", "latest"])
            #expect(list.map { $0["rule"] as? String } == ["numbers", nil])
            #expect(list.map { $0["digest"] as? String } == [image.text, image.text])
            #expect(try await (api.json("GET", path + "?after=1").json["tags"] as? [Any])?.count == 1)
            #expect(try await (api.json("GET", path + "?limit=1").json["tags"] as? [Any])?.count == 1)

            let now = try await api.json("POST", path + "/latest/restore")
            #expect(now.status == 200 && now.json["changed"] as? Bool == false)
            try await registry.delete(Tag("latest"), in: RepositoryName("team/app"), if: .none, by: .anonymous)
            let gone = try await api.json("GET", path + "?deleted=yes").json["tags"] as? [[String: Any]] ?? []
            #expect(gone.map { $0["last_digest"] as? String } == [image.text])
            let back = try await api.json("POST", path + "/latest/restore")
            #expect(back.json["changed"] as? Bool == true && back.json["digest"] as? String == image.text)
            let history = try await api.json("GET", path + "/latest/history").json["changes"] as? [[String: Any]] ?? []
            #expect(history.map { $0["to"] as? String } == [image.text, nil, image.text])
            let names = history.compactMap { $0["changed_by"] as? String }
            #expect(names.count == 3 && names[0].hasSuffix("operator") && names[1...] == ["anonymous", "anonymous"])
            try await eventually("the audit log tells of it") {
                let audit = await api.send("GET", "/audit", nil)
                return String(decoding: audit.body, as: UTF8.self).contains("tag.restore")
            }
        }
    }

    @Test("rules may be added and removed twice")
    func rules() async throws {
        try await withAPI { api, _ async throws in
            let fields: [String: Any] = ["name": "team", "tags": ["*"], "repositories": "team/**"]
            for (status, isChanged) in [(201, true), (200, false)] {
                let reply = try await api.json("POST", "/tag-rules", fields)
                #expect(reply.status == status && reply.json["changed"] as? Bool == isChanged)
            }
            let rules = try await api.json("GET", "/tag-rules").json["rules"] as? [[String: Any]]
            #expect(rules?.first?["repositories"] as? String == "team/**")
            for isChanged in [true, false] {
                let reply = try await api.json("DELETE", "/tag-rules/team")
                #expect(reply.status == 200 && reply.json["changed"] as? Bool == isChanged)
            }
        }
    }

    private static let refusals: [(String, String, String?, Int)] = [
        ("POST", "/tag-rules", #"{"name":"A","tags":["v*"]}"#, 400), ("POST", "/tag-rules", #"{"name":"a"}"#, 400),
        ("POST", "/tag-rules", #"{"name":"a","tags":[]}"#, 400),
        ("POST", "/tag-rules", #"{"name":"a","tags":["v *"]}"#, 400),
        ("POST", "/tag-rules", #"{"name":"a","tags":["v*"],"except":["/"]}"#, 400),
        ("POST", "/tag-rules", #"{"name":"a","tags":["v*"],"repositories":"A"}"#, 400),
        ("DELETE", "/tag-rules/A", nil, 400), ("GET", "/repositories/none/tags", nil, 404),
        ("GET", "/repositories/N/tags", nil, 400), ("GET", "/repositories/none/tags?deleted=maybe", nil, 400),
        ("GET", "/repositories/none/tags/t/history", nil, 404),
        ("GET", "/repositories/none/tags/%20/history", nil, 400),
        ("POST", "/repositories/none/tags/t/restore", nil, 404),
        ("POST", "/repositories/none/tags/t/restore", #"{"digest":"sha256:1"}"#, 400),
        ("POST", "/repositories/none/tags/t/restore", #"{"at":"yesterday"}"#, 400),
        ("POST", "/repositories/none/tags/t/restore", #"{"at":"2026-02-30T00:00:00Z"}"#, 400),
        ("POST", "/repositories/team%2Fapp/tags/t/restore", #"{"at":"2026-02-20T00:00:00Z"}"#, 409),
        ("POST", "/repositories/team%2Fapp/tags/other/restore", nil, 404),
    ]

    @Test("what cannot be is refused, in words")
    func refused() async throws {
        try await withAPI { api, registry async throws in
            _ = try await push(to: registry, "t")
            for (method, path, body, status) in Self.refusals {
                let answer = await api.send(method, path, body)
                #expect(answer.status.code == status, "\(String(decoding: answer.body, as: UTF8.self))")
                #expect(AdminOperation.tells(of: status, method, path), "\(method) \(path)")
                #expect(String(decoding: answer.body, as: UTF8.self).contains("\"error\":"))
            }
        }
    }
}

/// Pushes an index without entries to `team/app`, under these tags; its digest.
private func push(to registry: Registry, _ tags: String...) async throws -> Digest {
    let bytes = Array(#"{"schemaVersion":2,"mediaType":"\#(ManifestType.ociIndex.rawValue)","manifests":[]}"#.utf8)
    let put = ManifestPut(
        repository: try RepositoryName("team/app"), reference: .digest(try sha256(bytes)), bytes: bytes,
        contentType: nil, tags: try tags.map { try Tag($0) }, condition: .none)
    return try await registry.push(put, by: .anonymous).digest
}
