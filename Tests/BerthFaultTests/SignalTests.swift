import BerthTestSupport
import Foundation
import Testing

extension FaultTests.Servers {
    @Test("SIGTERM lets running transfers finish and takes no new connection")
    func gracefulStop() async throws {
        let scratch = try Scratch()
        let server = try await BerthProcess.start(root: scratch.root)
        var numbers = SeededNumbers(seed: 8)
        let blob = numbers.manyBytes(32 << 20)
        let pusher = Pusher(repository: "stop/soon", connection: try server.connect(), facts: Facts())
        #expect(try await pusher.pushBlob(blob).status == 201)

        let down = try server.connect()
        let request = "GET /v2/stop/soon/blobs/\(digestText(blob)) HTTP/1.1\r\nHost: localhost\r\n\r\n"
        try await down.write(request.utf8.map(\.self))
        let head = try await down.read(1_000)
        #expect(String(decoding: head, as: UTF8.self).hasPrefix("HTTP/1.1 200"))
        let (up, half) = (try server.connect(), numbers.bytes(600_000))
        let location = try await startPatch(up, server, below: scratch.root, length: 1_200_000, first: half)

        server.signal(SIGTERM)
        try await eventually("it takes no connection") {
            (try? TestConnection(port: server.port, patience: 1)) == nil
        }
        #expect(server.isRunning)
        try await up.write(half)
        let reply = try await up.readReply()
        #expect(reply.status == 202, "\(reply.text)")
        let rest = try await down.read(40 << 20)
        let answer = head + rest
        let bodyStart = try #require(answer.firstRange(of: Array("\r\n\r\n".utf8))).upperBound
        #expect(digestText(Array(answer[bodyStart...])) == digestText(blob))
        #expect(try await server.exit(within: 40) == .status(0))

        let again = try await BerthProcess.start(root: scratch.root)
        let closed = try await again.connect().send("PUT", "\(location)?digest=\(digestText(half + half))", body: [])
        #expect(closed.status == 201, "\(closed.text)")
    }

    @Test("a second SIGTERM ends at once, and what was taken is kept")
    func impatientStop() async throws {
        let scratch = try Scratch()
        let server = try await BerthProcess.start(root: scratch.root)
        var numbers = SeededNumbers(seed: 9)
        let (up, half) = (try server.connect(), numbers.bytes(600_000))
        let location = try await startPatch(up, server, below: scratch.root, length: 1_200_000, first: half)
        server.signal(SIGTERM)
        // The first word of the stop: from there on a second signal counts.
        try await eventually("it stops") { server.log.contains("stopping") }
        #expect(server.isRunning)
        server.signal(SIGTERM)
        #expect(try await server.exit(within: 20) == .status(1))
        let again = try await BerthProcess.start(root: scratch.root)
        #expect(try await again.connect().send("GET", location).status == 204)
        #expect(try await again.stop() == .status(0), "\(again.log)")
    }

    @Test("SIGHUP reads the certificate anew, and a broken one leaves the old")
    func newCertificate() async throws {
        let scratch = try Scratch()
        let (certificate, key) = ("\(scratch.path)/tls.crt", "\(scratch.path)/tls.key")
        try await makeCertificate("first", certificate, key)
        let server = try await BerthProcess.start(
            root: scratch.root, settings: ["http.tls.certificate=\(certificate)", "http.tls.key=\(key)"])
        #expect(try await subject(server.port).contains("first"))
        try await makeCertificate("second", certificate, key)
        server.signal(SIGHUP)
        try await eventually("the new one is shown") { try await subject(server.port).contains("second") }
        try Data("no certificate".utf8).write(to: URL(filePath: certificate))
        server.signal(SIGHUP)
        try await eventually("it says so") { server.log.contains("certificates not read") }
        #expect(try await subject(server.port).contains("second"))
        #expect(try await server.stop() == .status(0))
    }

    @Test("SIGHUP at any moment of a start is no reason to end")
    func earlyHangup() async throws {
        let scratch = try Scratch()
        let shim = try FaultShim(in: scratch.path)
        let environment = try await shim.environment(root: scratch.root)
        var plan = FaultPlan(mode: .hangUp)
        plan.times = 1_000
        shim.arm(plan)
        let server = try await BerthProcess.start(root: scratch.root, environment: environment)
        #expect(shim.fired > 10, "the start had only \(shim.fired) operations")
        #expect(try await server.stop() == .status(0), "\(server.log)")
    }

    /// Begins a PATCH and returns when its first bytes are in the upload's file.
    private func startPatch(
        _ connection: TestConnection, _ server: BerthProcess, below root: String, length: Int, first: [UInt8]
    ) async throws -> String {
        let start = try await server.connect().send("POST", "/v2/stop/soon/blobs/uploads/", body: [])
        let (location, id) = (try #require(start.header("Location")), try #require(start.header("Docker-Upload-UUID")))
        try await connection.write(
            Array("PATCH \(location) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(length)\r\n\r\n".utf8) + first)
        try await eventually("the upload has begun") { FileManager.default.fileExists(atPath: "\(root)/uploads/\(id)") }
        return location
    }

    private func makeCertificate(_ name: String, _ certificate: String, _ key: String) async throws {
        try await runProgram(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2",
            "-subj", "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout", key)
    }
}

private func subject(_ port: Int) async throws -> String {
    try await runProgram(
        "sh", "-c", "openssl s_client -connect 127.0.0.1:\(port) </dev/null 2>/dev/null | openssl x509 -noout -subject")
}
