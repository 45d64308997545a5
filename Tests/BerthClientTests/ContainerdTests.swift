import Testing

@Suite("containerd", .serialized)
struct ContainerdTests {
    private func ctr(_ at: Scratch, _ arguments: String...) async throws -> Finished {
        let finished = try await at.command("ctr", address + arguments).run()
        guard finished.status == 0 else { throw CommandFailure(finished: finished) }
        return finished
    }
    private let address: [String]

    /// An engine that does not start is the business of `withClients`.
    init() async {
        let engine = Client.containerd.obstacle == nil ? try? await ContainerdEngine.shared.value : nil
        address = engine.map { ["--address", $0.socket] } ?? []
    }

    @Test(
        "pulls, runs and pushes images of every layer format", arguments: [SampleLayer.Compression.gzip, .zstd, .none])
    func roundTrip(compression: SampleLayer.Compression) async throws {
        try await withClients(.containerd, .skopeo) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1", text: "ahoy containerd", compression)
            // Skopeo would compress the plain layer.
            try await layout.push("1", to: at.image("box:1"))
            _ = try await ctr(at, "images", "pull", "--plain-http", at.image("box:1"))
            let ran = try await at.contained("ctr run") {
                try await ctr(at, "run", "--rm", at.image("box:1"), "box-\(compression)")
            }
            if let ran { #expect(ran.text == "ahoy containerd") }

            _ = try await ctr(at, "images", "tag", at.image("box:1"), at.image("copy:1"))
            _ = try await ctr(at, "images", "push", "--plain-http", at.image("copy:1"))
            let before = try await at.run("skopeo", "inspect", "--raw", "docker://\(at.image("box:1"))")
            let after = try await at.run("skopeo", "inspect", "--raw", "docker://\(at.image("copy:1"))")
            #expect(before.output == after.output)
            // A second time the registry has it all.
            _ = try await ctr(at, "images", "push", "--plain-http", at.image("copy:1"))
        }
    }

    @Test("pulls every platform of an index and pushes the index as it was")
    func index() async throws {
        try await withClients(.containerd, .skopeo) { at in
            let layout = try Layout("layout", in: at)
            let images = [
                try await at.box(layout, tag: nil, text: "amd64"),
                try await at.box(layout, tag: nil, text: "arm64", architecture: "arm64"),
            ]
            let index = try await layout.index(images, tag: "both")
            try await layout.push("both", to: at.image("multi:1"))
            _ = try await ctr(
                at, "images", "pull", "--plain-http", "--all-platforms", at.image("multi@\(index.digest)"))
            _ = try await ctr(at, "images", "tag", at.image("multi@\(index.digest)"), at.image("again:1"))
            _ = try await ctr(at, "images", "push", "--plain-http", at.image("again:1"))
            let raw = try await at.run("skopeo", "inspect", "--raw", "docker://\(at.image("again:1"))")
            #expect(try parse(raw.output, as: ImageIndex.self).manifests.map(\.digest) == images.map(\.digest))
        }
    }

    @Test("runs a Python image with its requirements")
    func python() async throws {
        try await withClients(.containerd, .skopeo) { at in
            let layout = try Layout("layout", in: at)
            try await at.python(layout, tag: "1", .zstd)
            try await layout.push("1", to: at.image("model:1"))
            _ = try await ctr(at, "images", "pull", "--plain-http", at.image("model:1"))
            let ran = try await at.contained("ctr run") {
                try await ctr(at, "run", "--rm", at.image("model:1"), "model")
            }
            if let ran { #expect(ran.text == Sample.sum) }
        }
    }
}
