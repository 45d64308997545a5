import Foundation
import Testing

@Suite("LXC's OCI template")
struct LXCTests {
    @Test("makes a container from an image and runs it")
    func create() async throws {
        try await withClients(.lxc) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1", text: "ahoy lxc")
            try await layout.push("1", to: at.image("box:1"))
            try await at.run(
                "lxc-create", "-n", "box", "-P", "\(at.folder)/lxc", "-t", "oci", "--",
                "--url", "docker://\(at.image("box:1"))")
            #expect(try at.read("lxc/box/rootfs/marker") == "ahoy lxc")

            // The template's container wants a bridge and AppArmor, which are the machine's business.
            let settings = try at.read("lxc/box/config").split(separator: "\n").filter { line in
                !line.hasPrefix("lxc.net.") && !line.hasPrefix("lxc.apparmor.")
            }
            try at.write((settings + ["lxc.net.0.type = empty\n"]).joined(separator: "\n"), to: "lxc/box/config")
            let ran = try await at.contained("lxc-execute") {
                try await at.run("lxc-execute", "-n", "box", "-P", "\(at.folder)/lxc", "--", "/bin/cat", "/marker")
            }
            if let ran { #expect(ran.output.contains("ahoy lxc")) }
        }
    }
}
