import BerthAccess
import BerthHTTP
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import HTTPTypes
import Logging
import NIOCore
import Testing

@testable import BerthAdmin

@Suite("The administration API")
struct AdminAPITests {
    @Test("the OpenAPI document tells of every operation, and every operation is where it says")
    func document() async throws {
        try await withAPI { api async throws in
            let document = try await api.json("GET", "/openapi.json").json
            #expect(document["openapi"] as? String == "3.1.0")
            let paths = try #require(document["paths"] as? [String: [String: Any]])
            var told: Set<String> = []
            for (path, item) in paths {
                for method in item.keys where method != "parameters" {
                    told.insert("\(method.uppercased()) \(path)")
                    let operation = try #require(item[method] as? [String: Any])
                    let responses = try #require(operation["responses"] as? [String: Any])
                    #expect(responses.keys.contains { $0.hasPrefix("2") } && responses["default"] != nil)
                    let concrete = path.replacing(/\{[a-z]+\}/, with: "x")
                    let found = try #require(AdminOperation.find(concrete), "\(path)")
                    #expect(found.operations.contains { $0.method.rawValue == method.uppercased() && $0.path == path })
                    #expect(found.parameters.count == (item["parameters"] as? [Any])?.count)
                }
            }
            #expect(told == Set(AdminOperation.all.map { "\($0.method.rawValue) \($0.path)" }))
            let ids = AdminOperation.all.map(\.id)
            #expect(Set(ids).count == ids.count)
        }
    }

    @Test("everything can be run twice")
    func twice() async throws {
        try await withAPI { api async throws in
            let steps: [(String, String, [String: Any]?, Int, Int)] = [
                ("POST", "/users", ["name": "ann", "password": "correct horse"], 201, 200),
                ("POST", "/groups", ["name": "team"], 201, 200), ("PUT", "/groups/team/members/ann", nil, 200, 200),
                ("POST", "/robots", ["name": "team+ci"], 201, 200),
                ("POST", "/grants", ["subject": "group:team", "role": "writer", "pattern": "team/**"], 201, 200),
                ("POST", "/grants", ["subject": "group:team", "role": "reader", "pattern": "team/**"], 201, 200),
                ("PATCH", "/grants/group:team/team%2F%2A%2A", ["disabled": true], 200, 200),
                ("PATCH", "/grants/group:team/team%2F%2A%2A", ["disabled": false], 200, 200),
                ("PATCH", "/groups/team", ["disabled": true], 200, 200), ("POST", "/keys", nil, 201, 200),
                ("PATCH", "/users/ann", ["disabled": true], 200, 200),
                ("PATCH", "/robots/team+ci", ["disabled": true], 200, 200),
                (
                    "POST", "/trust",
                    [
                        "name": "github", "issuer": "https://token.actions.githubusercontent.com",
                        "audience": "https://registry.test", "conditions": ["repository=org/app", "ref=refs/tags/v*"],
                        "grants": ["writer:team/**"],
                    ], 201, 200
                ), ("PATCH", "/trust/github", ["disabled": true], 200, 200), ("DELETE", "/trust/github", nil, 200, 200),
                ("POST", "/grants/remove", ["subject": "group:team", "pattern": "team/**"], 200, 200),
                ("POST", "/certificates", ["name": "uri:spiffe://test/ci", "owner": "team+ci"], 201, 200),
                ("PATCH", "/certificates/uri:spiffe%3A%2F%2Ftest%2Fci", ["disabled": true], 200, 200),
                ("DELETE", "/certificates/uri:spiffe%3A%2F%2Ftest%2Fci", nil, 200, 200),
                ("DELETE", "/groups/team/members/ann", nil, 200, 200), ("DELETE", "/groups/team", nil, 200, 200),
                ("DELETE", "/robots/team+ci", nil, 200, 200), ("DELETE", "/users/ann", nil, 200, 200),
            ]
            for (method, path, fields, first, second) in steps {
                let once = try await api.json(method, path, fields)
                #expect(once.status == first && once.json["changed"] as? Bool == true, "\(method) \(path) \(once)")
                guard method != "DELETE" || !path.contains("members") else { continue }
                let twice = try await api.json(method, path, fields)
                #expect(twice.status == second, "\(method) \(path) again: \(twice)")
                #expect(twice.json["changed"] as? Bool == false, "\(method) \(path)")
            }
        }
    }

