import BerthTestSupport
import Foundation
import Testing

/// What every sweep does to a server: small and large pushes, manifests, a tag that moves, deletes, an upload that
/// stays open, settling.
struct Script: Sendable {
    enum End { case finished, writingStopped, gone }

    let server: BerthProcess
    let facts: Facts
    let repository: String
    let seed: UInt64
    /// Says what has failed, for the texts of failures; empty as long as nothing has.
    let fault: @Sendable () -> String

    func run() async throws -> End {
        var numbers = SeededNumbers(seed: seed)
        let (config, small, spare) = (numbers.bytes(300), numbers.bytes(2_000), numbers.bytes(1_000))
        let (large, whole) = ([numbers.bytes(70_000), numbers.bytes(60_000)], numbers.bytes(100_000))
        let (manifests, open) = (
            ["first", "second"].map {
                Pusher.manifest(config: config, layers: [small, large.flatMap { $0 }], note: $0)
            },
            numbers.bytes(10_000)
        )
        let steps: [Step] = [
            Step("push a small blob", 201) { try await $0.pushBlob(config) },
            Step("push another", 201) { try await $0.pushBlob(small) },
            Step("push one that is in the way", 201) { try await $0.pushBlob(spare) },
            Step("push in pieces", 201) { try await $0.pushPieces(large, closes: true) },
            Step("push a large blob at once", 201) { try await $0.pushBlob(whole) },
            Step("push a manifest", 201) { try await $0.pushManifest(manifests[0], tag: "latest") },
            Step("move the tag", 201) { try await $0.pushManifest(manifests[1], tag: "latest") },
            Step("push it under another tag", 201) { try await $0.pushManifest(manifests[0], tag: "old") },
            Step("leave an upload open", 202) { try await $0.pushPieces([open], closes: false) },
            Step("delete a tag", 202) { try await $0.deleteTag("old") },
            Step("delete a manifest", 202) { try await $0.deleteManifest(digestText(manifests[0])) },
            Step("delete a blob", 202) { try await $0.deleteBlob(digestText(spare)) },
        ]
        for step in steps {
            switch try await run(step) {
            case .finished: continue
            case let end: return end
            }
        }
        return .finished
    }

    private struct Step: Sendable {
        let name: String
        let status: Int
        let request: @Sendable (Pusher) async throws -> Reply

        init(_ name: String, _ status: Int, _ request: @escaping @Sendable (Pusher) async throws -> Reply) {
            (self.name, self.status, self.request) = (name, status, request)
        }
    }

    /// One step, and once more where it was refused: what fails once is no reason to fail again.
    private func run(_ step: Step) async throws -> End {
        for attempt in 1... {
            let reply: Reply
            do {
                let pusher = Pusher(repository: repository, connection: try server.connect(), facts: facts)
                reply = try await step.request(pusher)
            } catch {
                guard server.isRunning else { return .gone }
                try? await eventually("the server is gone", within: 30) { !server.isRunning }
                guard server.isRunning else { return .gone }
                Issue.record("\(step.name) has no answer: \(error), after \(fault())")
                return .finished
            }
            if reply.status == step.status { return .finished }
            // The refused try may have been done after all.
            if attempt > 1, step.status == 202, reply.status == 404 { return .finished }
            #expect(isClear(reply), "\(step.name): \(reply.status) \(reply.text) after \(fault())")
            #expect(!fault().isEmpty, "\(step.name): \(reply.status) \(reply.text) without any fault")
            guard attempt < 2 else {
                // A commit of which nobody knows the outcome: no more writing before a restart (B6).
                let stopped = { @Sendable in server.log.contains("writing has stopped until a restart") }
                if (try? await eventually("the log says so", within: 30, stopped)) != nil { return .writingStopped }
                Issue.record(
                    "\(step.name): \(reply.status) \(reply.text), again after \(fault()): \(server.log.suffix(2_000))")
                return .finished
            }
        }
        return .finished
    }

    /// Says that the fault is the server's, in the words of the protocol.
    private func isClear(_ reply: Reply) -> Bool {
        switch reply.status {
        case 503, 507: !reply.errorCodes.isEmpty
        // an upload whose file failed is dead (B6)
        case 404: reply.errorCodes == ["BLOB_UPLOAD_UNKNOWN"]
        default: false
        }
    }

    /// Waits until all that was acknowledged has its place under `root`, the server is gone, or `gaveUp` says that the
    /// fault has come.
    func settled(below root: String, gaveUp: @escaping @Sendable () -> Bool = { false }) async throws {
        try await eventually("all is settled") {
            gaveUp() || !server.isRunning
                || facts.contents.allSatisfy { FileManager.default.fileExists(atPath: contentPath($0, below: root)) }
        }
    }
}

/// Where content has its place below a root.
func contentPath(_ digest: String, below root: String) -> String {
    let hex = digest.dropFirst("sha256:".count)
    return "\(root)/blobs/sha256/\(hex.prefix(2))/\(hex)"
}
