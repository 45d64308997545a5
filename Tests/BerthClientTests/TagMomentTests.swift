import Foundation
import Testing

@Suite("A tag as it was, with real clients", .serialized)
struct TagMomentTests {
    /// Now, to the second, in the form of such a tag; only after that second is over.
    private func moment() async throws -> String {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "UTC")
        format.dateFormat = "yyyyMMdd'T'HHmmss'Z'"
        let now = Date()
        let second = Int64(now.timeIntervalSince1970)
        while Int64(Date().timeIntervalSince1970) == second { try await Task.sleep(for: .milliseconds(20)) }
        return format.string(from: now)
    }

    /// Two images under one tag, one after the other: the tag that shows the first, and its digest.
    private func move(_ at: Scratch) async throws -> (tag: String, digest: String) {
        let layout = try Layout("layout", in: at)
        let first = try await at.box(layout, tag: "1", text: "then")
        try await at.box(layout, tag: "2", text: "now")
        try await layout.push("1", to: at.image("box:latest"))
        let then = try await moment()
        try await layout.push("2", to: at.image("box:latest"))
        return ("box:latest--at-\(then)", first.digest)
    }

    @Test("skopeo and podman pull what the tag was, and cannot push to it")
    func files() async throws {
        try await withClients(.skopeo, .podman) { at in
            let (tag, digest) = try await move(at)
            let found = try await at.run("skopeo", "inspect", "--format", "{{.Digest}}", "docker://\(at.image(tag))")
            #expect(found.text == digest)
            try await at.run("podman", "pull", "-q", "--tls-verify=false", at.image(tag))
            let ran = try await at.contained("podman run") { try await at.run("podman", "run", "--rm", at.image(tag)) }
            if let ran { #expect(ran.text == "then") }
            let push = try await at.command(
                "podman", ["push", "-q", "--tls-verify=false", at.image(tag)]
            ).run()
            #expect(push.status != 0)
            #expect(push.errors.contains("names a tag as it was"), "\(push.errors)")
            let tags = try await at.run("skopeo", "list-tags", "docker://\(at.image("box"))")
            #expect(!tags.output.contains("--at-"))
        }
    }

    @Test("Docker's engine and containerd pull what the tag was")
    func engines() async throws {
        try await withClients(.docker, .containerd, .skopeo) { at in
            let (tag, digest) = try await move(at)
            let docker = ["--host", try await DockerEngine.shared.value.socket]
            let pulled = try await at.command("docker", docker + ["pull", at.image(tag)]).run()
            #expect(pulled.status == 0 && pulled.output.contains(digest), "\(pulled.errors)")
            #expect(try await at.command("docker", docker + ["rmi", at.image(tag)]).run().status == 0)
            let ctr = ["--address", try await ContainerdEngine.shared.value.socket]
            let fetched = try await at.command("ctr", ctr + ["images", "pull", "--plain-http", at.image(tag)]).run()
            #expect(fetched.status == 0, "\(fetched.errors)")
            let listed = try await at.command("ctr", ctr + ["images", "ls", "name==\(at.image(tag))"]).run()
            #expect(listed.output.contains(digest), "\(listed.output)")
        }
    }
}
