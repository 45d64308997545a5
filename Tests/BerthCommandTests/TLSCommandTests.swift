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
                    "/etc/containerd/certs.d/localhost:\(server.port)/hosts.toml", "ctr images pull --tlscacert",
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
        let binary = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "berth").path
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

    @Test("a file that cannot be used is told by its name")
    func unusable() async throws {
        try await withTemporaryFolder { folder in
            let binary = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "berth")
            let outcome = try await runToEnd([
                binary.path, "serve", "--root", folder + "/data", "--listen", "127.0.0.1:0", "--set",
                "metrics.listen=off", "--set", "http.tls.certificate=/nowhere/c", "--set", "http.tls.key=/nowhere/k",
            ])
            #expect(outcome.status == 1 && outcome.complaint.contains("/nowhere/c"))
        }
    }
}
