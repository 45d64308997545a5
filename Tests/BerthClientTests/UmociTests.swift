import Testing

@Suite("umoci")
struct UmociTests {
    @Test("unpacks what was pulled, and what it packs again can be pushed")
    func repack() async throws {
        try await withClients(.umoci, .skopeo) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1", text: "before")
            try await layout.push("1", to: at.image("box:1"))

            try await at.run("skopeo", "copy", "-q", "docker://\(at.image("box:1"))", "oci:pulled:1")
            try await at.run("umoci", "unpack", "--image", "pulled:1", "bundle")
            #expect(try at.read("bundle/rootfs/marker") == "before")
            try at.write("after", to: "bundle/rootfs/marker")
            try await at.run("umoci", "repack", "--image", "pulled:2", "bundle")
            try await at.run("umoci", "config", "--image", "pulled:2", "--config.label", "made.by=umoci")

            try await at.run(
                "skopeo", "copy", "-q", "--preserve-digests", "oci:pulled:2", "docker://\(at.image("box:2"))")
            try await at.run("skopeo", "copy", "-q", "docker://\(at.image("box:2"))", "oci:again:2")
            try await at.run("umoci", "unpack", "--image", "again:2", "second")
            #expect(try at.read("second/rootfs/marker") == "after")
        }
    }
}
