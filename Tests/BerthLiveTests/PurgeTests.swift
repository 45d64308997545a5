import BerthAccess
import BerthCatalog
import BerthConfig
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import Synchronization
import Testing

/// Files below a root that hold `bytes`.
func files(below root: String, holding bytes: [UInt8]) throws -> [String] {
    let all = try #require(FileManager.default.enumerator(atPath: root)).compactMap { $0 as? String }
    return all.filter { name in
        guard let data = FileManager.default.contents(atPath: "\(root)/\(name)") else { return false }
        return data.range(of: Data(bytes)) != nil
    }
}

/// A number that tasks share.
final class Counter: Sendable {
    private let state = Mutex(0)
    var value: Int { state.withLock { $0 } }
    func add() { state.withLock { $0 += 1 } }
}

func configuration(root: String) -> Configuration {
    var configuration = Configuration()
    configuration.storage.root = root
    configuration.metrics.listen = nil
    return configuration
}

/// What leaks is gone at once, from everywhere.
@Suite("Purging over HTTP")
struct PurgeTests {
    private static let by = Principal.user("operator")

    /// An image with `content`, and a tag, in each repository.
    private func leak(_ content: String, _ server: LiveServer) async throws -> (layer: Digest, image: Digest) {
        let image = try await server.pushImage(content, to: "team/a", as: "1")
        _ = try await server.pushImage(content, to: "team/b", as: "1")
        let index = try Document(
            #"{"schemaVersion":2,"manifests":[\#(image.descriptor)],"mediaType":"\#(ManifestType.ociIndex.rawValue)"}"#,
            .ociIndex)
        #expect(try await server.put(index, to: "team/b", as: "all").status == 201)
        _ = try await server.pushImage("harmless", to: "team/a", as: "2")
        return (try sha256(Array(content.utf8)), image.digest)
    }

    private func expectGone(_ leaked: (layer: Digest, image: Digest), _ server: LiveServer) async throws {
        for repository in ["team/a", "team/b"] {
            #expect(try await server.get("/v2/\(repository)/blobs/\(leaked.layer)").status == 404)
            #expect(try await server.head("/v2/\(repository)/blobs/\(leaked.layer)").status == 404)
            #expect(try await server.get("/v2/\(repository)/manifests/\(leaked.image)").status == 404)
            #expect(try await server.get("/v2/\(repository)/manifests/1").status == 404)
        }
        #expect(try await server.get("/v2/team/b/manifests/all").status == 404)
        #expect(try await server.get("/v2/team/a/manifests/2").status == 200)
        #expect(!FileManager.default.fileExists(atPath: server.path(of: leaked.layer)))
    }

    @Test(
        "no repository serves it any more, and its bytes are nowhere under the root",
        arguments: [
            (size: 100, settles: true), (size: 100, settles: false), (size: 300_000, settles: true),
            (size: 300_000, settles: false),
        ])
    func everywhere(size: Int, settles: Bool) async throws {
        try await withTemporaryFolder { folder in
            let (root, secret) = (
                folder + "/data", "the secret \(UUID().uuidString) " + String(repeating: "x", count: size)
            )
            let marked = Array(secret.utf8.prefix(40))
            let leaked = try await withLiveServer(root: root, settles: settles) { server in
                let leaked = try await leak(secret, server)
                _ = try await server.server.registry.catalog.makeSnapshot()
                if settles { await server.server.registry.settler.settleAll() }
                #expect(try await server.get("/v2/team/a/blobs/\(leaked.layer)").status == 200)
                #expect(try !files(below: root, holding: marked).isEmpty)
                let outcome = try await server.server.registry.purge(.content(leaked.layer), by: Self.by)
                #expect(outcome.failure == nil && outcome.purge.manifests == 3 && outcome.purge.tags == 3)
                try await expectGone(leaked, server)
                // The config names the content in its text: another digest, which nothing names any more.
                #expect(try files(below: root, holding: marked).allSatisfy { !$0.contains("\(leaked.layer.hex)") })
                let config = try sha256(
                    Array(#"{"architecture":"amd64","os":"linux","content":"\#(secret)"}"#.utf8))
                _ = try await server.server.registry.purge(.content(config), by: Self.by)
                #expect(try files(below: root, holding: marked) == [])
                return leaked
            }
            try await withLiveServer(root: root) { server in
                try await expectGone(leaked, server)
                // Pushed again it is new content.
                _ = try await server.pushImage(secret, to: "team/a", as: "1")
                #expect(try await server.get("/v2/team/a/blobs/\(leaked.layer)").text == secret)
            }
            try await withLiveServer(root: root) { server async throws in
                #expect(try await server.get("/v2/team/a/blobs/\(leaked.layer)").text == secret)
            }
        }
    }

    @Test("a repository goes, and what another one holds stays there")
    func repository() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("shared", to: "team/a", as: "1")
            _ = try await server.pushImage("shared", to: "team/b", as: "1")
            let own = try await server.pushImage("only here", to: "team/a", as: "2")
            await server.server.registry.settler.settleAll()
            _ = try await server.server.registry.purge(.repository(try RepositoryName("team/a")), by: Self.by)
            #expect(try await server.get("/v2/team/a/tags/list").status == 404)
            #expect(try await server.get("/v2/team/b/manifests/1").status == 200)
            #expect(try await server.get("/v2/team/b/blobs/\(sha256(Array("shared".utf8)))").status == 200)
            #expect(FileManager.default.fileExists(atPath: server.path(of: image.digest)))
            #expect(!FileManager.default.fileExists(atPath: server.path(of: own.digest)))
            #expect(try !FileManager.default.fileExists(atPath: server.path(of: sha256(Array("only here".utf8)))))
        }
    }

