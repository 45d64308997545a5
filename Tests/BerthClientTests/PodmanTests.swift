import Testing

@Suite("Podman")
struct PodmanTests {
    @Test("pulls an image, runs it, pushes it elsewhere and pulls that by digest")
    func roundTrip() async throws {
        try await withClients(.podman, .skopeo) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1", text: "ahoy podman")
            try await layout.push("1", to: at.image("box:1"))
            try await at.run("podman", "pull", "-q", "--tls-verify=false", at.image("box:1"))
            let ran = try await at.contained("podman run") {
                try await at.run("podman", "run", "--rm", at.image("box:1"))
            }
            if let ran { #expect(ran.text == "ahoy podman") }

            try await at.run(
                "podman", "push", "-q", "--tls-verify=false", "--digestfile", "\(at.folder)/digest",
                at.image("box:1"), at.image("deep/er/box:2"))
            let digest = try at.read("digest")
            try await at.run("podman", "rmi", "-f", at.image("box:1"))
            try await at.run("podman", "pull", "-q", "--tls-verify=false", at.image("deep/er/box@\(digest)"))
        }
    }

    @Test("searches, and lists tags")
    func search() async throws {
        try await withClients(.podman, .skopeo) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            for tag in ["1", "2"] { try await layout.push("1", to: at.image("beacon:\(tag)")) }
            let found = try await at.run("podman", "search", "--tls-verify=false", at.image("beacon"))
            #expect(found.output.contains(at.image("beacon")))
            let tags = try await at.run("podman", "search", "--tls-verify=false", "--list-tags", at.image("beacon"))
            #expect(tags.lines.dropFirst().map { $0.split(separator: " ").last ?? "" } == ["1", "2"])
        }
    }

    @Test("runs a Python image with its requirements")
    func python() async throws {
        try await withClients(.podman, .skopeo) { at in
            try at.useOverlay()
            let layout = try Layout("layout", in: at)
            try await at.python(layout, tag: "1")
            try await layout.push("1", to: at.image("model:1"))
            try await at.run("podman", "pull", "-q", "--tls-verify=false", at.image("model:1"))
            let ran = try await at.contained("podman run") {
                try await at.run("podman", "run", "--rm", at.image("model:1"))
            }
            if let ran { #expect(ran.text == Sample.sum) }
        }
    }

    @Test("pulls of a changed zstd:chunked layer only what changed, by several ranges in one request")
    func partialPull() async throws {
        try await withClients(.podman, .buildah) { at in
            try at.useOverlay()
            try at.makeFolder("files")
            for number in 1...40 { try at.write(at.random(60_000), to: "files/\(number)") }
            try await at.pushChunked(to: at.image("chunked:1"))
            for number in [7, 17, 27] { try at.write(at.random(60_000), to: "files/\(number)") }
            try await at.pushChunked(to: at.image("chunked:2"))

            try at.useOverlay(named: "fresh")
            for tag in 1...2 {
                let pull = try await at.run(
                    "podman", "--log-level=debug", "pull", "--tls-verify=false", at.image("chunked:\(tag)"))
                #expect(pull.errors.contains("Retrieved partial blob"), "\(pull.errors.suffix(3000))")
            }
            let root = try await at.run("podman", "image", "mount", at.image("chunked:2"))
            try await at.run("diff", "-r", "\(at.folder)/files", "\(root.text)/files")
        }
    }

    @Test("pushes and pulls zstd layers")
    func zstd() async throws {
        try await withClients(.podman, .buildah, .skopeo) { at in
            try at.useOverlay()
            try at.makeFolder("files")
            try at.write(at.random(100_000), to: "files/a")
            try await at.pushChunked(to: at.image("box:zstd"), as: "zstd")
            let raw = try await at.run("skopeo", "inspect", "--raw", "docker://\(at.image("box:zstd"))")
            let manifest: ImageManifest = try parse(raw.output)
            #expect(manifest.layers.map(\.mediaType) == ["application/vnd.oci.image.layer.v1.tar+zstd"])
            try at.useOverlay(named: "fresh")
            try await at.run("podman", "pull", "-q", "--tls-verify=false", at.image("box:zstd"))
        }
    }
}

extension Scratch {
    /// The overlay driver instead of vfs: shares what layers have in common, and can pull in parts.
    func useOverlay(named name: String = "overlay") throws {
        try write(
            """
            [storage]
            driver = "overlay"
            graphroot = "\(folder)/\(name)/graph"
            runroot = "\(folder)/\(name)/run"
            [storage.options]
            pull_options = {enable_partial_images = "true", use_hard_links = "false", ostree_repos = ""}

            """, to: "storage.conf")
    }

    /// Makes an image of one layer, with the folder `files`, and pushes it.
    fileprivate func pushChunked(to image: String, as format: String = "zstd:chunked") async throws {
        let container = try await run("buildah", "from", "-q", "scratch").text
        try await run("buildah", "copy", "-q", container, "\(folder)/files", "/files")
        try await run("buildah", "commit", "-q", "--rm", container, image)
        try await run("podman", "push", "-q", "--tls-verify=false", "--compression-format", format, image)
    }
}
