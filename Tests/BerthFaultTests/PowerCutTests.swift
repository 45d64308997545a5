import BerthTestSupport
import Foundation
import Testing

extension FaultTests.Servers {
    enum Cut: String, CaseIterable, Sendable {
        case afterAcknowledgements, afterSettling
        /// Syncs do nothing: the test would notice.
        case withoutSyncs
    }

    @Test(
        "after a power cut everything acknowledged is there, by its syncs alone (B1, B3, B5)",
        .enabled("mounting an image does not work here") { await Mounting.image.value }, arguments: Cut.allCases)
    func powerCut(cut: Cut) async throws {
        let scratch = try Scratch()
        try await Mounting.makeImage("\(scratch.path)/image", mebibytes: 128)
        // Nothing gets to this disk in time but what is synced.
        let options = "loop,commit=600,noauto_da_alloc"
        let disk = try await scratch.mount("disk", "-o", options, "\(scratch.path)/image")
        let shim = try FaultShim(in: scratch.path)
        let server = try await BerthProcess.start(
            root: "\(disk)/root", environment: shim.environment(root: "\(disk)/root"))
        shim.arm(FaultPlan(mode: .count, skipsSync: cut == .withoutSyncs))
        let facts = Facts()
        let script = Script(server: server, facts: facts, repository: "power/cut", seed: 10, fault: { "" })
        #expect(try await script.run() == .finished)
        if cut != .afterAcknowledgements { try await script.settled(below: "\(disk)/root") }

        server.signal(SIGSTOP)
        try await runProgram("cp", "--sparse=always", "\(scratch.path)/image", "\(scratch.path)/image-copy")
        await server.kill()
        let copy = try await scratch.mount("copy", "-o", "loop", "\(scratch.path)/image-copy")
        // The machine has not been started anew, so the mark of this boot is made another's.
        let mark = "\(copy)/root/run/boot"
        try? "running 00000000-0000-4000-8000-000000000000\n".write(toFile: mark, atomically: false, encoding: .utf8)

        var losses: [String] = []
        do {
            let again = try await BerthProcess.start(root: "\(copy)/root")
            losses = try await facts.losses(again)
            #expect(try await again.stop() == .status(0))
        } catch  where cut == .withoutSyncs {
            losses = ["\(error)"]
        }
        if cut == .withoutSyncs {
            #expect(!losses.isEmpty, "this test would not notice a loss")
        } else {
            #expect(losses.isEmpty)
        }
    }
}