    @Test("among pushes of the same content no manifest ever names what is missing (G1)")
    func concurrent() async throws {
        try await withLiveServer { server in
            let content = "pushed again and again"
            let digest = try sha256(Array(content.utf8))
            let over = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in 0..<3 {
                    group.addTask {
                        var round = 0
                        while over.value == 0 {
                            round += 1
                            do {
                                _ = try await server.pushImage(
                                    content, to: "team/\(client)", as: "t\(round % 5)",
                                    extra: #""annotations":{"n":"\#(client)-\#(round % 7)"},"#)
                            } catch let failure as TestFailure {
                                #expect("\(failure)".contains("BLOB_UNKNOWN"), "\(failure)")
                            }
                        }
                    }
                }
                for _ in 0..<15 {
                    let outcome = try await server.server.registry.purge(.content(digest), by: Self.by)
                    #expect(outcome.failure == nil)
                }
                over.add()
                try await group.waitForAll()
            }
            for client in 0..<3 {
                for tag in 0..<5 {
                    let reply = try await server.get("/v2/team/\(client)/manifests/t\(tag)")
                    guard reply.status == 200 else { continue }
                    #expect(try await server.get("/v2/team/\(client)/blobs/\(digest)").text == content)
                }
            }
            _ = try await server.server.registry.purge(.content(digest), by: Self.by)
            for client in 0..<3 {
                #expect(try await server.get("/v2/team/\(client)/blobs/\(digest)").status == 404)
            }
            #expect(try files(below: server.root, holding: Array(content.utf8)).allSatisfy { !$0.contains(digest.hex) })
        }
    }

    @Test("an older catalog, brought back by command or by hand, does not bring it back", arguments: [true, false])
    func older(byCommand: Bool) async throws {
        try await withTemporaryFolder { folder in
            let (root, secret) = (folder + "/data", "secret of \(UUID().uuidString)")
            let (leaked, snapshot) = try await withLiveServer(root: root, settles: false) { server in
                let leaked = try await leak(secret, server)
                // Its bytes are in the snapshot itself.
                let snapshot = try await server.server.registry.catalog.makeSnapshot()
                await server.server.registry.settler.settleAll()
                return (leaked, snapshot)
            }
            if !byCommand {
                try FileManager.default.copyItem(atPath: root + "/berth.db", toPath: folder + "/copy.db")
            }
            let config = try sha256(Array(#"{"architecture":"amd64","os":"linux","content":"\#(secret)"}"#.utf8))
            try await withLiveServer(root: root) { server in
                for digest in [leaked.layer, config] {
                    _ = try await server.server.registry.purge(.content(digest), by: Self.by)
                }
                #expect(try files(below: root, holding: Array(secret.utf8)) == [])
            }
            if byCommand {
                let order = RestoreOrder(snapshot: snapshot.name, restorer: "operator")
                _ = try await AdminDoor.restore(configuration(root: root), order)
            } else {
                for name in ["berth.db", "berth.db-wal", "berth.db-shm"] {
                    try? FileManager.default.removeItem(atPath: "\(root)/\(name)")
                }
                try FileManager.default.copyItem(atPath: folder + "/copy.db", toPath: root + "/berth.db")
            }
            try await withLiveServer(root: root) { server in
                try await expectGone(leaked, server)
                #expect(try files(below: root, holding: Array(secret.utf8)) == [])
            }
        }
    }
}
