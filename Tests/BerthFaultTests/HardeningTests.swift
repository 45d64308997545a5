import BerthTestSupport
import Foundation
import Testing

extension FaultTests.Servers {
    @Test("nothing under a root is for others to read, and no core file can be written")
    func hardened() async throws {
        let scratch = try Scratch()
        let server = try await BerthProcess.start(root: scratch.root)
        let digest = digestText(Array("x".utf8))
        let reply = try await server.connect().send(
            "POST", "/v2/a/b/blobs/uploads/?digest=\(digest)", body: Array("x".utf8))
        #expect(reply.status == 201)
        let names = try FileManager.default.subpathsOfDirectory(atPath: scratch.root)
        #expect(names.contains("berth.db-wal"))
        for name in names {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(scratch.root)/\(name)")
            let mode = try #require(attributes[.posixPermissions] as? Int)
            #expect(mode & 0o077 == 0, "\(name) has mode \(String(mode, radix: 8))")
        }
        let limits = try String(contentsOfFile: "/proc/\(server.identifier)/limits", encoding: .utf8)
        let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
        #expect(core.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"], "\(core)")
        #expect(try await server.stop() == .status(0))
    }
}
