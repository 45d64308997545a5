import Foundation
import Testing

/// Pushes of a layer that take longer than the tokens of the registry live: 70 seconds and one minute. All at once, they
/// wait for their wires and for nothing else.
@Suite("Long pushes")
struct LongPushTests {
    private let password = Registry.password

    /// An image with a layer that nothing makes smaller.
    private func largeBox(_ layout: Layout, in at: Scratch) async throws {
        try await at.run("dd", "if=/dev/urandom", "of=\(at.folder)/weights", "bs=1000", "count=1750", "status=none")
        try at.makeFolder("large")
        try await at.run("mv", "\(at.folder)/weights", "\(at.folder)/large/weights")
        let tar = "\(at.folder)/large.tar"
        try await at.run("tar", "--owner=0", "--group=0", "-C", "\(at.folder)/large", "-cf", tar, ".")
        _ = try await layout.image(
            [SampleLayer(file: tar, tar: tar, .none)], tag: "1", command: ["true"])
    }

    @Test("skopeo")
    func skopeo() async throws {
        try await withClients(.skopeo, of: Registry.slow) { at in
            let layout = try Layout("layout", in: at)
            try await largeBox(layout, in: at)
            try await at.run(
                "skopeo", "copy", "-q", "--dest-creds", "writer:\(password)", "oci:layout:1",
                "docker://\(at.image("box:1"))")
        }
    }

    @Test("podman and buildah", arguments: [Client.podman, .buildah])
    func podman(client: Client) async throws {
        try await withClients(client, .podman, .skopeo, of: Registry.slow) { at in
            let layout = try Layout("layout", in: at)
            try await largeBox(layout, in: at)
            try await at.run("skopeo", "copy", "-q", "oci:layout:1", "docker-archive:box.tar:box:1")
            try await at.run("podman", "load", "-q", "-i", "\(at.folder)/box.tar")
            let id = try await at.run("podman", "images", "-q").lines.first ?? ""
            try await at.run(
                client.rawValue, "push", "-q", "--tls-verify=false", "--creds", "writer:\(password)", id,
                "docker://\(at.image("box:1"))")
        }
    }

    @Test("Docker")
    func docker() async throws {
        try await withClients(.docker, .skopeo, of: Registry.slow) { at in
            let host = ["--host", try await DockerEngine.shared.value.socket]
            func docker(_ arguments: String...) async throws -> Finished {
                try await at.command("docker", host + arguments).run()
            }
            let layout = try Layout("layout", in: at)
            try await largeBox(layout, in: at)
            try await at.run("skopeo", "copy", "-q", "oci:layout:1", "docker-archive:box.tar:\(at.image("box:1"))")
            #expect(try await docker("load", "-q", "-i", "\(at.folder)/box.tar").status == 0)
            #expect(try await docker("login", "-u", "writer", "-p", password, at.registry.address).status == 0)
            let pushed = try await docker("push", at.image("box:1"))
            #expect(pushed.status == 0, "\(pushed.all)")
        }
    }

    @Test("containerd: ctr")
    func containerd() async throws {
        try await withClients(.containerd, .skopeo, of: Registry.slow) { at in
            let address = ["--address", try await ContainerdEngine.shared.value.socket]
            func ctr(_ arguments: String...) async throws -> Finished {
                try await at.command("ctr", address + arguments).run()
            }
            let layout = try Layout("layout", in: at)
            try await largeBox(layout, in: at)
            try await at.run("tar", "-C", layout.path, "-cf", "\(at.folder)/box.tar", ".")
            let loaded = try await ctr("images", "import", "--index-name", at.image("box:1"), "\(at.folder)/box.tar")
            #expect(loaded.status == 0, "\(loaded.all)")
            let pushed = try await ctr(
                "images", "push", "--plain-http", "-u", "writer:\(password)", at.image("box:1"))
            #expect(pushed.status == 0, "\(pushed.all)")
        }
    }
}
