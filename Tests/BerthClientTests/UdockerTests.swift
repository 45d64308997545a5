import Testing

@Suite("udocker")
struct UdockerTests {
    @Test("pulls an image without root or daemon, and runs it")
    func run() async throws {
        try await withClients(.udocker, .skopeo) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1", text: "ahoy udocker")
            try await layout.push("1", to: at.image("box:1"))

            // In place of the tools that it would download: what Debian has. It asks for nothing but their version.
            for name in ["udocker/bin", "udocker/lib", "udocker/doc"] { try at.makeFolder(name) }
            try at.write("1.2.11\n", to: "udocker/lib/VERSION")
            let settings = ["UDOCKER_DIR": "\(at.folder)/udocker", "UDOCKER_USE_PROOT_EXECUTABLE": "/usr/bin/proot"]
            let udocker = "\(Place.clients)/python/bin/udocker"
            let name = "\(at.namespace)/box:1"
            try await at.run(
                udocker, "--allow-root", "pull", "--registry=http://\(at.registry.address)", name, with: settings)
            let container = try await at.run(udocker, "--allow-root", "create", "--name=box", name, with: settings)
            let root = "udocker/containers/\(try #require(container.lines.last))/ROOT"
            #expect(try at.read("\(root)/marker") == "ahoy udocker")

            let ran = try await at.contained("udocker run") {
                try await at.run(udocker, "--allow-root", "run", "box", "/bin/cat", "/marker", with: settings)
            }
            if let ran { #expect(ran.output.contains("ahoy udocker")) }
        }
    }
}
