import BerthTestSupport
import Foundation
import Testing

extension FaultTests.Servers {
    @Test(
        "a running server's snapshots go when their window is over, but for the newest, and what only they knew with them (G5, G6)"
    )
    func oldSnapshots() async throws {
        let scratch = try Scratch()
        let server = try await BerthProcess.start(
            root: scratch.root,
            settings: [
                "storage.snapshots=1s", "collector.window=2s", "collector.lease=1s", "collector.interval=100ms",
                "log.level=notice",
            ])
        let (facts, layer) = (Facts(), SeededNumbers.some(70_000))
        let going = Pusher(repository: "old/going", connection: try server.connect(), facts: facts)
        let staying = Pusher(repository: "old/staying", connection: try server.connect(), facts: facts)
        @Sendable func pushOneMore() async throws {
            let config = Array("\(facts.count)".utf8)
            _ = try await staying.connection.send(
                "POST", "/v2/old/staying/blobs/uploads/?digest=\(digestText(config))", body: config)
            let manifest = Pusher.manifest(config: config, layers: [])
            #expect(try await staying.pushManifest(manifest, tag: "latest").status == 201)
        }

        let early = try await snapshots(scratch.root)
        for part in [Array("{}".utf8), layer] {
            let reply = try await going.connection.send(
                "POST", "/v2/old/going/blobs/uploads/?digest=\(digestText(part))", body: part)
            #expect(reply.status == 201)
        }
        let image = Pusher.manifest(config: Array("{}".utf8), layers: [layer])
        #expect(try await going.pushManifest(image, tag: "1").status == 201)
        // The first of two may have been begun before the push.
        try await eventually("the schedule makes some") {
            try await pushOneMore()
            return try await snapshots(scratch.root).subtracting(early).count > 1
        }
        let old = try await snapshots(scratch.root)
        #expect(try await going.deleteManifest(digestText(image)).status == 202)
        let file = contentPath(digestText(layer), below: scratch.root)
        try await eventually("old ones go, new ones are made, and what only the old ones knew is freed") {
            try await pushOneMore()
            let present = try await snapshots(scratch.root)
            #expect(!present.isEmpty)
            return present.isDisjoint(with: old) && !present.isEmpty && !FileManager.default.fileExists(atPath: file)
        }
        try await eventually("the newest stays alone when nothing happens any more") {
            try await snapshots(scratch.root).count == 1
        }

        let restored = try await runProgram(
            BerthProcess.binary(), "restore", "--root", scratch.root, "--snapshot", "latest", "--yes")
        #expect(restored.hasPrefix("The catalog is as it was in"))
        try await server.listens(start: 2)
        try await facts.check(server, after: "a restore of the newest")
        #expect(try await snapshots(scratch.root).contains { $0.hasPrefix("before-restore-") })
        try await eventually("what a restore put away goes as well") {
            let present = try await snapshots(scratch.root)
            return !present.contains { $0.hasPrefix("before-restore-") } && !present.isEmpty
        }
        try await facts.check(server, after: "collections")
        #expect(try await server.stop() == .status(0))
    }

    @Test(
        "an upload that nobody goes on with is gone after its time, and what it kept with it (B8, G6)",
        arguments: [false, true])
    func abandonedUpload(isKilled: Bool) async throws {
        let scratch = try Scratch()
        let settings = [
            "upload.max_age=2s", "upload.max_open=1", "collector.lease=1s", "collector.window=0s",
            "collector.interval=100ms",
        ]
        var server = try await BerthProcess.start(root: scratch.root, settings: settings)
        var connection = try server.connect()
        let (piece, beside) = (SeededNumbers.some(100_000), SeededNumbers.some(70_000))
        // No lease in a repository runs out while an upload in it is open.
        let content = contentPath(digestText(beside), below: scratch.root)
        let sent = try await connection.send(
            "POST", "/v2/left/alone/blobs/uploads/?digest=\(digestText(beside))", body: beside)
        #expect(sent.status == 201, "\(sent.text)")
        let begun = try await connection.send("POST", "/v2/left/alone/blobs/uploads/")
        let location = try #require(begun.header("Location"))
        #expect(try await connection.send("PATCH", location, body: piece).status == 202)
        if isKilled {
            await server.kill()
            server = try await BerthProcess.start(root: scratch.root, settings: settings)
            connection = try server.connect()
        } else {
            // It counts.
            let another = try await connection.send("POST", "/v2/left/alone/blobs/uploads/")
            #expect(another.status == 202)
            let refused = try await connection.send("PATCH", another.header("Location") ?? "", body: piece)
            #expect(refused.status == 429, "\(refused.text)")
        }

        try await eventually("its file is gone") {
            try FileManager.default.contentsOfDirectory(atPath: scratch.root + "/uploads").isEmpty
        }
        let gone = try await connection.send("GET", location)
        #expect(gone.status == 404 && gone.errorCodes == ["BLOB_UPLOAD_UNKNOWN"], "\(gone.text)")
        try await eventually("the catalog forgets it, and what it kept") {
            let administration = try TestConnection(path: "\(scratch.root)/run/admin.sock")
            let repository = try await administration.send("GET", "/api/v1/repositories/left%2Falone").json()
            return repository["open_uploads"] as? Int == 0 && !FileManager.default.fileExists(atPath: content)
        }
        let next = try await connection.send("POST", "/v2/left/alone/blobs/uploads/")
        #expect(try await connection.send("PATCH", next.header("Location") ?? "", body: piece).status == 202)
        #expect(try await server.stop() == .status(0))
    }
}

extension SeededNumbers {
    /// Bytes that need not differ from others.
    fileprivate static func some(_ count: Int) -> [UInt8] {
        var numbers = SeededNumbers(seed: UInt64(count))
        return numbers.bytes(count)
    }
}

/// The names of a root's snapshots, as a command tells them.
private func snapshots(_ root: String) async throws -> Set<String> {
    let list = try await runProgram(BerthProcess.binary(), "snapshot", "list", "--root", root)
    return Set(list.split(separator: "\n").compactMap { $0.split(separator: " ").first }.map(String.init))
        .filter { $0.hasSuffix(".db") }
}
