import BerthTestSupport
import Foundation
import Testing

extension FaultTests.Servers {
    enum Cut: String, CaseIterable, Sendable {
        case afterAcknowledgements, afterSettling, whileCollecting
        /// Syncs do nothing: the test would notice.
        case withoutSyncs
    }

    @Test(
        "after a power cut everything acknowledged is there, on ext4, by its syncs alone (B1, B3, B5, G7)",
        .enabled("mounting an image does not work here") { await Mounting.ext4.value }, arguments: Cut.allCases)
    func powerCut(cut: Cut) async throws { try await cutPower(cut, .ext4) }

    @Test(
        "after a power cut everything acknowledged is there, on xfs, by its syncs alone (B1, B3, B5, G7)",
        .enabled("mounting an image does not work here") { await Mounting.xfs.value }, arguments: Cut.allCases)
    func powerCutOnXFS(cut: Cut) async throws { try await cutPower(cut, .xfs) }

    private func cutPower(_ cut: Cut, _ system: FileSystem) async throws {
        let scratch = try Scratch()
        try await system.makeImage("\(scratch.path)/image")
        let disk = try await scratch.mount("disk", "-o", system.lazily, "\(scratch.path)/image")
        let shim = try FaultShim(in: scratch.path)
        let collecting = [
            "collector.lease=3s", "collector.interval=100ms", "collector.window=0s", "collector.budget=1s",
        ]
        let server = try await BerthProcess.start(
            root: "\(disk)/root", settings: cut == .whileCollecting ? collecting : [],
            environment: shim.environment(root: "\(disk)/root"))
        shim.arm(FaultPlan(mode: .count, skipsSync: cut == .withoutSyncs))
        let facts = Facts()
        if cut == .whileCollecting {
            try await pushAndDelete(server, facts, below: "\(disk)/root")
        } else {
            let script = Script(server: server, facts: facts, repository: "power/cut", seed: 10, fault: { "" })
            #expect(try await script.run() == .finished)
            if cut != .afterAcknowledgements { try await script.settled(below: "\(disk)/root") }
        }

        server.signal(SIGSTOP)
        try await runProgram("cp", "--sparse=always", "\(scratch.path)/image", "\(scratch.path)/image-copy")
        await server.kill()
        let copy = try await scratch.mount("copy", "-o", system.beside, "\(scratch.path)/image-copy")
        let root = "\(copy)/root"
        // The machine has not been started anew, so the mark of this boot is made another's.
        let mark = "\(root)/run/boot"
        try? "running 00000000-0000-4000-8000-000000000000\n".write(toFile: mark, atomically: false, encoding: .utf8)

        var losses: [String] = []
        do {
            let again = try await BerthProcess.start(
                root: root, settings: cut == .whileCollecting ? collecting : [])
            losses = try await facts.losses(again)
            if cut == .whileCollecting { try await expectSame(facts, below: root) }
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

    /// Pushes images and deletes every other one, until the collector has removed some of them and more are on their way.
    private func pushAndDelete(_ server: BerthProcess, _ facts: Facts, below root: String) async throws {
        var numbers = SeededNumbers(seed: 11)
        let shared = numbers.bytes(70_000)
        var deleted: [String] = []
        func hasGone() -> Bool {
            deleted.contains { !FileManager.default.fileExists(atPath: contentPath($0, below: root)) }
        }
        let pusher = Pusher(repository: "power/cut", connection: try server.connect(), facts: facts)
        var extra = 6
        for number in 0..<10_000 {
            let parts = [numbers.bytes(300), numbers.bytes(80_000)]
            let manifest = Pusher.manifest(config: parts[0], layers: [parts[1], shared], note: "\(number)")
            for part in parts + [shared] { #expect(try await pusher.pushBlob(part).status == 201) }
            #expect(try await pusher.pushManifest(manifest, tag: "t\(number)").status == 201)
            if number.isMultiple(of: 2) {
                #expect(try await pusher.deleteManifest(digestText(manifest)).status == 202)
                // Nobody was promised them any longer than their manifest.
                for part in parts { facts.forget(.blob(repository: "power/cut", digest: digestText(part))) }
                deleted.append(digestText(parts[1]))
            }
            if hasGone() { extra -= 1 }
            if extra == 0 { return }
        }
        Issue.record("nothing was collected: \(server.log.suffix(2_000))")
    }

    /// What is on the disk is in the end what is acknowledged, whatever came back with the power (G6, G7).
    private func expectSame(_ facts: Facts, below root: String) async throws {
        let wanted = Set(facts.contents.map { contentPath($0, below: root) })
        try await eventually("the files are those that manifests need", within: 120) {
            _ = try? await runToEnd([BerthProcess.binary(), "gc", "--root", root])
            let names = FileManager.default.enumerator(atPath: root + "/blobs")?.allObjects as? [String] ?? []
            let files = names.filter { $0.split(separator: "/").last.map { $0.utf8.count == 64 } ?? false }
            return Set(files.map { "\(root)/blobs/\($0)" }) == wanted
        }
    }
}