    @Test("what has no name of its own is shown, disabled and enabled as well, and a list tells whether it rests")
    func disabled() async throws {
        try await withAPI { api async throws in
            _ = try await api.json("POST", "/users", ["name": "ann"])
            let token = try await api.json("POST", "/tokens", ["owner": "ann"]).json["id"] as? String ?? ""
            let first = try await api.json("GET", "/keys").json["keys"] as? [[String: Any]]
            let key = try #require(first?.first?["id"] as? String)
            let grant = ["subject": "user:ann", "role": "reader", "pattern": "*/cache"]
            _ = try await api.json("POST", "/grants", grant)
            _ = try await api.json("POST", "/groups", ["name": "team"])
            _ = try await api.json("POST", "/certificates", ["name": "dns:a", "owner": "ann"])
            let only = try await api.json("PATCH", "/keys/\(key)", ["disabled": true])
            #expect(only.status == 409 && (only.json["error"] as? String)?.contains("berth key add") == true)
            #expect(try await api.json("POST", "/keys").status == 201)
            for (list, path, field, value) in [
                ("tokens", "/tokens/\(token)", "owner", "ann"), ("keys", "/keys/\(key)", "id", key),
                ("grants", "/grants/user:ann/%2A%2Fcache", "role", "reader"),
                ("groups", "/groups/team", "name", "team"), ("certificates", "/certificates/dns:a", "owner", "ann"),
            ] {
                for isDisabled in [true, false] {
                    for isFirst in [true, false] {
                        let changed = try await api.json("PATCH", path, ["disabled": isDisabled])
                        #expect(changed.status == 200 && changed.json["changed"] as? Bool == isFirst, "\(path)")
                    }
                    let shown = try await api.json("GET", path)
                    #expect(shown.status == 200 && shown.json[field] as? String == value, "\(path)")
                    #expect(shown.json["disabled"] as? Bool == isDisabled)
                    let items = try await api.json("GET", "/\(list)").json[list] as? [[String: Any]] ?? []
                    #expect(items.first?["disabled"] as? Bool == isDisabled, "\(list)")
                }
            }
            _ = try await api.json("PATCH", "/grants/user:ann/%2A%2Fcache", ["disabled": true])
            let again = try await api.json("POST", "/grants", grant)
            #expect(again.json["changed"] as? Bool == false && again.json["disabled"] as? Bool == true)
            let entries = try await api.json("GET", "/audit").json["entries"] as? [[String: Any]] ?? []
            for action in ["token.change", "key.change", "grant.change", "group.change", "certificate.change"] {
                let details = entries.filter { $0["action"] as? String == action }.compactMap {
                    $0["detail"] as? String
                }
                #expect(details.contains { $0.hasPrefix("disabled") } && details.contains { $0.hasPrefix("enabled") })
            }
        }
    }

    @Test("what is added again and is disabled is told to be so, and stays so")
    func addedAgain() async throws {
        try await withAPI { api async throws in
            let trust: [String: Any] = [
                "name": "ci", "issuer": "https://issuer.test", "audience": "a", "conditions": ["sub=repo:org/app:ref"],
                "grants": ["reader:a"],
            ]
            for (list, path, fields) in [
                ("/users", "/users/ann", ["name": "ann"]), ("/groups", "/groups/team", ["name": "team"]),
                ("/robots", "/robots/team+ci", ["name": "team+ci"]),
                ("/certificates", "/certificates/dns:a", ["name": "dns:a", "owner": "ann"]),
                ("/trust", "/trust/ci", trust),
                ("/grants", "/grants/user:ann/a", ["subject": "user:ann", "role": "reader", "pattern": "a"]),
            ] as [(String, String, [String: Any])] {
                func add() async throws -> [Bool?] {
                    let reply = try await api.json("POST", list, fields).json
                    return [reply["changed"] as? Bool, reply["disabled"] as? Bool]
                }
                #expect(try await add() == [true, false], "\(list)")
                #expect(try await add() == [false, false], "\(list)")
                _ = try await api.json("PATCH", path, ["disabled": true])
                #expect(try await add() == [false, true], "\(list)")
                _ = try await api.json("PATCH", path, ["disabled": false])
                #expect(try await add() == [false, false], "\(list)")
            }
            _ = try await api.json("PATCH", "/trust/ci", ["disabled": true])
            let granted = try await api.json("POST", "/trust", trust.merging(["grants": ["reader:b"]]) { $1 }).json
            #expect(granted["changed"] as? Bool == true && granted["disabled"] as? Bool == true)
            #expect(granted["disabled_grants"] as? [String] == [])
            _ = try await api.json("PATCH", "/grants/trust:ci/a", ["disabled": true])
            let again = try await api.json("POST", "/trust", trust).json
            #expect(again["changed"] as? Bool == false && again["disabled_grants"] as? [String] == ["a"])
        }
    }

