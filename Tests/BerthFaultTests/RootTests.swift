import BerthTestSupport
import Foundation
import Testing

extension FaultTests.Servers {
    @Test("a second server on a root ends and says who holds it")
    func heldRoot() async throws {
        let scratch = try Scratch()
        let first = try await BerthProcess.start(root: scratch.root)
        let second = try BerthProcess(root: scratch.root)
        #expect(try await second.exit(within: 30) == .status(1))
        #expect(second.log.contains("in use by process \(first.identifier) "), "\(second.log)")
        #expect(try await first.connect().send("GET", "/readyz").status == 200)
        #expect(try await first.stop() == .status(0))
    }

    @Test("a root of a newer layout is refused and left as it is")
    func newerLayout() async throws {
        let scratch = try Scratch()
        try await BerthProcess.start(root: scratch.root).stop()
        let layout = "\(scratch.root)/LAYOUT"
        let text = try String(contentsOfFile: layout, encoding: .utf8)
        try text.replacing("berth 1", with: "berth 99").write(toFile: layout, atomically: false, encoding: .utf8)
        let server = try BerthProcess(root: scratch.root)
        #expect(try await server.exit(within: 30) == .status(1))
        #expect(server.log.contains("has layout 99; this program knows layouts up to"), "\(server.log)")
        #expect(try String(contentsOfFile: layout, encoding: .utf8).hasPrefix("berth 99"))
    }

    @Test("a root without the id that storage.id names is refused: it may be a disk that is not mounted")
    func otherDisk() async throws {
        let scratch = try Scratch()
        let wanted = "storage.id=019b0a3e-7c1f-7d52-9b64-0f4f6f1c2a11"
        try FileManager.default.createDirectory(atPath: scratch.root, withIntermediateDirectories: false)
        let empty = try BerthProcess(root: scratch.root, settings: [wanted])
        #expect(try await empty.exit(within: 30) == .status(1))
        #expect(empty.log.contains("Is its disk mounted?"), "\(empty.log)")

        try await BerthProcess.start(root: scratch.root).stop()
        let other = try BerthProcess(root: scratch.root, settings: [wanted])
        #expect(try await other.exit(within: 30) == .status(1))
        #expect(other.log.contains("but storage.id says"), "\(other.log)")
    }
}
