import BerthBlobs
import BerthCatalog
import BerthConfig
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import Testing

/// What holds for all routes.
@Suite("The protocol around the routes")
struct ProtocolTests {
    @Test(
        "fixed routes",
        arguments: [
            ("GET", "/v2/", 200), ("GET", "/v2", 200), ("HEAD", "/v2/", 200), ("GET", "/", 200),
            ("GET", "/healthz", 200),
            ("GET", "/readyz", 200), ("GET", "/v1/_ping", 404), ("GET", "/v1/search", 200), ("GET", "/nothing", 404),
            ("GET", "/v2/a/b", 404), ("GET", "/v2/a/b/tags", 404), ("GET", "/v2/a/b/tags/list/", 404),
            ("GET", "/v2//a/tags/list", 404), ("GET", "/v2/a/../b/tags/list", 404),
            ("GET", "/v2/a/%2e%2e/tags/list", 404),
            ("GET", "/v2/a%2Fb/tags/list", 404), ("GET", "/v2/a%00/tags/list", 404), ("GET", "/v2/%/tags/list", 404),
            ("GET", "/v2/tags/list", 404), ("GET", "/v2/_catalog/", 404), ("GET", "/V2/", 404),
            ("GET", "/metrics", 404),
            ("POST", "/v2/", 405), ("DELETE", "/v2/_catalog", 405), ("PUT", "/v2/a/b/tags/list", 405),
            ("GET", "/v2/a/b/blobs/uploads/", 405), ("POST", "/v2/a/b/blobs/uploads", 202),
            ("TRACE", "/v2/", 405), ("TRACE", "/nothing", 405), ("CONNECT", "a:80", 405),
            ("BREW", "/v2/", 405), ("OPTIONS", "/v2/", 204),
        ])
    func routes(method: String, target: String, status: Int) async throws {
        try await withLiveServer { server in
            let reply = try await server.send(method, target)
            #expect(reply.status == status)
            if target.hasPrefix("/v2") {
                #expect(reply.header("Docker-Distribution-Api-Version") == "registry/2.0")
            }
            if status == 405 { #expect(reply.header("Allow") != nil) }
            if status >= 400 { #expect(!reply.errorCodes.isEmpty || method == "HEAD") }
            #expect(reply.header("Server") == nil)
            #expect(reply.header("X-Content-Type-Options") == "nosniff")
            #expect(reply.header("Date") != nil)
            #expect(reply.header("X-Request-Id") != nil)
            #expect(reply.header("Location")?.contains("redirect") != true)
        }
    }

    @Test(
        "names that are none are 400 NAME_INVALID",
        arguments: [
            "A", "a/B", "a..b", "-a", "a-", "a__", "a___b", "a/_b", "é", String(repeating: "a", count: 256),
        ])
    func names(name: String) async throws {
        try await withLiveServer { server in
            let escaped = name.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? name
            let reply = try await server.get("/v2/\(escaped)/tags/list")
            #expect(reply.status == 400)
            #expect(reply.errorCodes == ["NAME_INVALID"])
        }
    }

    @Test("a name of 255 characters with a host in front is one")
    func longName() async throws {
        try await withLiveServer { server in
            let name = "docker.io/" + String(repeating: "a", count: 245)
            try await server.pushImage("layer", to: name, as: "1")
            #expect(try await server.get("/v2/\(name)/manifests/1").status == 200)
        }
    }

    @Test("errors have the specification's body and name the request")
    func errors() async throws {
        try await withLiveServer { server in
            let reply = try await server.get("/v2/a/b/manifests/1", [("X-Request-Id", "my-request.1")])
            #expect(reply.header("Content-Type") == "application/json")
            #expect(reply.header("X-Request-Id") == "my-request.1")
            #expect(reply.detail["requestId"] as? String == "my-request.1")
            let error = try #require((try reply.json()["errors"] as? [[String: Any]])?.first)
            #expect((error["message"] as? String)?.isEmpty == false)
            let other = try await server.get("/v2/a/b/manifests/1", [("X-Request-Id", "not ok")])
            #expect(other.header("X-Request-Id") != "not ok")
        }
    }

    @Test("ns is taken everywhere and answered")
    func namespaces() async throws {
        try await withLiveServer { server in
            try await server.pushImage("layer", to: "library/box", as: "1")
            for target in [
                "/v2/?ns=docker.io", "/v2/library/box/manifests/1?ns=docker.io",
                "/v2/library/box/tags/list?ns=docker.io",
            ] {
                let reply = try await server.get(target)
                #expect(reply.status == 200)
                #expect(reply.header("OCI-Namespace") == "docker.io")
            }
            #expect(try await server.get("/v2/?ns=a%0d%0ab").header("OCI-Namespace") == nil)
            let missing = try await server.get("/v2/library/box/manifests/2?ns=docker.io")
            #expect(missing.status == 404)
            #expect(missing.header("OCI-Namespace") == "docker.io")
            try await server.pushImage("layer", to: "library/box", as: "2")
            let page = try await server.get("/v2/library/box/tags/list?n=1&ns=docker.io")
            #expect(page.nextTarget?.contains("ns=docker.io") == true)
        }
    }

    @Test("a body with a content encoding is 415")
    func contentEncoding() async throws {
        try await withLiveServer { server in
            let reply = try await server.send(
                "PUT", "/v2/a/b/manifests/1", [("Content-Encoding", "gzip")], body: [1, 2, 3])
            #expect(reply.status == 415)
        }
    }

    @Test("a refused body does not cost the answer: the client sees it, and the connection goes on or ends cleanly")
    func refusedBody() async throws {
        try await withLiveServer { server in
            let body = [UInt8](repeating: 0, count: 900_000)
            let connection = try server.connect()
            let reply = try await connection.send("PUT", "/v2/A/manifests/1", body: body)
            #expect(reply.status == 400)
            #expect(reply.errorCodes == ["NAME_INVALID"])
            let huge = [UInt8](repeating: 0, count: 8 << 20)
            let second = try await server.send("PUT", "/v2/a/b/manifests/.x", body: huge)
            #expect(second.status == 400)
        }
    }

    @Test("Expect is answered once the request may go on, or with the refusal itself")
    func expectContinue() async throws {
        try await withLiveServer { server in
            let connection = try server.connect()
            let refused = try await connection.send(
                "PUT", "/v2/A/manifests/1", [("Expect", "100-continue"), ("Content-Length", "1000")])
            #expect(refused.status == 400)
            let location = try await server.startUpload(in: "a/b")
            let second = try server.connect()
            try await second.write(
                Array(
                    "PATCH \(location) HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
                        .utf8)
            )
            try await second.write([1, 2, 3])
            #expect(try await second.readReply().status == 202)
            let unknown = try await server.send("GET", "/v2/", [("Expect", "more")])
            #expect(unknown.status == 417)
        }
    }

    @Test(
        "a web page under a foreign name does not reach an open registry",
        arguments: [
            ("localhost:5000", "Origin", 200), ("127.0.0.1", "Sec-Fetch-Mode", 200), ("[::1]:5000", "Origin", 200),
            ("evil.example", "Origin", 403), ("127.0.0.1.evil.example", "Sec-Fetch-Site", 403),
            ("evil.example", "Accept", 403), ("registry.test:5000", "Accept", 200), ("127.1.2.3:80", "Accept", 200),
            ("LOCALHOST", "Accept", 200), ("localhost.", "Accept", 403), ("[::2]:5000", "Accept", 403),
            ("registry.test", "Origin", 200), ("localhost.evil.example", "Origin", 403),
            ("127.0.0.256", "Accept", 403), ("127.0.1", "Accept", 403), ("127.0.0.0001", "Accept", 403),
            ("127.0.0.+1", "Accept", 403), ("127.0.0.1.", "Accept", 403), ("128.0.0.1", "Accept", 403),
            ("127..0.1", "Accept", 403), (":5000", "Accept", 403),
        ])
    func rebinding(host: String, header: String, status: Int) async throws {
        try await withLiveServer({ $0.http.hosts = [try? HostName("registry.test")].compactMap { $0 } }) { server in
            let reply = try await server.send("GET", "/v2/", [("Host", host), (header, "x")])
            #expect(reply.status == status)
        }
    }

    @Test(
        "beyond this machine what looks like a browser alone is asked for the name",
        arguments: [
            ("Accept", "x", 200), ("User-Agent", "docker/20", 200), ("User-Agent", "Mozilla/5.0 (X11)", 403),
            ("Accept-Language", "de", 403), ("Referer", "http://evil.example/", 403), ("Origin", "null", 403),
        ])
    func browsers(header: String, value: String, status: Int) async throws {
        try await withLiveServer({ $0.http.listen = [.tcp(host: "0.0.0.0", port: 0)] }) { server in
            let reply = try await server.send("GET", "/v2/", [("Host", "evil.example"), (header, value)])
            #expect(reply.status == status)
        }
    }

    @Test("an upload older than allowed is unknown")
    func oldUpload() async throws {
        try await withRestart { server in
            let location = try await server.startUpload(in: "a/b")
            try await server.send("PATCH", location, body: [1, 2, 3])
            return location
        } reconfigured: {
            $0.upload.maxAge = .zero
        } then: { server, location async throws in
            #expect(try await server.get(location).status == 404)
            await server.server.registry.keepHouse()
            #expect(try server.files(in: "uploads").isEmpty)
        }
    }

    @Test(
        "HEAD has the headers of GET on every route that is read",
        arguments: [
            "/v2/", "/v2/a/b/manifests/1", "/v2/a/b/manifests/IMAGE", "/v2/a/b/manifests/none", "/v2/a/b/tags/list",
            "/v2/a/b/tags/list?n=1", "/v2/a/b/referrers/IMAGE", "/v2/a/b/referrers/IMAGE?artifactType=x/y",
            "/v2/_catalog",
            "/v2/_catalog?n=1",
        ])
    func heads(target: String) async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            try await server.put(image, to: "a/b", as: "2")
            try await server.pushImage("layer", to: "a/c", as: "1")
            let target = target.replacingOccurrences(of: "IMAGE", with: image.digest.text)
            let get = try await server.get(target)
            let head = try await server.head(target)
            #expect(head.status == get.status)
            #expect(head.lastingHeaders == get.lastingHeaders)
            #expect(head.header("Content-Length") == "\(get.body.count)")
        }
    }

