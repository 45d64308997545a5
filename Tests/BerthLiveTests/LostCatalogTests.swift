import BerthServer
import BerthTestSupport
import Foundation
import Testing

/// A closed registry stays closed whatever becomes of its catalog.
@Suite("A catalog that is lost")
struct LostCatalogTests {
    private static let parts = ["berth.db", "berth.db-wal", "berth.db-shm"]

    private func remove(_ root: String) throws {
        for name in Self.parts where FileManager.default.fileExists(atPath: "\(root)/\(name)") {
            try FileManager.default.removeItem(atPath: "\(root)/\(name)")
        }
    }

    private func complaint(_ root: String) async throws -> String {
        do {
            try await withLiveServer(root: root) { _ in }
            return ""
        } catch let error as StartError { return "\(error)" }
    }

    @Test("a root that was served is refused without its catalog, and told what to do", arguments: [true, false])
    func gone(hasAccounts: Bool) async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            try await withLiveServer(root: root) { server async throws in
                if hasAccounts { try await server.addUser("ann") }
            }
            try remove(root)
            #expect(try await complaint(root).contains("from a backup"))
            #expect(FileManager.default.createFile(atPath: root + "/berth.db", contents: Data()))
            #expect(try await complaint(root).contains("from a backup"))
        }
    }

    @Test("a catalog from before the first account is refused, until the mark is taken away")
    func older() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            try await withLiveServer(root: root) { _ in }
            try FileManager.default.copyItem(atPath: root + "/berth.db", toPath: folder + "/old.db")
            try await withLiveServer(root: root) { server async throws in try await server.addUser("ann") }
            try remove(root)
            try FileManager.default.copyItem(atPath: folder + "/old.db", toPath: root + "/berth.db")
            #expect(try await complaint(root).contains("keys/closed"))
            try FileManager.default.removeItem(atPath: root + "/keys/closed")
            #expect(try await complaint(root).isEmpty)
        }
    }

    @Test("a closed registry without the mark gets it at its next start")
    func unmarked() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            try await withLiveServer(root: root) { server async throws in try await server.addUser("ann") }
            try FileManager.default.removeItem(atPath: root + "/keys/closed")
            try await withLiveServer(root: root) { _ in }
            #expect(FileManager.default.fileExists(atPath: root + "/keys/closed"))
        }
    }
}
