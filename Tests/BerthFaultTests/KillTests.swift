import BerthTestSupport
import Testing

extension FaultTests.Servers {
    @Test(
        "a server that is killed among pushes keeps all that it acknowledged (B3 to B7, C1)",
        arguments: [UInt64(20_260)])
    func kills(seed: UInt64) async throws {
        let scratch = try Scratch()
        var numbers = SeededNumbers(seed: seed)
        // The same contents come up in several repositories at once.
        let shared = [900, 70_000, 200_000].map { numbers.bytes($0) }
        let facts = (0..<4).map { _ in Facts() }
        for round in 1...8 {
            let server = try await BerthProcess.start(root: scratch.root)
            for fact in facts {
                try await fact.check(server, after: "kill \(round - 1)")
                try await fact.continueUploads(server, after: "kill \(round - 1)")
            }
            let goal = facts.reduce(0) { $0 + $1.acknowledgements } + 10 + numbers.below(120)
            await withTaskGroup { group in
                for (index, fact) in facts.enumerated() {
                    let seed = numbers.next()
                    group.addTask { await push(server, fact, "kill/\(index)", shared, SeededNumbers(seed: seed)) }
                }
                group.addTask {
                    try? await eventually("enough is acknowledged", within: 120) {
                        facts.reduce(0) { $0 + $1.acknowledgements } >= goal
                    }
                    await server.kill()
                }
            }
            #expect(facts.reduce(0) { $0 + $1.acknowledgements } >= goal, "round \(round) got nowhere")
        }
        let server = try await BerthProcess.start(root: scratch.root)
        for fact in facts {
            try await fact.check(server, after: "the last kill")
            try await fact.continueUploads(server, after: "the last kill")
            try await fact.check(server, after: "the last kill, with uploads continued")
        }
        #expect(try await server.stop() == .status(0))
    }
}

/// Changes one thing after another until the server is gone.
private func push(
    _ server: BerthProcess, _ facts: Facts, _ repository: String, _ shared: [[UInt8]], _ seed: SeededNumbers
) async {
    var numbers = seed
    guard let connection = try? server.connect() else { return }
    let pusher = Pusher(repository: repository, connection: connection, facts: facts)
    var blobs: [[UInt8]] = []
    var manifests: [String] = []
    do {
        while true {
            let size = [200, 3_000, 66_000, 150_000][numbers.below(4)]
            let bytes = numbers.below(3) == 0 ? shared[numbers.below(3)] : numbers.bytes(size)
            let tag = ["a", "b", "c"][numbers.below(3)]
            var reply: Reply?
            switch numbers.below(10) {
            case 0...2:
                reply = try await pusher.pushBlob(bytes)
                if reply?.status == 201 { blobs.append(bytes) }
            case 3:
                reply = try await pusher.pushPieces([bytes, numbers.bytes(500), numbers.bytes(80_000)], closes: true)
            case 4: reply = try await pusher.pushPieces([bytes, numbers.bytes(40_000)], closes: false)
            case 5...7:
                let isThere = { (blob: [UInt8]) in
                    facts.acknowledged(.blob(repository: repository, digest: digestText(blob))) != nil
                }
                let here = blobs.filter(isThere)
                guard let config = here.last else { continue }
                let layer = here[numbers.below(here.count)]
                let manifest = Pusher.manifest(config: config, layers: [layer], note: "\(numbers.next())")
                reply = try await pusher.pushManifest(manifest, tag: tag)
                manifests.append(digestText(manifest))
            case 8:
                // 404 where the tag is gone already
                let reply = try await pusher.deleteTag(tag)
                #expect([202, 404].contains(reply.status), "deleting a tag: \(reply.text)")
            default:
                guard let manifest = manifests.last, let blob = blobs.first else { continue }
                let first = try await pusher.deleteManifest(manifest)
                #expect([202, 404].contains(first.status), "deleting a manifest: \(first.text)")
                // 405 where a manifest uses it
                let second = try await pusher.deleteBlob(digestText(blob))
                #expect([202, 404, 405].contains(second.status), "deleting a blob: \(second.text)")
            }
            if let reply { #expect(200..<300 ~= reply.status, "\(reply.status): \(reply.text)") }
        }
    } catch {
        // the kill
    }
}
