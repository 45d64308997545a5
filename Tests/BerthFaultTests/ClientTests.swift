import BerthTestSupport
import Foundation
import Testing

extension FaultTests.Servers {
    @Test("a head that never ends, and a body that stops, cost the client its connection")
    func slowClients() async throws {
        let scratch = try Scratch()
        let server = try await BerthProcess.start(
            root: scratch.root, settings: ["http.timeouts.header=500ms", "http.timeouts.body=1s"])
        let head = try server.connect()
        try await head.write(Array("GET /v2/ HTTP/1.1\r\nHost: local".utf8))
        let body = try server.connect()
        let start = try await body.send("POST", "/v2/slow/body/blobs/uploads/", body: [])
        let location = try #require(start.header("Location"))
        try await body.write(
            Array("PATCH \(location) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nten bytes!".utf8))
        #expect(try await body.readReply().status == 408)
        #expect(try await body.isClosedByPeer())
        // A reason may be given before the end.
        if let reply = try? await head.readReply() { #expect(reply.status == 408) }
        #expect(try await head.isClosedByPeer())
        // What came of the body is kept.
        let status = try await server.connect().send("GET", location)
        #expect(status.header("Range") == "0-9")
    }

    @Test("500 idle connections cost little, and each is served")
    func idleConnections() async throws {
        let scratch = try Scratch()
        let server = try await BerthProcess.start(root: scratch.root)
        let first = try server.connect()
        #expect(try await first.send("GET", "/v2/").status == 200)
        let before = server.residentKiB
        let connections = try (0..<500).map { _ in try server.connect() }
        for connection in connections { #expect(try await connection.send("GET", "/v2/").status == 200) }
        #expect(server.residentKiB - before < 500 * 64, "KiB of 500 connections")
        for connection in connections { #expect(try await connection.send("GET", "/v2/").status == 200) }
    }

    @Test("clients that vanish in an upload or a download leave no descriptor open")
    func vanishingClients() async throws {
        let scratch = try Scratch()
        let server = try await BerthProcess.start(root: scratch.root)
        var numbers = SeededNumbers(seed: 6)
        let blob = numbers.manyBytes(16 << 20)
        let pusher = Pusher(repository: "vanish/client", connection: try server.connect(), facts: Facts())
        #expect(try await pusher.pushBlob(blob).status == 201)
        let target = "/v2/vanish/client/blobs/\(digestText(blob))"
        #expect(try await pusher.connection.send("GET", target).status == 200)
        try await eventually("it is settled") {
            FileManager.default.fileExists(atPath: contentPath(digestText(blob), below: scratch.root))
        }
        let before = server.descriptors
        for _ in 0..<40 {
            let down = try server.connect()
            try await down.write(Array("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
            #expect(try await down.read(10_000).count == 10_000)
            await down.abort()
        }
        try await eventually("the downloads are over") { server.descriptors <= before + 1 }
        var locations: [String] = []
        for _ in 0..<20 {
            let start = try await pusher.connection.send("POST", "/v2/vanish/client/blobs/uploads/", body: [])
            let location = try #require(start.header("Location"))
            let up = try server.connect()
            try await up.write(
                Array("PATCH \(location) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n".utf8)
                    + numbers.bytes(300_000))
            await up.abort()
            locations.append(location)
        }
        // The files of uploads may be kept open for those who go on; cancelling ends them.
        for location in locations {
            let reply = try await pusher.connection.send("DELETE", location)
            #expect([204, 404].contains(reply.status), "\(reply.text)")
        }
        try await eventually("the uploads are over") { server.descriptors <= before + 1 }
        #expect(try await server.stop() == .status(0))
    }

    @Test(
        "without descriptors for more connections the old ones go on, and new ones are taken when there are some again")
    func noDescriptors() async throws {
        let scratch = try Scratch()
        let server = try await BerthProcess.start(root: scratch.root, wrapper: ["prlimit", "--nofile=64"])
        let facts = Facts()
        let pusher = Pusher(repository: "no/descriptors", connection: try server.connect(), facts: facts)
        var numbers = SeededNumbers(seed: 7)
        #expect(try await pusher.pushBlob(numbers.bytes(100_000)).status == 201)
        var crowd: [TestConnection]? = try (0..<200).map { _ in try server.connect() }
        try await eventually("no descriptor is left") { server.descriptors >= 62 }
        for _ in 0..<20 { #expect(try await pusher.connection.send("GET", "/v2/").status == 200) }
        // What needs a file may be refused, clearly; what is in SQLite or in memory is not.
        let reply = try await pusher.pushBlob(numbers.bytes(100_000))
        #expect([201, 503].contains(reply.status), "\(reply.status) \(reply.text)")
        for connection in crowd ?? [] { await connection.abort() }
        crowd = nil
        try await eventually("the crowd is gone") { server.descriptors < 60 }
        let new = Pusher(repository: "no/descriptors", connection: try server.connect(), facts: facts)
        #expect(try await new.pushBlob(numbers.bytes(100_000)).status == 201)
        try await facts.check(server, after: "a crowd")
        #expect(try await server.stop() == .status(0))
    }
}
