import Testing

@Suite("Buildah")
struct BuildahTests {
    @Test("builds on a pulled image, runs in it, and pushes the result")
    func build() async throws {
        try await withClients(.buildah, .skopeo) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            try await layout.push("1", to: at.image("box:1"))
            try at.makeFolder("context")
            try at.write(
                "FROM \(at.image("box:1"))\nCOPY new /new\nCMD [\"cat\", \"/new\"]\n", to: "context/Dockerfile")
            try at.write(at.random(300_000), to: "context/new")
            try await at.run(
                "buildah", "bud", "-q", "--tls-verify=false", "--layers", "-t", at.image("built:1"),
                "\(at.folder)/context")
            try await at.run("buildah", "push", "-q", "--tls-verify=false", at.image("built:1"))
            try await at.run("buildah", "rmi", "-f", "-a")

            let container = try await at.run(
                "buildah", "from", "-q", "--pull-always", "--tls-verify=false", at.image("built:1"))
            let mounted = try await at.run("buildah", "mount", container.text)
            try await at.run("cmp", "\(at.folder)/context/new", "\(mounted.text)/new")
            let ran = try await at.contained("buildah run") {
                try await at.run("buildah", "run", "--isolation", "chroot", container.text, "--", "wc", "-c", "/new")
            }
            if let ran { #expect(ran.text.hasPrefix("300000 ")) }
        }
    }

    @Test("pushes a manifest list with all its images, in both formats", arguments: ["oci", "v2s2"])
    func manifestList(format: String) async throws {
        try await withClients(.buildah, .skopeo) { at in
            try await at.run("buildah", "manifest", "create", "list")
            for architecture in ["amd64", "arm64", "riscv64"] {
                try at.write(at.random(1000), to: architecture)
                let container = try await at.run("buildah", "from", "-q", "scratch").text
                try await at.run("buildah", "copy", "-q", container, "\(at.folder)/\(architecture)", "/file")
                try await at.run("buildah", "config", "--arch", architecture, container)
                try await at.run("buildah", "commit", "-q", "--rm", container, "\(architecture):1")
                try await at.run("buildah", "manifest", "add", "list", "\(architecture):1")
            }
            try await at.run(
                "buildah", "manifest", "push", "-q", "--all", "--format", format, "--tls-verify=false",
                "list", "docker://\(at.image("multi:1"))")
            let raw = try await at.run("skopeo", "inspect", "--raw", "docker://\(at.image("multi:1"))")
            let index: ImageIndex = try parse(raw.output)
            #expect(index.manifests.compactMap(\.platform?.architecture) == ["amd64", "arm64", "riscv64"])
            for image in index.manifests {
                let child = try await at.run(
                    "skopeo", "inspect", "--raw", "docker://\(at.image("multi@\(image.digest)"))")
                #expect(child.output.utf8.count == image.size)
            }
        }
    }
}
