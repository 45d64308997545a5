import Foundation
import Testing

/// Clients that push, delete and pull while the registry's collector works.
@Suite("Clients beside the collector")
struct CollectionTests {
    @Test("what is pushed stays whole while what is deleted is freed", arguments: [Client.skopeo, .podman, .docker])
    func collecting(client: Client) async throws {
        try await withClients(client, .skopeo, of: Registry.collecting) { at in
            let user = try await ImageUser(client, at)
            let gone = try await user.push("gone:1")
            let files = gone.content.map { at.registry.file(of: $0) }
            try await at.waits(until: "content settles") { files.allSatisfy(FileManager.default.hasFile) }
            var kept = ["kept:1": try await user.push("kept:1").digest]
            // One of the deleted is pushed once more before it can have gone, or while it goes.
            let again = try await user.push("again:1")
            for name in ["gone:1", "again:1"] { try await user.delete(name) }
            kept["again:1"] = try await user.push("again:1", again).digest

            var (round, freed) = (0, try await at.freedItems())
            let before = freed
            let deadline = ContinuousClock.now.advanced(by: .seconds(300))
            while freed == before || files.contains(where: FileManager.default.hasFile) {
                try #require(ContinuousClock.now < deadline, "nothing of \(gone.content) is freed: \(files)")
                round += 1
                // Every other image stays.
                let name = "busy/\(round % 3):\(round)"
                let image = try await user.push(name)
                if round.isMultiple(of: 2) { try await user.delete(name) } else { kept[name] = image.digest }
                freed = try await at.freedItems()
            }
            #expect(round > 0 && kept.count > 2)

            for (name, digest) in kept { #expect(try await user.pull(name) == digest, "\(name)") }
            try await user.isRefused("gone:1")
        }
    }

    @Test("what is brought back within the window is pulled as it was", arguments: [Client.skopeo, .podman, .docker])
    func recovering(client: Client) async throws {
        try await withClients(client, .skopeo, .curl, of: Registry.recovering) { at in
            let user = try await ImageUser(client, at)
            let manifest = try await user.push("manifest:1")
            let tag = try await user.push("tag:1")
            try await user.delete("manifest:1")
            let untagged = try await at.curl(at.url("tag/manifests/1"), ["-X", "DELETE"])
            #expect(untagged.status == 202)
            for name in ["manifest:1", "tag:1"] { try await user.isRefused(name) }

            // What was left behind later than that has been collected: leases are over, the window is not.
            let left = at.registry.file(
                of: try await at.upload(try await at.randomFile("left", megabytes: 1), to: "left"))
            try await at.waits(until: "content settles") { FileManager.default.hasFile(left) }
            try await at.waits(until: "content that was left behind is gone") {
                !FileManager.default.hasFile(left)
            }

            try await at.berth("undelete", "\(at.namespace)/manifest", manifest.digest)
            try await at.berth("tag", "restore", "\(at.namespace)/tag", "1")
            #expect(try await user.pull("manifest:1") == manifest.digest)
            #expect(try await user.pull("tag:1") == tag.digest)
        }
    }
}

/// A client that pushes and pulls whole images, and has none of them on its side in between.
private struct ImageUser {
    struct Image {
        /// Of the manifest, as the registry has it.
        var digest: String
        /// Digests of all that no other image has: manifest, configuration and a layer.
        var content: [String]
        /// The layout's tag.
        var source: String
    }
    private let client: Client
    private let at: Scratch
    private let layout: Layout
    private let docker: [String]

    init(_ client: Client, _ at: Scratch) async throws {
        (self.client, self.at) = (client, at)
        layout = try Layout("layout", in: at)
        docker = client == .docker ? ["--host", try await DockerEngine.shared.value.socket] : []
    }

