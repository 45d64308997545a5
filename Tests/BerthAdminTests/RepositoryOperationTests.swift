import BerthAccess
import BerthCatalog
import BerthModel
import BerthRegistry
import BerthTestSupport
import Foundation
import HTTPTypes
import Testing

@testable import BerthAdmin

@Suite("Administering repositories")
struct RepositoryOperationTests {
    private func push(_ registry: Registry, to repository: String, bytes: Int = 10) async throws {
        let content = [UInt8](repeating: 7, count: bytes)
        let digest = try sha256(content)
        _ = try await registry.catalog.commitBlob(
            BlobCommit(
                repository: RepositoryName(repository), digest: digest, size: Int64(bytes), content: .bytes(content),
                upload: nil, principal: .anonymous))
    }

    @Test("everything can be run twice")
    func twice() async throws {
        try await withAPI { (api, registry) async throws in
            try await push(registry, to: "team/b")
            let path = "/repositories/team%2Fa"
            let steps: [(String, String, [String: Any]?, Int, Int)] = [
                ("POST", "/repositories", ["name": "team/a", "description": "tools", "public": true], 201, 200),
                ("PATCH", path, ["protected": true], 200, 200), ("PATCH", path, ["public": false], 200, 200),
                ("PATCH", path, ["public": true], 200, 200), ("PATCH", path, ["description": ""], 200, 200),
                ("PATCH", path, ["protected": false, "public": false], 200, 200), ("DELETE", path, nil, 200, 200),
                ("POST", path + "/undelete", nil, 200, 200), ("DELETE", path, nil, 200, 200),
                ("POST", path + "/undelete", ["as": "team/c"], 200, 200),
            ]
            for (method, path, fields, first, second) in steps {
                let once = try await api.json(method, path, fields)
                #expect(once.status == first && once.json["changed"] as? Bool == true, "\(method) \(path) \(once)")
                let twice = try await api.json(method, path, fields)
                #expect(twice.status == second && twice.json["changed"] as? Bool == false, "\(method) \(path) \(twice)")
            }
            try await eventually("everything is in the audit log") { try await actions(api).count >= 11 }
            let done = try await actions(api)
            #expect(
                Set(done) == [
                    "repository.create", "repository.set", "repository.delete", "repository.undelete", "grant.add",
                    "grant.remove",
                ])
        }
    }

    /// What the audit log says was done; nobody waits for entries to be written.
    private func actions(_ api: AdminAPI) async throws -> [String] {
        let entries = try await api.json("GET", "/audit").json["entries"] as? [[String: Any]] ?? []
        return entries.compactMap { $0["action"] as? String }
    }

    @Test("lists come in pages, with visibility, protection and counts, and what is deleted in a list of its own")
    func lists() async throws {
        try await withAPI { (api, registry) async throws in
            for name in ["b", "a/c", "a", "a-b"] { try await push(registry, to: name) }
            _ = try await api.json("PATCH", "/repositories/a-b", ["protected": true, "description": "x"])
            var (names, after) = ([String](), "")
            repeat {
                let page = try await api.json("GET", "/repositories?limit=2" + after)
                let rows = try #require(page.json["repositories"] as? [[String: Any]])
                names += rows.compactMap { $0["name"] as? String }
                for row in rows {
                    #expect(row["protected"] as? Bool == (row["name"] as? String == "a-b"))
                    #expect(row["manifests"] as? Int == 0 && row["tags"] as? Int == 0 && row["created_at"] is String)
                }
                let next = (page.json["next"] as? String)?.replacing("/", with: "%2F")
                after = next.map { "&after=\($0)" } ?? ""
            } while !after.isEmpty
            #expect(names == ["a", "a-b", "a/c", "b"])
            _ = try await api.json("DELETE", "/repositories/a%2Fc")
            let deleted = try await api.json("GET", "/deleted-repositories?limit=1").json
            let row = try #require((deleted["repositories"] as? [[String: Any]])?.first)
            #expect(row["name"] as? String == "a/c" && row["deleted_by"] as? String == "user:operator")
            #expect(row["deleted_at"] is String && row["until"] is String)
            #expect((row["window_left"] as? Int).map { (1...604_800).contains($0) } == true)
            let next = try #require(deleted["next"] as? String).replacing("/", with: "%2F").replacing("#", with: "%23")
            let rest = try await api.json("GET", "/deleted-repositories?limit=1&after=\(next)").json
            #expect((rest["repositories"] as? [Any])?.isEmpty == true && rest["next"] is NSNull)
        }
    }

    @Test("public says by what: the open registry, a grant on the name, or a wider pattern, which stays")
    func visibility() async throws {
        try await withAPI { (api, registry) async throws in
            try await push(registry, to: "team/a")
            func shown() async throws -> (String?, [String]?) {
                let json = try await api.json("GET", "/repositories/team%2Fa").json
                return (json["visibility"] as? String, json["visible_because"] as? [String])
            }
            #expect(try await shown() == ("public", ["there are no accounts"]))
            _ = try await api.json("POST", "/users", ["name": "ann", "password": testPassword])
            #expect(try await shown() == ("private", []))
            _ = try await api.json(
                "POST", "/grants", ["subject": "everyone", "role": "reader", "pattern": "team/*"])
            _ = try await api.json(
                "POST", "/grants", ["subject": "user:ann", "role": "reader", "pattern": "**"])
            _ = try await api.json("PATCH", "/repositories/team%2Fa", ["public": true])
            #expect(
                try await shown() == ("public", ["everyone is a reader of it", "everyone is a reader of team/*"]))
            let answer = try await api.json("PATCH", "/repositories/team%2Fa", ["public": false]).json
            #expect(answer["changed"] as? Bool == true && answer["visibility"] as? String == "public")
            #expect(answer["visible_because"] as? [String] == ["everyone is a reader of team/*"])
            _ = try await api.json("POST", "/grants/remove", ["subject": "everyone", "pattern": "team/*"])
            #expect(try await shown() == ("private", []))
        }
    }

    @Test("one that is protected is not deleted, and the answer says how to lift that")
    func protected() async throws {
        try await withAPI { (api, registry) async throws in
            _ = try await api.json("POST", "/repositories", ["name": "a/b", "protected": true])
            let refused = try await api.json("DELETE", "/repositories/a%2Fb")
            #expect(refused.status == 403)
            #expect((refused.json["error"] as? String)?.contains("set a/b --unprotected") == true)
            #expect(try await registry.catalog.hasRepository(RepositoryName("a/b")))
        }
    }

    private static let refusals: [(String, String, String?, Int)] = [
        ("POST", "/repositories", #"{"name":"A"}"#, 400), ("POST", "/repositories", "{}", 400),
        ("POST", "/repositories", #"{"name":"a","description":"x\ny"}"#, 400),
        ("POST", "/repositories", #"{"name":"a","public":"yes"}"#, 400), ("GET", "/repositories/ghost", nil, 404),
        ("GET", "/repositories/A", nil, 400), ("PATCH", "/repositories/ghost", #"{"protected":true}"#, 404),
        ("PATCH", "/repositories/ghost", #"{"public":true}"#, 404), ("DELETE", "/repositories/A", nil, 400),
        ("PATCH", "/repositories/ghost", #"{"secret":true}"#, 400),
        ("POST", "/repositories/ghost/undelete", nil, 404),
        ("POST", "/repositories/ghost/undelete", #"{"as":"A"}"#, 400), ("GET", "/repositories?limit=x", nil, 400),
        ("GET", "/usage?repository=ghost", nil, 404), ("GET", "/usage?repository=A", nil, 400),
        ("GET", "/usage?limit=x", nil, 400), ("PUT", "/repositories/ghost", nil, 405),
    ]

    @Test("what cannot be is refused, in words")
    func refused() async throws {
        try await withAPI { (api, _) async throws in
            for (method, path, body, status) in Self.refusals {
                let answer = await api.send(method, path, body)
                #expect(answer.status.code == status, "\(method) \(path) \(body ?? "")")
                #expect(AdminOperation.tells(of: status, method, path), "\(method) \(path)")
                #expect(String(decoding: answer.body, as: UTF8.self).contains("\"error\":"))
            }
        }
    }

    @Test("a grant is not made for a repository that is not there")
    func noGrant() async throws {
        try await withAPI { (api, _) async throws in
            _ = await api.send("PATCH", "/repositories/ghost", #"{"public":true}"#)
            let grants = try await api.json("GET", "/grants").json["grants"] as? [Any]
            #expect(grants?.isEmpty == true)
        }
    }

    @Test("one that stands in the way is a conflict, and another name is the way out")
    func nameTaken() async throws {
        try await withAPI { (api, registry) async throws in
            try await push(registry, to: "a")
            _ = try await api.json("DELETE", "/repositories/a")
            try await push(registry, to: "a")
            try await push(registry, to: "b")
            let taken = try await api.json("POST", "/repositories/a/undelete")
            #expect(taken.status == 409 && (taken.json["error"] as? String)?.contains("--as") == true)
            #expect(try await api.json("POST", "/repositories/a/undelete", ["as": "b"]).status == 409)
            let back = try await api.json("POST", "/repositories/a/undelete", ["as": "c"])
            #expect(back.status == 200 && back.json["name"] as? String == "c")
        }
    }

    @Test("usage is by repository, the largest first, and in total, in bytes")
    func usage() async throws {
        try await withAPI { (api, registry) async throws in
            for (name, bytes) in [("small", 10), ("large", 10), ("large", 500), ("gone", 70)] {
                try await push(registry, to: name, bytes: bytes)
            }
            _ = try await api.json("DELETE", "/repositories/gone")
            let usage = try await api.json("GET", "/usage").json
            let rows = try #require(usage["repositories"] as? [[String: Any]])
            #expect(rows.map { $0["repository"] as? String } == ["large", "gone", "small"])
            #expect(rows.map { $0["bytes"] as? Int } == [510, 0, 10])
            #expect(rows.map { $0["own_bytes"] as? Int } == [500, 0, 0])
            #expect(rows.map { $0["deleted_bytes"] as? Int } == [0, 70, 0])
            #expect(rows.map { $0["deleted"] as? Bool } == [false, true, false])
            let total = try #require(usage["total"] as? [String: Any])
            #expect(total["content_bytes"] as? Int == 580 && total["content_items"] as? Int == 3)
            #expect(total["held_bytes"] as? Int == 510 && total["saved_bytes"] as? Int == 10)
            #expect(total["leaving_bytes"] as? Int == 70)
            let top = try await api.json("GET", "/usage?limit=1").json
            #expect((top["repositories"] as? [Any])?.count == 1 && top["left_off"] as? Int == 2)
            let one = try await api.json("GET", "/usage?repository=large").json
            #expect((one["repositories"] as? [[String: Any]])?.first?["own_bytes"] as? Int == 500)
            #expect(one["total"] == nil)
            let shown = try await api.json("GET", "/repositories/large").json
            #expect(shown["bytes"] as? Int == 510 && shown["open_uploads"] as? Int == 0)
        }
    }
}
