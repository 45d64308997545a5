import Testing

@Suite("Docker's engine", .serialized)
struct DockerTests {
    private func docker(_ at: Scratch, _ arguments: String...) async throws -> Finished {
        let finished = try await at.command("docker", host + arguments).run()
        guard finished.status == 0 else { throw CommandFailure(finished: finished) }
        return finished
    }
    private let host: [String]

    /// An engine that does not start is the business of `withClients`.
    init() async {
        let engine = Client.docker.obstacle == nil ? try? await DockerEngine.shared.value : nil
        host = engine.map { ["--host", $0.socket] } ?? []
    }

    @Test("pulls an image, runs it, pushes it elsewhere and pulls that by digest")
    func roundTrip() async throws {
        try await withClients(.docker, .skopeo) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1", text: "ahoy docker")
            try await layout.push("1", to: at.image("box:1"))

            let pulled = try await docker(at, "pull", at.image("box:1"))
            #expect(pulled.output.contains("Downloaded newer image"))
            let ran = try await at.contained("docker run") {
                try await docker(at, "run", "--rm", "--network", "none", at.image("box:1"))
            }
            if let ran { #expect(ran.text == "ahoy docker") }

            _ = try await docker(at, "tag", at.image("box:1"), at.image("deep/er/box:2"))
            let pushed = try await docker(at, "push", at.image("deep/er/box:2"))
            let digest = try #require(pushed.output.firstMatch(of: /digest: (sha256:[0-9a-f]{64})/)?.1)
            _ = try await docker(at, "rmi", at.image("box:1"), at.image("deep/er/box:2"))

            _ = try await docker(at, "pull", at.image("deep/er/box@\(digest)"))
            let inspected = try await docker(at, "inspect", "-f", "{{.Config.Cmd}}", at.image("deep/er/box@\(digest)"))
            #expect(inspected.text == "[cat /marker]")
            let again = try await docker(at, "pull", at.image("deep/er/box@\(digest)"))
            #expect(again.output.contains("Image is up to date"))
            _ = try await docker(at, "rmi", at.image("deep/er/box@\(digest)"))
        }
    }

    @Test("builds on a pulled image, pushes the new layer, and mounts layers into another repository")
    func build() async throws {
        try await withClients(.docker, .skopeo) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            try await layout.push("1", to: at.image("box:1"))
            try at.makeFolder("context")
            try at.write("FROM \(at.image("box:1"))\nCOPY new /marker\n", to: "context/Dockerfile")
            try at.write("built\n" + at.random(300_000), to: "context/new")

            let context = "\(at.folder)/context"
            _ = try await docker(at, "build", "--quiet", "--network", "none", "-t", at.image("built:1"), context)
            _ = try await docker(at, "push", at.image("built:1"))
            _ = try await docker(at, "tag", at.image("built:1"), at.image("mounted:1"))
            let second = try await docker(at, "push", at.image("mounted:1"))
            #expect(second.output.contains("Mounted from \(at.namespace)/built"))

            _ = try await docker(at, "rmi", at.image("built:1"), at.image("mounted:1"), at.image("box:1"))
            _ = try await docker(at, "pull", at.image("mounted:1"))
            let head = try await at.contained("docker run") {
                try await docker(
                    at, "run", "--rm", "--network", "none", at.image("mounted:1"), "head", "-n1", "/marker")
            }
            if let head { #expect(head.text == "built") }
            _ = try await docker(at, "rmi", at.image("mounted:1"))
        }
    }

    @Test("takes its own platform's image from an index")
    func index() async throws {
        try await withClients(.docker, .skopeo) { at in
            let layout = try Layout("layout", in: at)
            let images = [
                try await at.box(layout, tag: nil, text: "arm64", architecture: "arm64"),
                try await at.box(layout, tag: nil, text: "amd64"),
            ]
            _ = try await layout.index(images, tag: "both")
            try await layout.push("both", to: at.image("multi:1"))
            _ = try await docker(at, "pull", "--platform", "linux/amd64", at.image("multi:1"))
            let shown = try await docker(at, "inspect", "-f", "{{.Architecture}}", at.image("multi:1"))
            #expect(shown.text == "amd64")
            _ = try await docker(at, "rmi", at.image("multi:1"))
        }
    }

    @Test("runs a Python image with its requirements")
    func python() async throws {
        try await withClients(.docker, .skopeo) { at in
            let layout = try Layout("layout", in: at)
            try await at.python(layout, tag: "1")
            try await layout.push("1", to: at.image("model:1"))
            _ = try await docker(at, "pull", at.image("model:1"))
            let ran = try await at.contained("docker run") {
                try await docker(at, "run", "--rm", "--network", "none", at.image("model:1"))
            }
            if let ran { #expect(ran.text == Sample.sum) }
            _ = try await docker(at, "rmi", at.image("model:1"))
        }
    }

    @Test("searches")
    func search() async throws {
        try await withClients(.docker, .skopeo) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            try await layout.push("1", to: at.image("lighthouse:1"))
            let found = try await docker(at, "search", at.image("lighthouse"))
            #expect(found.output.contains("\(at.namespace)/lighthouse"))
        }
    }

    @Test("is told what is missing")
    func missing() async throws {
        try await withClients(.docker) { at in
            let failure = try await at.fail("docker", host[0], host[1], "pull", at.image("nowhere:1"))
            #expect(failure.errors.contains("manifest unknown") || failure.errors.contains("not found"))
        }
    }
}
