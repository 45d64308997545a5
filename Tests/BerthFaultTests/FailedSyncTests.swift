import BerthTestSupport
import Foundation
import Testing

extension FaultTests.Servers {
    @Test(
        "a failed sync of an upload, or of its folder, acknowledges nothing and is not repeated (B5, B6)",
        arguments: [1, 2])
    func uploadSync(nth: Int) async throws {
        let scratch = try Scratch()
        let shim = try FaultShim(in: scratch.path)
        let facts = Facts()
        let server = try await BerthProcess.start(
            root: scratch.root, environment: shim.environment(root: scratch.root))
        let pusher = Pusher(repository: "sync/upload", connection: try server.connect(), facts: facts)
        var numbers = SeededNumbers(seed: 1)
        let kept = numbers.bytes(9_000)
        #expect(try await pusher.pushBlob(kept).status == 201)
        // Settling it syncs a file under uploads/ too, which is not the one that is to fail.
        let place = contentPath(digestText(kept), below: scratch.root)
        try await eventually("it has settled") { FileManager.default.fileExists(atPath: place) }

        // First the file that was sealed, then the folder it was renamed in.
        shim.arm(FaultPlan(operations: [.sync], nth: nth, pattern: "/uploads"))
        let reply = try await pusher.pushPieces([numbers.bytes(70_000), numbers.bytes(70_000)], closes: true)
        #expect([404, 503].contains(reply.status), "\(shim.victim): \(reply.status) \(reply.text)")
        #expect(!reply.errorCodes.isEmpty)
        #expect(shim.fired == 1)
        #expect(nth == 1 ? shim.victim.contains("sealed") : shim.victim.hasSuffix("/uploads"))

        // The next upload has a file of its own, and nothing to do with that.
        let other = Pusher(repository: "sync/upload", connection: try server.connect(), facts: facts)
        #expect(try await other.pushBlob(numbers.bytes(100_000)).status == 201)
        try await facts.check(server, after: shim.victim, isFinal: false)
        #expect(try await server.stop() == .status(0))
        #expect(shim.repeatedSyncs == 0, "\(shim.victim)")
        let again = try await BerthProcess.start(root: scratch.root)
        try await facts.check(again, after: shim.victim)
    }

    @Test("content whose sync fails while it gets its place is given another file (B4, B6)")
    func settlingSync() async throws {
        let scratch = try Scratch()
        let shim = try FaultShim(in: scratch.path)
        let facts = Facts()
        let server = try await BerthProcess.start(
            root: scratch.root, environment: shim.environment(root: scratch.root))
        let pusher = Pusher(repository: "sync/settling", connection: try server.connect(), facts: facts)
        var numbers = SeededNumbers(seed: 2)
        let bytes = numbers.bytes(5_000)
        shim.arm(FaultPlan(operations: [.sync], files: .store, nth: 1, times: 3))
        #expect(try await pusher.pushBlob(bytes).status == 201)
        try await eventually("a sync has failed") { shim.fired > 0 }
        try await facts.check(server, after: shim.victim)
        let place = contentPath(digestText(bytes), below: scratch.root)
        try await eventually("it is settled all the same") {
            FileManager.default.fileExists(atPath: place) && shim.fired == 3
        }
        try await facts.check(server, after: shim.victim)
        #expect(try await server.stop() == .status(0))
        #expect(shim.repeatedSyncs == 0, "\(shim.victim)")
    }

    enum Commit: String, CaseIterable, Sendable { case smallBlob, largeBlob, manifest, deletedTag }

    @Test(
        "after a failed sync of a commit nothing is acknowledged until a restart, and pulls go on (B5, B6)",
        arguments: Commit.allCases)
    func commitSync(commit: Commit) async throws {
        let scratch = try Scratch()
        let shim = try FaultShim(in: scratch.path)
        let facts = Facts()
        let server = try await BerthProcess.start(
            root: scratch.root, environment: shim.environment(root: scratch.root))
        let pusher = Pusher(repository: "sync/commit", connection: try server.connect(), facts: facts)
        var numbers = SeededNumbers(seed: 3)
        let (config, layer) = (numbers.bytes(500), numbers.bytes(80_000))
        let manifest = Pusher.manifest(config: config, layers: [layer])
        #expect(try await pusher.pushBlob(config).status == 201)
        #expect(try await pusher.pushBlob(layer).status == 201)
        #expect(try await pusher.pushManifest(manifest, tag: "kept").status == 201)
        let all = facts.contents
        try await eventually("all is settled") {
            all.allSatisfy { FileManager.default.fileExists(atPath: contentPath($0, below: scratch.root)) }
        }
        let start = try await pusher.connection.send("POST", "/v2/sync/commit/blobs/uploads/", body: [])
        let location = try #require(start.header("Location"))
        let large = numbers.bytes(120_000)
        let patched = try await pusher.connection.send("PATCH", location, body: large)
        #expect(patched.status == 202)
        let closing = "\(patched.header("Location") ?? location)?digest=\(digestText(large))"
        let closed = Facts.Key.blob(repository: "sync/commit", digest: digestText(large))

        shim.arm(FaultPlan(operations: [.sync], files: .catalog, nth: 1))
        let reply =
            switch commit {
            case .smallBlob: try await pusher.pushBlob(numbers.bytes(4_000))
            case .largeBlob:
                try await facts.change([(closed, "here")], accepted: 201) {
                    try await pusher.connection.send("PUT", closing, body: [])
                }
            case .manifest:
                try await pusher.pushManifest(Pusher.manifest(config: config, layers: [], note: "new"), tag: "kept")
            case .deletedTag: try await pusher.deleteTag("kept")
            }
        #expect(reply.status == 503, "\(reply.status) \(reply.text)")
        #expect(shim.fired == 1)
        let next = try await pusher.pushBlob(numbers.bytes(3_000))
        #expect(next.status == 503, "\(next.status) \(next.text)")
        try await facts.check(server, after: shim.victim, isFinal: false)
        #expect(try await pusher.connection.send("GET", "/readyz").status == 503)
        _ = try await server.stop()
        #expect(shim.repeatedSyncs == 0, "\(shim.victim)")

        let again = try await BerthProcess.start(root: scratch.root)
        try await facts.check(again, after: "a restart")
        let second = Pusher(repository: "sync/commit", connection: try again.connect(), facts: facts)
        #expect(try await second.pushBlob(numbers.bytes(3_000)).status == 201)
        // What the client makes of its 503: it closes once more, or begins anew. A 201 has to mean that the blob is
        // there.
        let repeated = try await facts.change([(closed, "here")], accepted: 201) {
            try await second.connection.send("PUT", closing, body: [])
        }
        #expect([201, 404].contains(repeated.status), "\(repeated.status) \(repeated.text)")
        #expect(try await second.pushBlob(large).status == 201)
        try await facts.check(again, after: "a repeated close")
        #expect(try await again.stop() == .status(0))
    }
}
