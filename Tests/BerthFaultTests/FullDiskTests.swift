import BerthTestSupport
import Foundation
import Testing

extension FaultTests.Servers {
    @Test(
        "on a full disk pushes get 507, pulls and deletes go on, and room that is made is used without a restart",
        .enabled("mounting a tmpfs does not work here") { await Mounting.tmpfs.value })
    func fullDisk() async throws {
        let scratch = try Scratch()
        let disk = try await scratch.mount("disk", "-t", "tmpfs", "-o", "size=96m", "tmpfs")
        let facts = Facts()
        let server = try await BerthProcess.start(root: "\(disk)/root", settings: ["storage.reserve=8MiB"])
        let pusher = Pusher(repository: "full/disk", connection: try server.connect(), facts: facts)
        var numbers = SeededNumbers(seed: 4)
        let (config, layer) = (numbers.bytes(500), numbers.bytes(1 << 20))
        let manifest = Pusher.manifest(config: config, layers: [layer])
        for bytes in [config, layer] { #expect(try await pusher.pushBlob(bytes).status == 201) }
        for tag in ["kept", "gone", "gone-too"] {
            #expect(try await pusher.pushManifest(manifest, tag: tag).status == 201)
        }

        // To the last block: the reserve is for this, whoever meets the full disk first.
        try fill("\(disk)/ballast", on: disk)
        let deleted = try await pusher.deleteTag("gone")
        #expect(deleted.status == 202, "\(deleted.status) \(deleted.text)")
        expectFull(try await pusher.pushBlob(numbers.bytes(60_000)), "a small blob")
        expectFull(try await pusher.pushPieces([numbers.bytes(100_000)], closes: true), "a large one")
        let again = try await pusher.deleteTag("gone-too")
        #expect(again.status == 202, "\(again.status) \(again.text)")
        #expect(try await pusher.connection.send("GET", "/readyz").status == 503)
        try await facts.check(server, after: "the disk is full", isFinal: false)

        try FileManager.default.removeItem(atPath: "\(disk)/ballast")
        try await eventually("it is ready again") {
            try await server.connect().send("GET", "/readyz").status == 200
        }
        let second = Pusher(repository: "full/disk", connection: try server.connect(), facts: facts)
        #expect(try await second.pushBlob(numbers.bytes(2_000)).status == 201)
        #expect(try await second.pushPieces([numbers.bytes(100_000)], closes: true).status == 201)
        #expect(try await second.pushManifest(manifest, tag: "again").status == 201)

        // A push that does not fit is refused in its middle; the connection is given up with it.
        expectFull(try await second.pushBlob(numbers.manyBytes(100 << 20)), "a blob larger than the disk")
        let third = Pusher(repository: "full/disk", connection: try server.connect(), facts: facts)
        #expect(try await third.pushBlob(numbers.bytes(300_000)).status == 201)
        try await facts.check(server, after: "room was made")
        #expect(try await server.stop() == .status(0))
    }

    @Test("where nothing can be written pushes get 503 and pulls go on, and all is well when it can be again")
    func readOnlyDisk() async throws {
        let scratch = try Scratch()
        let shim = try FaultShim(in: scratch.path)
        let facts = Facts()
        let server = try await BerthProcess.start(
            root: scratch.root, environment: shim.environment(root: scratch.root))
        let pusher = Pusher(repository: "read/only", connection: try server.connect(), facts: facts)
        var numbers = SeededNumbers(seed: 5)
        let (config, layer) = (numbers.bytes(500), numbers.bytes(200_000))
        for bytes in [config, layer] { #expect(try await pusher.pushBlob(bytes).status == 201) }
        let manifest = Pusher.manifest(config: config, layers: [layer])
        #expect(try await pusher.pushManifest(manifest, tag: "kept").status == 201)
        let all = facts.contents
        try await eventually("all is settled") {
            all.allSatisfy { FileManager.default.fileExists(atPath: contentPath($0, below: scratch.root)) }
        }

        // What a file system answers that the kernel has made read-only under open files. No mount can be made so while
        // files are open for writing, so the shim has to.
        shim.arm(FaultPlan(operations: FaultPlan.Operation.changing, times: 1_000_000, errors: .readOnly))
        for reply in [
            try await pusher.pushBlob(numbers.bytes(1_000)),
            try await pusher.pushPieces([numbers.bytes(100_000)], closes: true),
            try await pusher.pushManifest(Pusher.manifest(config: config, layers: []), tag: "kept"),
            try await pusher.deleteTag("kept"),
        ] {
            #expect(reply.status == 503, "\(reply.status) \(reply.text)")
            #expect(!reply.errorCodes.isEmpty)
        }
        #expect(shim.fired > 0)
        #expect(try await pusher.connection.send("GET", "/readyz").status == 503)
        try await facts.check(server, after: "the disk is read-only", isFinal: false)

        shim.disarm()
        let ready = try await pusher.connection.send("GET", "/readyz")
        #expect(ready.status == 200, "\(ready.text)")
        #expect(try await pusher.pushBlob(numbers.bytes(1_000)).status == 201)
        #expect(try await pusher.pushPieces([numbers.bytes(100_000)], closes: true).status == 201)
        try await facts.check(server, after: "the disk is writable again")
        #expect(try await server.stop() == .status(0))
    }

    private func expectFull(_ reply: Reply, _ what: String) {
        #expect(reply.status == 507, "\(what): \(reply.status) \(reply.text)")
        #expect(reply.errorCodes == ["DENIED"])
        #expect(reply.header("Retry-After") == nil)
    }

    /// Takes all room of a file system, to its last block.
    private func fill(_ path: String, on disk: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(file) }
        guard file >= 0 else { throw TestFailure("no ballast") }
        var size = 0
        for step in [16 << 20, 1 << 20, 64 << 10, 4 << 10] {
            while posix_fallocate(file, off_t(size), off_t(step)) == 0 { size += step }
        }
    }
}
