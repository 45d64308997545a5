import BerthTestSupport
import Foundation
import Testing

extension FaultTests.Servers {
    @Test(
        "content that cannot be opened is 503 and never 404, and comes when it can be (B9)",
        arguments: [
            FaultPlan.Errors.first, .second,
        ])
    func unreadable(errors: FaultPlan.Errors) async throws {
        let scratch = try Scratch()
        let shim = try FaultShim(in: scratch.path)
        let (target, _) = try await pushed(scratch)
        // A new process holds no descriptor of it yet.
        let server = try await BerthProcess.start(
            root: scratch.root, environment: shim.environment(root: scratch.root))
        let connection = try server.connect()
        shim.arm(FaultPlan(operations: [.open], files: .store, errors: errors, pattern: "/blobs/"))
        for method in ["GET", "HEAD"] {
            shim.arm(FaultPlan(operations: [.open], files: .store, errors: errors, pattern: "/blobs/"))
            let reply = try await connection.send(method, target)
            #expect(reply.status == 503, "\(method): \(reply.status) \(reply.text) after \(shim.victim)")
            #expect(shim.fired == 1)
        }
        #expect(try await connection.send("GET", target).status == 200)
        #expect(try await server.stop() == .status(0))
    }

    @Test("content whose file is gone is 404, and healed by the next push of it (B9)")
    func missing() async throws {
        let scratch = try Scratch()
        let (target, bytes) = try await pushed(scratch)
        try FileManager.default.removeItem(atPath: contentPath(digestText(bytes), below: scratch.root))
        let server = try await BerthProcess.start(root: scratch.root)
        let facts = Facts()
        let pusher = Pusher(repository: "damaged/content", connection: try server.connect(), facts: facts)
        for method in ["HEAD", "GET"] {
            #expect(try await pusher.connection.send(method, target).status == 404)
        }
        #expect(try await pusher.pushBlob(bytes).status == 201)
        try await facts.check(server, after: "its file was lost")
        #expect(try await server.stop() == .status(0))
        let again = try await BerthProcess.start(root: scratch.root)
        try await facts.check(again, after: "a restart")
    }

    /// A root with one settled blob, and no server.
    private func pushed(_ scratch: Scratch) async throws -> (target: String, bytes: [UInt8]) {
        var numbers = SeededNumbers(seed: 11)
        let bytes = numbers.bytes(100_000)
        let server = try await BerthProcess.start(root: scratch.root)
        let pusher = Pusher(repository: "damaged/content", connection: try server.connect(), facts: Facts())
        #expect(try await pusher.pushBlob(bytes).status == 201)
        try await server.stop()
        return ("/v2/damaged/content/blobs/\(digestText(bytes))", bytes)
    }
}
