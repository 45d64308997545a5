import BerthTestSupport
import Foundation
import Testing

/// `berth serve` over TLS, as a process: what it makes, what it says, and what it reads again by itself.
@Suite("Serving over TLS")
struct TLSCommandTests {
    @Test("--tls-self-signed makes an authority, tells clients about it, and keeps both at the next start")
    func selfSigned() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            var authorities: Set<String> = []
            for _ in 0..<2 {
                let server = try await BerthProcess.start(root: root, settings: ["http.tls.self_signed=true"])
                let authority = try String(contentsOfFile: root + "/keys/tls/ca.crt", encoding: .utf8)
                authorities.insert(authority)
                let connection = try await TLSConnection(port: server.port, authority: authority)
                #expect(try await connection.send("GET", "/v2/").status == 200)
                for words in [
                    "/etc/docker/certs.d/localhost:\(server.port)/ca.crt",
                    "/etc/containers/certs.d/localhost:\(server.port)/ca.crt",
                    "/etc/containerd/certs.d/localhost:\(server.port)/hosts.toml", "ctr images pull --hosts-dir",
                    "helm registry login --ca-file", "oras login --ca-file",
                    "curl --cacert \(root)/keys/tls/ca.crt https://localhost:\(server.port)/v2/",
                ] {
                    #expect(server.log.contains(words), "\(words)")
                }
                #expect(!server.log.contains("PRIVATE"))
                try await server.stop()
            }
            #expect(authorities.count == 1)
        }
    }

    @Test("the flag does the same, and not beside a certificate")
    func flag() async throws {
        let outcome = try await runToEnd([
            binary, "serve", "--tls-self-signed", "--set", "http.tls.certificate=/c", "--set", "http.tls.key=/k",
        ])
        #expect(outcome.status == 3)
        #expect(outcome.complaint.contains("--tls-self-signed: http.tls.self_signed is true"))
    }

    @Test(
        "a certificate whose files are exchanged is served after a moment, without a signal", arguments: [false, true])
    func reload(bySignal: Bool) async throws {
        try await withTemporaryFolder { folder in
            let authority = try TestAuthority()
            try authority.issue(["dns:localhost"], common: "first").write(to: folder, "tls")
            let server = try await BerthProcess.start(
                root: folder + "/data",
                settings: ["http.tls.certificate=\(folder)/tls.crt", "http.tls.key=\(folder)/tls.key"])
            @Sendable func shown() async throws -> String {
                let connection = try await TLSConnection(port: server.port, authority: authority.pem)
                _ = try await connection.send("GET", "/healthz")
                return connection.serverCertificate
            }
            #expect(try await shown().contains("first"))
            // It is good for ten days.
            try await eventually("the end is told of") { server.log.contains("a certificate ends soon") }
            try authority.issue(["dns:localhost"], common: "second").write(to: folder, "tls")
            if bySignal { server.signal(SIGHUP) }
            try await eventually("the new certificate is served") { try await shown().contains("second") }
            #expect(server.log.contains("certificates read again"))
            unlink(folder + "/tls.key")
            try await eventually("the missing key is told of") { server.log.contains("the old ones stay") }
            #expect(try await shown().contains("second"))
            try await server.stop()
        }
    }

    @Test("a session that is resumed is its client's still, and ends with the authority that vouched for him")
    func resumed() async throws {
        try await withTemporaryFolder { folder in
            let authority = try TestAuthority()
            try authority.issue(["dns:localhost"]).write(to: folder, "tls")
            try authority.issue(["dns:ann.test"], for: .client).write(to: folder, "ann")
            try writeFile(authority.pem, to: folder + "/clients.crt")
            let server = try await BerthProcess.start(
                root: folder + "/data",
                settings: [
                    "http.tls.certificate=\(folder)/tls.crt", "http.tls.key=\(folder)/tls.key",
                    "http.tls.client_ca=\(folder)/clients.crt", "http.tls.client_auth=optional",
                ])
            for command in [["user", "add", "ann"], ["certificate", "add", "dns:ann.test", "ann"]] {
                let made = try await runToEnd([binary] + command + ["--root", folder + "/data"])
                #expect(made.status == 0, "\(made.complaint)")
            }
            // Its output holds the answer, and "Reused" where the session was.
            func ask(_ more: String) async throws -> String {
                let request = "GET /v2/ HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n"
                return try await runToEnd([
                    "/bin/sh", "-c",
                    "printf '\(request)' | openssl s_client -connect 127.0.0.1:\(server.port) -ign_eof \(more) 2>&1",
                ]).output
            }
            for version in ["-tls1_2", "-tls1_3"] {
                let session = "\(folder)/session\(version)"
                let first = try await ask(
                    "\(version) -cert \(folder)/ann.crt -key \(folder)/ann.key -sess_out \(session)")
                #expect(first.contains("200 OK"))
                let second = try await ask("\(version) -sess_in \(session)")
                #expect(second.contains("Reused") && second.contains("200 OK"))
            }
            try writeFile(TestAuthority("other").pem, to: folder + "/clients.crt")
            server.signal(SIGHUP)
            try await eventually("the authorities are read") { server.log.contains("certificates read again") }
            for version in ["-tls1_2", "-tls1_3"] {
                let last = try await ask("\(version) -sess_in \(folder)/session\(version)")
                #expect(!last.contains("Reused") && last.contains("401 Unauthorized"))
            }
            try await server.stop()
        }
    }

    @Test("administration over the network: for administrators, by TLS, and nowhere unless switched on")
    func administration() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let made = try await runToEnd([binary, "user", "add", "root", "--admin", "--root", root])
            let password = try #require(made.output.firstMatch(of: /shown only now: (\S+)/)?.1)
            let server = try await BerthProcess.start(
                root: root, settings: ["http.tls.self_signed=true", "admin.listen=127.0.0.1:0"])
            let port = try #require(
                server.log.firstMatch(of: /administration on https:\/\/127\.0\.0\.1:(\d+)/).flatMap { Int($0.1) })
            let authority = try String(contentsOfFile: root + "/keys/tls/ca.crt", encoding: .utf8)
            let connection = try await TLSConnection(port: port, authority: authority)
            #expect(try await connection.send("GET", "/api/v1/users").status == 401)
            let header = basic("root", String(password))
            let added = try await connection.send(
                "POST", "/api/v1/users", [header, ("Content-Type", "application/json")],
                body: Array(#"{"name":"ann"}"#.utf8))
            #expect(added.status == 201)
            #expect(try await connection.send("POST", "/api/v1/users", [header], body: Array("{}".utf8)).status == 415)
            let audit = try await connection.send("GET", "/api/v1/audit?limit=1", [header])
            #expect(audit.text.contains("\"actor\":\"user:root\"") && audit.text.contains("127.0.0.1"))
            let clients = try await TLSConnection(port: server.port, authority: authority)
            #expect(try await clients.send("GET", "/api/v1/users", [header]).status == 404)
            try await server.stop()
        }
    }

    @Test("a file that cannot be used is told by its name")
    func unusable() async throws {
        try await withTemporaryFolder { folder in
            let outcome = try await runToEnd([
                binary, "serve", "--root", folder + "/data", "--listen", "127.0.0.1:0", "--set",
                "metrics.listen=off", "--set", "http.tls.certificate=/nowhere/c", "--set", "http.tls.key=/nowhere/k",
            ])
            #expect(outcome.status == 1 && outcome.complaint.contains("/nowhere/c"))
        }
    }

    private var binary: String {
        URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "berth").path
    }
}
