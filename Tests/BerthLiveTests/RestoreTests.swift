import BerthAccess
import BerthCatalog
import BerthCollector
import BerthConfig
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import Synchronization
import Testing

/// The catalog goes back to a snapshot, and all that it says is there.
@Suite("Going back to a snapshot")
struct RestoreTests {
    /// Every tag of the snapshot's moment, read from the snapshot itself.
    private func tags(in snapshot: String, root: String) async throws -> [String: Digest] {
        try await withTemporaryFolder { folder in
            try FileManager.default.copyItem(atPath: "\(root)/snapshots/\(snapshot)", toPath: folder + "/berth.db")
            let catalog = try await Catalog.open(path: folder + "/berth.db", snapshots: folder, sync: .never)
            var found: [String: Digest] = [:]
            for repository in try await catalog.repositories(after: nil, limit: 1_000) {
                for tag in try await catalog.tags(in: repository, after: nil, limit: 1_000) ?? [] {
                    found["\(repository) \(tag)"] = try await catalog.manifest(tag, in: repository)?.digest
                }
            }
            try await catalog.close()
            return found
        }
    }

    /// Pulls every tag whole, and says what it found.
    private func pulled(_ expected: [String: Digest], _ server: LiveServer) async throws {
        var seen: Set<String> = []
        let catalog = try await server.get("/v2/_catalog").text
        let names = try JSONDecoder().decode([String: [String]].self, from: Data(catalog.utf8))["repositories"] ?? []
        for name in names {
            struct List: Decodable { let tags: [String] }
            let list = try await server.get("/v2/\(name)/tags/list")
            for tag in try JSONDecoder().decode(List.self, from: Data(list.text.utf8)).tags {
                seen.insert("\(name) \(tag)")
                let reply = try await server.get("/v2/\(name)/manifests/\(tag)")
                #expect(reply.status == 200)
                #expect(try sha256(reply.body) == expected["\(name) \(tag)"])
                for match in reply.text.matches(of: /"digest":"(sha256:[0-9a-f]{64})"/) {
                    let blob = try await server.get("/v2/\(name)/blobs/\(match.1)")
                    #expect(blob.status == 200, "\(name):\(tag) lacks \(match.1)")
                    #expect(try sha256(blob.body).text == String(match.1))
                }
            }
        }
        #expect(seen == Set(expected.keys))
    }

    private func brief(_ configuration: inout Configuration) {
        configuration.collector.interval = .milliseconds(100)
        configuration.collector.lease = .seconds(3)
        configuration.collector.window = .seconds(3_600)
        configuration.collector.budget = .seconds(1)
    }