    /// Pushes an image that shares its first layer with all others, or one that was pushed before once more.
    func push(_ name: String, _ image: Image? = nil) async throws -> Image {
        let source = image?.source ?? String(UInt32.random(in: .min ... .max), radix: 36)
        if image == nil { try await at.box(layout, tag: source, text: name) }
        switch client {
        case .docker:
            try await load(source, name)
            try await run(["push", at.image(name)])
            try await run(["rmi", at.image(name)])
        case .podman:
            try await load(source, name)
            try await run(["push", "-q", "--tls-verify=false", at.image(name)])
            try await run(["rmi", "-f", at.image(name)])
        default: try await layout.push(source, to: at.image(name))
        }
        let raw = try await at.run("skopeo", "inspect", "--raw", "docker://\(at.image(name))")
        let digest = try await at.run(
            "skopeo", "inspect", "--format", "{{.Digest}}", "docker://\(at.image(name))"
        ).text
        let manifest: ImageManifest = try parse(raw.output)
        return Image(
            digest: digest, content: [digest, manifest.config.digest] + manifest.layers.dropFirst().map(\.digest),
            source: source)
    }

    private func load(_ source: String, _ name: String) async throws {
        let archive = "\(at.folder)/\(source).tar"
        try await at.run(
            "skopeo", "copy", "-q", "oci:\(layout.path):\(source)", "docker-archive:\(archive):\(at.image(name))")
        try await run(["load", "-q", "-i", archive])
        try FileManager.default.removeItem(atPath: archive)
    }

    /// Pulls an image whole. Answers its digest.
    func pull(_ name: String) async throws -> String {
        switch client {
        case .docker:
            let pulled = try await run(["pull", at.image(name)])
            try await run(["rmi", at.image(name)])
            return String(try #require(pulled.output.firstMatch(of: /Digest: (sha256:[0-9a-f]{64})/)?.1))
        case .podman:
            try await run(["pull", "-q", "--tls-verify=false", at.image(name)])
            let digest = try await run(["image", "inspect", "--format", "{{.Digest}}", at.image(name)]).text
            try await run(["rmi", "-f", at.image(name)])
            return digest
        default:
            let folder = "pulled-\(UInt32.random(in: .min ... .max))"
            try await at.run(
                "skopeo", "copy", "-q", "--preserve-digests", "docker://\(at.image(name))", "oci:\(folder):1")
            return try await at.run("skopeo", "inspect", "--format", "{{.Digest}}", "oci:\(folder):1").text
        }
    }

    func isRefused(_ name: String) async throws {
        let refused =
            switch client {
            case .docker: try await at.command("docker", docker + ["pull", at.image(name)]).run()
            case .podman: try await at.command("podman", ["pull", "-q", "--tls-verify=false", at.image(name)]).run()
            default: try await at.command("skopeo", ["copy", "-q", "docker://\(at.image(name))", "dir:refused"]).run()
            }
        #expect(refused.status != 0)
        #expect(refused.errors.contains("manifest unknown") || refused.errors.contains("not found"), "\(refused.all)")
    }

    /// Skopeo deletes by digest: with the manifest go all its tags.
    func delete(_ name: String) async throws { try await at.run("skopeo", "delete", "docker://\(at.image(name))") }

    @discardableResult
    private func run(_ arguments: [String]) async throws -> Finished {
        let finished = try await at.command(client.rawValue, docker + arguments).run()
        guard finished.status == 0 else { throw CommandFailure(finished: finished) }
        return finished
    }
}

extension FileManager {
    fileprivate func hasFile(_ path: String) -> Bool { fileExists(atPath: path) }
}

extension Scratch {
    /// Runs a command of `berth` on this test's registry, through its administration socket.
    @discardableResult
    fileprivate func berth(_ arguments: String...) async throws -> Finished {
        let finished = try await command(
            Registry.berth(), arguments + ["--root", "\(registry.folder)/data"]
        ).run()
        guard finished.status == 0 else { throw CommandFailure(finished: finished) }
        return finished
    }

    /// What the collector has freed since the registry's start.
    fileprivate func freedItems() async throws -> Int {
        struct Progress: Decodable {
            let freedItems: Int

            private enum CodingKeys: String, CodingKey { case freedItems = "freed_items" }
        }
        return try parse(try await berth("gc", "--progress", "--json").output, as: Progress.self).freedItems
    }

    /// Waits for a condition, and fails where it does not come to hold. By looking again: files tell nobody of themselves,
    /// and these tests have nothing of the project's own code.
    fileprivate func waits(until what: String, _ condition: () -> Bool) async throws {
        let deadline = ContinuousClock.now.advanced(by: .seconds(120))
        while !condition() {
            try #require(ContinuousClock.now < deadline, "\(what): not within two minutes")
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
