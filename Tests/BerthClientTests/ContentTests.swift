import Foundation
import Testing

@Suite("Real content")
struct ContentTests {
    @Test("a Debian root file system comes back file by file", arguments: [SampleLayer.Compression.gzip, .zstd])
    func files(compression: SampleLayer.Compression) async throws {
        try await withClients(.skopeo) { at in
            let layout = try Layout("layout", in: at)
            try await at.python(layout, tag: "1", compression)
            try await layout.push("1", to: at.image("model:1"))
            try await at.run("skopeo", "copy", "-q", "docker://\(at.image("model:1"))", "oci:pulled:1")
            try await at.run("diff", "-r", "\(layout.path)/blobs", "\(at.folder)/pulled/blobs")
        }
    }

    @Test("a Python image with its requirements runs after the pull")
    func runs() async throws {
        try await withClients(.skopeo, .umoci, .runc) { at in
            let layout = try Layout("layout", in: at)
            try await at.python(layout, tag: "1")
            try await layout.push("1", to: at.image("model:1"))
            try await at.run("skopeo", "copy", "-q", "docker://\(at.image("model:1"))", "oci:pulled:1")
            try await at.run("umoci", "unpack", "--image", "pulled:1", "bundle")
            // umoci's bundle wants a terminal.
            let settings = try at.read("bundle/config.json").replacing(#""terminal":true"#, with: #""terminal":false"#)
                .replacing(#""terminal": true"#, with: #""terminal": false"#)
            try at.write(settings, to: "bundle/config.json")
            let name = "berth-\(UInt32.random(in: .min ... .max))"
            let ran = try await at.contained("runc run") {
                try await at.run("runc", "--root", "\(at.folder)/runc", "run", "--bundle", "bundle", name)
            }
            if let ran {
                #expect(ran.text == Sample.sum)
            } else {
                // Without a container the files at least run in a changed root.
                let plain = try await at.run("chroot", "bundle/rootfs", "/usr/bin/python3", "/srv/model.py")
                #expect(plain.text == Sample.sum)
            }
        }
    }
}