    @Test(
        "what can be refused before its body is refused instead of 100 Continue",
        arguments: [
            ("PUT", "/v2/a/b/manifests/1", "Content-Length: 10000000", 413),
            ("PUT", "/v2/a/b/blobs/uploads/x?digest=sha256:", "Content-Length: 1000", 404),
            ("PATCH", "/v2/a/b/blobs/uploads/x", "Transfer-Encoding: chunked", 404),
            ("PATCH", "UPLOAD", "Content-Range: 7-1006\r\nContent-Length: 1000", 416),
        ])
    func refusedInsteadOfContinue(method: String, target: String, headers: String, status: Int) async throws {
        try await withLiveServer { server in
            let location = try await server.startUpload(in: "a/b")
            let target = target == "UPLOAD" ? location : target
            let connection = try server.connect()
            try await connection.write(
                Array(
                    "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\(headers)\r\n\r\n".utf8
                ))
            let reply = try await connection.readNextReply()
            #expect(reply.status == status)
            #expect(!reply.errorCodes.isEmpty)
        }
    }

    @Test(
        "parameters that may stand once are 400 when they stand twice; others may be repeated",
        arguments: [
            ("POST", "/v2/a/c/blobs/uploads/?mount=IMAGE&from=a/b&from=a/b", 400),
            ("POST", "/v2/a/c/blobs/uploads/?digest=IMAGE&digest=IMAGE", 400),
            ("GET", "/v2/?ns=docker.io&ns=docker.io", 400), ("GET", "/v2/a/b/manifests/1?ns=docker.io&ns=quay.io", 400),
            ("GET", "/v2/a/b/referrers/IMAGE?artifactType=x/y&artifactType=x/y", 200), ("GET", "/v2/?x=1&x=2", 200),
        ])
    func repeatedParameters(method: String, target: String, status: Int) async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("layer", to: "a/b", as: "1")
            let target = target.replacingOccurrences(of: "IMAGE", with: image.digest.text)
            let reply = try await server.send(method, target)
            #expect(reply.status == status)
            if status == 400 { #expect(reply.errorCodes == ["UNSUPPORTED"]) }
        }
    }

    @Test("OPTIONS tells what can be done, of the server and of a route")
    func options() async throws {
        try await withLiveServer({ $0.delete.isEnabled = false }) { server in
            let all = try await server.send("OPTIONS", "*")
            #expect(all.status == 204)
            #expect(all.header("Allow")?.contains("DELETE") == true)
            let manifest = try await server.send("OPTIONS", "/v2/a/b/manifests/1")
            #expect(manifest.status == 204)
            #expect(manifest.header("Allow") == "GET, HEAD, PUT")
        }
    }

    @Test(
        "requests of other versions and codings",
        arguments: [
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505), ("GET /v2/ HTTP/1.0\r\n\r\n", 200),
            ("PUT /v2/a/b/manifests/1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ])
    func versions(request: String, status: Int) async throws {
        try await withLiveServer { server in
            let connection = try server.connect()
            try await connection.write(Array(request.utf8))
            let reply = try await connection.readReply()
            #expect(reply.status == status)
            #expect(reply.errorCodes == (status == 200 ? [] : ["UNSUPPORTED"]))
        }
    }

    @Test("a connection too many is 503 and told when to come back")
    func tooManyConnections() async throws {
        try await withLiveServer({ $0.http.limits.connections = 1 }) { server in
            let first = try server.connect()
            #expect(try await first.send("GET", "/v2/").status == 200)
            let second = try await server.connect().readReply()
            #expect(second.status == 503)
            #expect(second.errorCodes == ["UNAVAILABLE"])
            #expect(second.header("Retry-After") != nil)
            #expect(try await first.send("GET", "/v2/").status == 200)
        }
    }

    @Test(
        "who may only pull is denied everything else, and not asked for credentials",
        arguments: [
            ("GET", "/v2/", 200), ("GET", "/v2/a/b/manifests/1", 200), ("GET", "/v2/a/b/tags/list", 200),
            ("PUT", "/v2/a/b/manifests/1", 403), ("DELETE", "/v2/a/b/manifests/1", 403),
            ("DELETE", "/v2/a/b/blobs/IMAGE", 403), ("POST", "/v2/a/b/blobs/uploads/", 403),
            ("POST", "/v2/a/b/blobs/uploads/?mount=IMAGE&from=a/b", 403), ("PATCH", "/v2/a/b/blobs/uploads/x", 403),
            ("PUT", "/v2/a/b/blobs/uploads/x", 403), ("DELETE", "/v2/a/b/blobs/uploads/x", 403),
        ])
    func pullOnly(method: String, target: String, status: Int) async throws {
        try await withRestart { server in
            try await server.pushImage("layer", to: "a/b", as: "1")
        } reconfigured: {
            $0.access.anonymous = .pull
        } then: { server, image async throws in
            let reply = try await server.send(method, target.replacingOccurrences(of: "IMAGE", with: image.digest.text))
            #expect(reply.status == status)
            #expect(reply.errorCodes == (status == 403 ? ["DENIED"] : []))
            #expect(reply.header("WWW-Authenticate") == nil)
        }
    }
}