    /// Pushes, moves of tags, deletions, collecting; `middle` in between.
    private func load<Result: Sendable>(
        _ server: LiveServer, _ middle: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let rounds = Counter()
        let collecting = Task { await server.server.collector.run() }
        defer { collecting.cancel() }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<3 {
                group.addTask {
                    var previous: Digest?
                    for round in 0..<60 {
                        let text =
                            "content \(client) \(round) " + String(repeating: "y", count: round % 9 == 0 ? 80_000 : 9)
                        let image = try await server.pushImage(text, to: "load/\(client)", as: "t\(round % 4)")
                        if round % 2 == 0, let previous {
                            try await server.delete("/v2/load/\(client)/manifests/\(previous)")
                        }
                        if round % 5 == 0 { try await server.delete("/v2/load/\(client)/manifests/t3") }
                        previous = image.digest
                        rounds.add()
                    }
                }
            }
            // Hundreds of other tests run meanwhile.
            try await eventually("half of it is done", within: 300) { rounds.value > 90 }
            let result = try await middle()
            try await group.waitForAll()
            return result
        }
    }

    @Test("under load: a snapshot within the window restores whole, and so does what it replaced (G5)")
    func underLoad() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let snapshot = try await withLiveServer(root: root, brief) { server in
                let snapshot = try await load(server) { try await server.server.registry.catalog.makeSnapshot() }
                // What was only pushed and never named goes meanwhile, by itself.
                for number in 0..<5 { _ = try await server.push("never named \(number)", to: "load/0") }
                return snapshot
            }
            let (then, settings) = (try await tags(in: snapshot.name, root: root), configuration(root: root))
            #expect(then.count > 5)
            _ = try await AdminDoor.restore(settings, RestoreOrder(snapshot: snapshot.name, restorer: "operator"))
            let kept = try await withLiveServer(root: root, brief) { server in
                #expect(try await server.server.registry.catalog.lastRestoration()?.lost == 0)
                try await pulled(then, server)
                // Nor does collecting take away what the replaced catalog needs.
                try await eventually("the first lease is over") { !server.server.registry.catalog.isFirstLease() }
                for _ in 0..<3 { _ = await server.server.collector.round() }
                _ = try await server.server.collector.collectAll()
                try await pulled(then, server)
                _ = try await server.pushImage("new", to: "load/new", as: "1")
                return try #require(
                    try await server.server.registry.catalog.snapshots().first { $0.kind == .beforeRestore })
            }
            let last = try await tags(in: kept.name, root: root)
            #expect(last != then)
            _ = try await AdminDoor.restore(settings, RestoreOrder(snapshot: kept.name, restorer: "operator"))
            try await withLiveServer(root: root, brief) { server in
                #expect(try await server.server.registry.catalog.lastRestoration()?.lost == 0)
                try await pulled(last, server)
            }
        }
    }

    @Test("staged content settles again: small from its row, large from either of its names")
    func staged() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let large = String(repeating: "large ", count: 30_000)
            let snapshot = try await withLiveServer(root: root, settles: false) { server in
                _ = try await server.pushImage("small", to: "team/a", as: "small")
                _ = try await server.pushImage(large, to: "team/a", as: "large")
                return try await server.server.registry.catalog.makeSnapshot()
            }
            let then = try await tags(in: snapshot.name, root: root)
            let small = try sha256(Array("small".utf8))
            // As after a loss of power that took the file of content that the snapshot holds itself.
            let path = "\(root)/blobs/sha256/\(small.hex.prefix(2))/\(small.hex)"
            try FileManager.default.removeItem(atPath: path)
            _ = try await AdminDoor.restore(
                configuration(root: root), RestoreOrder(snapshot: "latest", restorer: "operator"))
            try await withLiveServer(root: root) { server in
                try await pulled(then, server)
                #expect(try await server.server.registry.catalog.totals().staged == 0)
                #expect(try server.files(in: "uploads").isEmpty)
            }
        }
    }

    @Test("content that is gone is damage where a manifest names it, and no word is lost about the rest")
    func damage() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let (lost, unnamed) = try await withLiveServer(root: root) { server in
                let unnamed = try await server.push("named by nothing", to: "team/a")
                _ = try await server.pushImage("lost", to: "team/a", as: "1")
                await server.server.registry.settler.settleAll()
                _ = try await server.server.registry.catalog.makeSnapshot()
                let lost = try sha256(Array("lost".utf8))
                for digest in [lost, unnamed] { try server.removeContent(digest) }
                return (lost, unnamed)
            }
            _ = try await AdminDoor.restore(
                configuration(root: root), RestoreOrder(snapshot: "latest", restorer: "operator"))
            try await withLiveServer(root: root) { server in
                let restored = try #require(try await server.server.registry.catalog.lastRestoration())
                #expect(restored.isChecked && restored.lost == 1 && restored.cleaned == 1)
                #expect(try await server.get("/v2/team/a/blobs/\(lost)").status == 404)
                #expect(try await server.get("/v2/team/a/blobs/\(unnamed)").status == 404)
                #expect(try await server.server.registry.catalog.content(unnamed) == nil)
                // An upload heals it.
                _ = try await server.push("lost", to: "team/a")
                #expect(try await server.get("/v2/team/a/blobs/\(lost)").status == 200)
            }
        }
    }

    @Test("a catalog that is lost or destroyed comes back from a snapshot", arguments: [true, false])
    func destroyed(isLost: Bool) async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let (then, seq) = try await withLiveServer(root: root) { server in
                try await server.addUser("ann")
                let snapshot = try await server.server.registry.catalog.makeSnapshot()
                return (snapshot.name, snapshot.seq)
            }
            for name in ["berth.db-wal", "berth.db-shm"] {
                try? FileManager.default.removeItem(atPath: "\(root)/\(name)")
            }
            if isLost {
                try FileManager.default.removeItem(atPath: root + "/berth.db")
            } else {
                let noise = Data((0..<60_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
                #expect(FileManager.default.createFile(atPath: root + "/berth.db", contents: noise))
            }
            await #expect(throws: (any Error).self) { try await withLiveServer(root: root) { _ in } }
            _ = try await AdminDoor.restore(
                configuration(root: root), RestoreOrder(snapshot: then, restorer: "operator"))
            try await withLiveServer(root: root) { server async throws in
                #expect(server.server.access.isClosed)
                #expect(server.server.registry.catalog.statistics.seq > seq)
                #expect(try server.files(in: "snapshots").contains { $0.hasSuffix(".unreadable") } == !isLost)
            }
        }
    }

    @Test("a registry with accounts does not become open by a snapshot from before them")
    func closed() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            try await withLiveServer(root: root) { server in
                _ = try await server.pushImage("public", to: "team/a", as: "1")
                _ = try await server.server.registry.catalog.makeSnapshot()
                try await server.addUser("ann")
            }
            let order = RestoreOrder(snapshot: "latest", restorer: "operator")
            _ = try await AdminDoor.restore(configuration(root: root), order)
            try await withLiveServer(root: root) { server async throws in
                #expect(server.server.access.isClosed)
                #expect(try await server.get("/v2/team/a/manifests/1").status == 401)
                #expect(try await server.get("/v2/", [basic("ann")]).status == 200, "who was added since stays")
                _ = try await server.server.registry.catalog.makeSnapshot()
                _ = try await server.server.access.removeUser(AccountName("ann"), by: .operator)
                try await server.addUser("bob")
            }
            _ = try await AdminDoor.restore(configuration(root: root), order)
            try await withLiveServer(root: root) { server async throws in
                #expect(try await server.get("/v2/", [basic("ann")]).status == 401, "who was removed since stays away")
                #expect(try await server.get("/v2/", [basic("bob")]).status == 200)
                let audit = try await server.server.access.auditEntries(before: nil, limit: 100)
                #expect(audit.contains { $0.entry.action == "user.remove" })
            }
        }
    }

    @Test("no snapshot of that name: nothing changes")
    func unknown() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            try await withLiveServer(root: root) { server in _ = try await server.pushImage("x", to: "team/a", as: "1")
            }
            for name in ["latest", "none", "../berth.db", ""] {
                await #expect(throws: RestoreError.self) {
                    _ = try await AdminDoor.restore(
                        configuration(root: root), RestoreOrder(snapshot: name, restorer: "operator"))
                }
            }
            try await withLiveServer(root: root) { server async throws in
                #expect(try await server.get("/v2/team/a/manifests/1").status == 200)
            }
        }
    }
}