    @Test("a second run of adding a user keeps the password; another wish is a conflict")
    func sameUser() async throws {
        try await withAPI { api async throws in
            _ = try await api.json("POST", "/users", ["name": "ann", "password": "correct horse"])
            let again = try await api.json("POST", "/users", ["name": "ann", "password": "another horse"])
            #expect(again.status == 200)
            let conflict = try await api.json("POST", "/users", ["name": "ann", "admin": true])
            #expect(conflict.status == 409 && conflict.json["error"] as? String != nil)
            let user = try await api.json("GET", "/users/ann").json
            #expect(user["name"] as? String == "ann" && user["admin"] as? Bool == false)
            #expect(user["password"] as? Bool == true, "no hash leaves the registry")
        }
    }

    private static let refusals: [(String, String, String?, Int)] = [
        ("POST", "/users", #"{"name":"a b"}"#, 400), ("POST", "/users", #"{"name":"ann","password":"short"}"#, 400),
        ("POST", "/users", #"{"name":"ann","hash":"$apr1$x"}"#, 400), ("POST", "/users", "{}", 400),
        ("POST", "/users", #"{"name":"ann","admn":true}"#, 400), ("POST", "/users", #"{"name":1}"#, 400),
        ("POST", "/users", "[]", 400), ("POST", "/users", "{", 400), ("GET", "/users/ghost", nil, 404),
        ("PATCH", "/users/ghost", #"{"disabled":true}"#, 404), ("PUT", "/groups/none/members/ghost", nil, 404),
        ("POST", "/robots", #"{"name":"ci"}"#, 400), ("POST", "/tokens", #"{"owner":"ghost"}"#, 404),
        ("POST", "/tokens", #"{"owner":"ghost","scopes":["fly:**"]}"#, 400),
        ("POST", "/tokens", #"{"owner":"ghost","expires_in":0}"#, 400),
        ("POST", "/grants", #"{"subject":"everyone","role":"writer","pattern":"**"}"#, 400),
        ("POST", "/grants", #"{"subject":"everyone","role":"king","pattern":"**"}"#, 400),
        ("POST", "/grants", #"{"subject":"user:ghost","role":"reader","pattern":"**"}"#, 404),
        ("POST", "/grants", #"{"subject":"everyone","role":"reader","pattern":"A"}"#, 400),
        ("POST", "/certificates", #"{"name":"dns:*.test","owner":"ghost"}"#, 400),
        ("POST", "/certificates", #"{"name":"ghost","owner":"ghost"}"#, 400),
        ("POST", "/certificates", #"{"name":"dns:a","owner":"ghost"}"#, 404),
        ("PATCH", "/certificates/dns:a", #"{"disabled":true}"#, 404), ("DELETE", "/certificates/a", nil, 400),
        ("POST", "/trust", #"{"name":"a","issuer":"https://a","audience":"a","conditions":["ref=x"]}"#, 400),
        ("POST", "/trust", #"{"name":"a","issuer":"http://a","audience":"a","conditions":["sub=x"]}"#, 400),
        ("POST", "/trust", #"{"name":"a","issuer":"https://a","conditions":["sub=x"]}"#, 400),
        ("POST", "/trust", #"{"name":"a","issuer":"https://a","audience":"a","conditions":"sub=x"}"#, 400),
        (
            "POST", "/trust",
            #"{"name":"a","issuer":"https://a","audience":"a","conditions":["sub=x"],"grants":["king:**"]}"#, 400
        ),
        ("PATCH", "/trust/ghost", #"{"disabled":true}"#, 404), ("GET", "/trust/ghost", nil, 404),
        ("PATCH", "/trust/ghost", #"{"keys":"x"}"#, 400), ("PATCH", "/trust/ghost", #"{"issuer":"x"}"#, 400),
        ("POST", "/grants", #"{"subject":"trust:ghost","role":"reader","pattern":"**"}"#, 404),
        ("POST", "/keys", nil, 400), ("GET", "/audit?limit=x", nil, 400), ("GET", "/audit?x=1", nil, 400),
        ("GET", "/logins/ghost", nil, 404), ("GET", "/logins/a%20b", nil, 400), ("GET", "/nothing", nil, 404),
        ("DELETE", "/users", nil, 405), ("GET", "/tokens/ghost", nil, 404), ("GET", "/keys/ghost", nil, 404),
        ("GET", "/grants/everyone/A", nil, 400), ("GET", "/grants/everyone/a", nil, 404),
        ("GET", "/grants/ghost/a", nil, 400), ("GET", "/certificates/a", nil, 400),
        ("GET", "/certificates/dns:a", nil, 404), ("PATCH", "/tokens/ghost", #"{"disabled":true}"#, 404),
        ("PATCH", "/keys/ghost", #"{"disabled":true}"#, 404), ("PATCH", "/keys/ghost", "{}", 400),
        ("PATCH", "/groups/ghost", #"{"disabled":true}"#, 404),
        ("PATCH", "/grants/user:ghost/a", #"{"disabled":true}"#, 404), ("GET", "/users/a%20b", nil, 400),
        ("DELETE", "/users/a%20b", nil, 400), ("GET", "/groups/a%20b", nil, 400),
        ("DELETE", "/groups/a%20b", nil, 400), ("PUT", "/groups/a%20b/members/ann", nil, 400),
        ("DELETE", "/groups/a%20b/members/ann", nil, 400), ("GET", "/robots/ann", nil, 400),
        ("DELETE", "/robots/ann", nil, 400), ("GET", "/trust/a%20b", nil, 400),
        ("DELETE", "/trust/a%20b", nil, 400),
        ("POST", "/trust/a%20b/check", nil, 400),
    ]

    @Test("what cannot be is refused, in words")
    func refused() async throws {
        try await withAPI { api async throws in
            for (method, path, body, status) in Self.refusals {
                let answer = await api.send(method, path, body)
                #expect(answer.status.code == status, "\(method) \(path) \(body ?? "")")
                #expect(AdminOperation.tells(of: status, method, path), "\(method) \(path)")
                #expect(String(decoding: answer.body, as: UTF8.self).contains("\"error\":"))
            }
        }
    }

    @Test("a secret is shown once, and listed without what it is")
    func secrets() async throws {
        try await withAPI { api async throws in
            _ = try await api.json("POST", "/users", ["name": "ann"])
            let made = try await api.json(
                "POST", "/tokens", ["owner": "ann", "label": "ci", "scopes": ["pull:team/**"], "expires_in": 60])
            let secret = try #require(made.json["secret"] as? String)
            #expect(made.status == 201 && secret.hasPrefix("berth_pat_"))
            let list = await api.send("GET", "/tokens", nil)
            let text = String(decoding: list.body, as: UTF8.self)
            #expect(text.contains("pull:team/**") && text.contains(made.json["id"] as? String ?? "?"))
            #expect(!text.contains(secret))
        }
    }

    @Test("what is undeleted is put down to the administrator, or to the operator of the machine")
    func principals() async throws {
        try await withLiveServer { live in
            let server = live.server
            for (actor, principal) in [("user:ann", Principal.user("ann")), ("operator", .user("operator"))] {
                let call = AdminCall(
                    parts: AdminParts(access: server.access, registry: server.registry, collector: server.collector),
                    version: "1", actor: Actor(name: actor, address: "local"), parameters: [],
                    body: try AdminBody(JSONObject(members: []), []))
                #expect(call.principal == principal)
            }
        }
    }

    @Test("on the network only administrators are answered, and no web page of others")
    func network() async throws {
        try await withLiveServer { live in
            let access = live.server.access
            let api = administration(live.server, .network)
            func status(_ headers: HeaderFields, _ peer: Peer = Peer(address: "127.0.0.1")) async throws -> Int {
                let request = Request(
                    method: .get, target: "/api/v1/users", headers: try fields(headers, "Host", "registry.test:5002"),
                    peer: peer)
                guard case .longTask(let work) = api.handle(request) else { throw TestFailure("answered at once") }
                let response = await work()
                if response.status == .unauthorized {
                    #expect(response.headers[.wwwAuthenticate]?.hasPrefix("Basic ") == true)
                }
                return response.status.code
            }
            func basicField(_ name: String, _ password: String = testPassword) -> HeaderFields {
                [.authorization: basic(name, password).1]
            }
            #expect(try await status(basicField("root")) == 401, "there are no accounts")
            for (name, isAdmin) in [("root", true), ("ann", false)] {
                _ = try await access.addUser(
                    AccountName(name), password: testPassword, isAdmin: isAdmin, by: .operator)
            }
            func token(_ name: String, _ scopes: [String]?) async throws -> HeaderFields {
                let secret = try await access.addSecret(
                    for: .user(AccountName(name)), label: "", scopes: scopes?.compactMap { CredentialScope($0) },
                    seconds: nil, by: .operator)
                return [.authorization: "Bearer \(secret.text)"]
            }
            let root = basicField("root")
            #expect(try await status(root) == 200)
            #expect(try await status([:]) == 401)
            #expect(try await status([:], Peer(address: "unix", isUnixSocket: true, user: 0)) == 401)
            #expect(try await status(basicField("root", "wrong wrong")) == 401)
            #expect(try await status(basicField("ann")) == 403)
            #expect(try await status(token("root", nil)) == 200)
            #expect(try await status(token("root", ["admin:**"])) == 200)
            #expect(try await status(token("root", ["pull:**"])) == 403)
            #expect(try await status(token("root", ["admin:team/**"])) == 403)
            #expect(try await status(token("ann", nil)) == 403)
            let account = try await access.authenticate("root", testPassword, from: "127.0.0.1")
            let bearer = try access.issue(account, RequestedScopes(["registry:catalog:*"]))
            #expect(try await status([.authorization: "Bearer \(bearer.text)"]) == 401, "that is for content")
            for (origin, expected) in [
                ("https://registry.test:5002", 200), ("https://registry.test", 403), ("https://evil.test", 403),
                ("null", 403), ("https://registry.test:5002.evil.test", 403),
            ] {
                #expect(try await status(fields(root, "Origin", origin)) == expected, "\(origin)")
            }
            #expect(try await status(fields(root, "Sec-Fetch-Site", "cross-site")) == 403)
            #expect(try await status(fields(root, "Sec-Fetch-Site", "none")) == 200)
            var change = Access.UserChange()
            change.isDisabled = true
            try await access.changeUser(AccountName("root"), change, by: .operator)
            #expect(try await status(root) == 401)
        }
    }

    @Test("on the network a POST says that it is JSON, also without a body, and who may not administer is noted")
    func jsonOnly() async throws {
        try await withLiveServer { live in
            let access = live.server.access
            let api = administration(live.server, .network)
            for (name, isAdmin) in [("root", true), ("ann", false)] {
                _ = try await access.addUser(
                    AccountName(name), password: testPassword, isAdmin: isAdmin, by: .operator)
            }
            func status(_ path: String, _ type: String?, as name: String = "root") async throws -> Int {
                var headers: HeaderFields = [.authorization: basic(name).1]
                if let type { headers[.contentType] = type }
                let request = Request(method: .post, target: "/api/v1" + path, headers: headers)
                guard case .longTask(let work) = api.handle(request) else { throw TestFailure("answered at once") }
                return await work().status.code
            }
            for path in ["/keys", "/gc"] {
                #expect(try await status(path, nil) == 415)
                #expect(try await status(path, "text/plain") == 415)
            }
            #expect(try await status("/keys", "application/json") == 201)
            #expect(try await status("/keys", "application/json", as: "ann") == 403)
            try await eventually("it is noted") {
                let entries = try await access.auditEntries(before: nil, limit: 20).map(\.entry)
                return entries.contains { $0.action == "administer" && $0.actor == "user:ann" && !$0.isDone }
            }
        }
    }

    @Test("whether the server is up and can work is told to everybody, on the socket and on the network")
    func health() async throws {
        try await withLiveServer { live in
            let parts = AdminParts(
                access: live.server.access, registry: live.server.registry, collector: live.server.collector)
            for door in [AdminAPI.Door.network, .socket(user: 1_000)] {
                for (trouble, ready) in [(nil, 200), ("stopping", 503)] as [(String?, Int)] {
                    let api = AdminAPI(
                        parts, version: "1", door: door, trouble: { trouble },
                        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                    for (path, status) in [("/healthz", 200), ("/readyz", ready)] {
                        let peer = Peer(address: "unix", isUnixSocket: true, user: 1_001)
                        let response: Response
                        switch api.handle(Request(method: .get, target: path, peer: peer)) {
                        case .answer(let answer): response = answer
                        case .task(let work), .longTask(let work): response = await work()
                        }
                        #expect(response.status.code == status, "\(path)")
                    }
                }
            }
        }
    }

    @Test("on the socket only the server's own user and root are answered")
    func peers() async throws {
        try await withAPI(.socket(user: 1_000)) { api async throws in
            for (user, isAllowed) in [(0, true), (1_000, true), (1_001, false), (nil, false)] as [(UInt32?, Bool)] {
                let peer = Peer(address: "unix", isUnixSocket: true, user: user)
                switch api.handle(Request(method: .get, target: "/api/v1/users", peer: peer)) {
                case .task, .longTask: #expect(isAllowed)
                case .answer(let response): #expect(!isAllowed && response.status == .forbidden)
                }
            }
        }
    }
}

extension AdminOperation {
    /// Whether the table, and so the OpenAPI document, knows that this request may be answered so.
    static func tells(of status: Int, _ method: String, _ path: String) -> Bool {
        let found = find("/api/v1" + path.prefix { $0 != "?" })?.operations ?? []
        guard let operation = found.first(where: { $0.method.rawValue == method }) else {
            return status == (found.isEmpty ? 404 : 405)
        }
        return operation.statuses.contains(status)
    }
}

/// Fields with one more.
private func fields(_ fields: HeaderFields, _ name: String, _ value: String) throws -> HeaderFields {
    var fields = fields
    fields[try #require(HTTPField.Name(name))] = value
    return fields
}

private func administration(_ server: Server, _ door: AdminAPI.Door) -> AdminAPI {
    let parts = AdminParts(access: server.access, registry: server.registry, collector: server.collector)
    return AdminAPI(parts, version: "1", door: door, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
}

/// The API on a registry of its own, which nobody serves.
func withAPI(
    _ door: AdminAPI.Door = .socket(user: 0), _ body: (AdminAPI, Registry) async throws -> Void
) async throws {
    try await withLiveServer { live in try await body(administration(live.server, door), live.server.registry) }
}

private func withAPI(
    _ door: AdminAPI.Door = .socket(user: 0), _ body: (AdminAPI) async throws -> Void
) async throws {
    try await withAPI(door) { api, _ in try await body(api) }
}

extension AdminAPI {
    func send(_ method: String, _ path: String, _ body: String?) async -> AdminAnswer {
        let request = Request(
            method: HTTPRequest.Method(method) ?? .get, target: "/api/v1" + path,
            headers: [.contentType: "application/json"],
            body: body.map { RequestBody(ByteBuffer(string: $0)) } ?? .empty, hasBody: body != nil,
            contentLength: Int64(body?.utf8.count ?? 0))
        return await answer(request, by: .operator)
    }

    func json(
        _ method: String, _ path: String, _ fields: [String: Any]? = nil
    ) async throws -> (status: Int, json: [String: Any]) {
        let body = try fields.map { String(decoding: try JSONSerialization.data(withJSONObject: $0), as: UTF8.self) }
        let answer = await send(method, path, body)
        let json = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
        return (answer.status.code, json ?? [:])
    }
}
