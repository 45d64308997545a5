import Foundation
import Testing

/// Clients log in to a registry with accounts: right, wrong, with too little, and not at all.
@Suite("A closed registry", .serialized)
struct ClosedTests {
    private let password = Registry.password

    @Test("skopeo: credentials on the command line, and a login that lasts")
    func skopeo() async throws {
        try await withClients(.skopeo, of: Registry.closed) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            let image = "docker://\(at.image("box:1"))"
            try await at.run("skopeo", "copy", "-q", "--dest-creds", "writer:\(password)", "oci:layout:1", image)
            let anonymous = try await at.fail("skopeo", "inspect", image)
            #expect(anonymous.errors.contains("unauthorized") || anonymous.errors.contains("authentication required"))
            try await at.fail("skopeo", "inspect", "--creds", "reader:wrong wrong", image)
            try await at.run("skopeo", "inspect", "--creds", "reader:\(password)", image)
            let denied = try await at.fail(
                "skopeo", "copy", "-q", "--dest-creds", "reader:\(password)", "oci:layout:1", image)
            #expect(denied.errors.contains("denied"))
            try await at.run(
                "skopeo", "login", "--tls-verify=false", "--authfile", "\(at.folder)/auth.json", "-u", "reader", "-p",
                password, at.registry.address)
            try await at.run(
                "skopeo", "list-tags", "--authfile", "\(at.folder)/auth.json", "docker://\(at.image("box"))")
            try await at.run("skopeo", "delete", "--creds", "writer:\(password)", image)
        }
    }

    @Test("what is public is pulled by everybody, and pushed by nobody without a name")
    func anonymous() async throws {
        try await withClients(.skopeo, of: Registry.closed) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            let image = "docker://\(at.registry.address)/public/\(at.namespace)/box:1"
            try await at.fail("skopeo", "copy", "-q", "oci:layout:1", image)
            try await at.run("skopeo", "copy", "-q", "--dest-creds", "writer:\(password)", "oci:layout:1", image)
            try await at.run("skopeo", "copy", "-q", image, "oci:back:1")
        }
    }

    @Test("podman and buildah: login, push, pull, logout")
    func podman() async throws {
        try await withClients(.podman, .buildah, .skopeo, of: Registry.closed) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            let address = at.registry.address
            try await at.fail("podman", "login", "--tls-verify=false", "-u", "writer", "-p", "wrong wrong", address)
            try await at.run("podman", "login", "--tls-verify=false", "-u", "writer", "-p", password, address)
            try await at.run(
                "skopeo", "copy", "-q", "--dest-creds", "writer:\(password)", "oci:layout:1",
                "docker://\(at.image("first:1"))")
            try await at.run("podman", "pull", "-q", "--tls-verify=false", at.image("first:1"))
            let id = try await at.run("podman", "images", "-q").lines.first ?? ""
            try await at.run("podman", "push", "-q", "--tls-verify=false", id, at.image("box:1"))
            try await at.run("podman", "pull", "-q", "--tls-verify=false", at.image("box:1"))
            try await at.run("buildah", "push", "-q", "--tls-verify=false", id, "docker://\(at.image("built:1"))")
            try await at.run("podman", "logout", address)
            try await at.fail("podman", "pull", "-q", "--tls-verify=false", at.image("built:1"))
        }
    }

    @Test("Docker: login with an identity token, push, pull, refused pushes, logout")
    func docker() async throws {
        try await withClients(.docker, .skopeo, of: Registry.closed) { at in
            let host = ["--host", try await DockerEngine.shared.value.socket]
            func docker(_ arguments: String...) async throws -> Finished {
                try await at.command("docker", host + arguments).run()
            }
            let address = at.registry.address
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            try await at.run(
                "skopeo", "copy", "-q", "--dest-creds", "writer:\(password)", "oci:layout:1",
                "docker://\(at.image("box:1"))")
            #expect(try await docker("pull", at.image("box:1")).status != 0)
            #expect(try await docker("login", "-u", "writer", "-p", "wrong wrong", address).status != 0)
            let login = try await docker("login", "-u", "writer", "-p", password, address)
            #expect(login.status == 0 && login.output.contains("Login Succeeded"), "\(login.all)")
            let stored = try at.read("home/.docker/config.json")
            #expect(stored.contains("identitytoken"), "Docker keeps a refresh token and not the password")
            #expect(try await docker("pull", at.image("box:1")).status == 0)
            _ = try await docker("tag", at.image("box:1"), at.image("copy:1"))
            let pushed = try await docker("push", at.image("copy:1"))
            #expect(pushed.status == 0, "\(pushed.all)")
            _ = try await docker("logout", address)
            #expect(try await docker("login", "-u", "reader", "-p", password, address).status == 0)
            _ = try await docker("tag", at.image("box:1"), at.image("denied:1"))
            let denied = try await docker("push", at.image("denied:1"))
            #expect(denied.status != 0 && denied.all.contains("denied"), "\(denied.all)")
        }
    }

    @Test("containerd: ctr -u")
    func containerd() async throws {
        try await withClients(.containerd, .skopeo, of: Registry.closed) { at in
            let address = ["--address", try await ContainerdEngine.shared.value.socket]
            func ctr(_ arguments: String...) async throws -> Finished {
                try await at.command("ctr", address + arguments).run()
            }
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            try await at.run(
                "skopeo", "copy", "-q", "--dest-creds", "writer:\(password)", "oci:layout:1",
                "docker://\(at.image("box:1"))")
            #expect(try await ctr("images", "pull", "--plain-http", at.image("box:1")).status != 0)
            let pulled = try await ctr(
                "images", "pull", "--plain-http", "-u", "reader:\(password)", at.image("box:1"))
            #expect(pulled.status == 0, "\(pulled.all)")
            _ = try await ctr("images", "tag", at.image("box:1"), at.image("copy:1"))
            let user = "writer:\(password)"
            let pushed = try await ctr("images", "push", "--plain-http", "-u", user, at.image("copy:1"))
            #expect(pushed.status == 0, "\(pushed.all)")
        }
    }

    @Test("ORAS and Helm log in, push and pull")
    func artifacts() async throws {
        try await withClients(.oras, .helm, of: Registry.closed) { at in
            for client in ["oras", "helm"] {
                let ran = try await at.run(
                    Place.python, Place.script("login-client.py"), client, at.registry.address,
                    "\(at.namespace)/\(client)", at.folder, "writer", password)
                #expect(ran.text == "\(client) done")
            }
        }
    }

    @Test("curl with Basic credentials straight at the API, as CI tools do")
    func curl() async throws {
        try await withClients(.curl, of: Registry.closed) { at in
            let url = "http://\(at.registry.address)/v2/"
            let status = ["-s", "-o", "/dev/null", "-w", "%{http_code}"]
            for (more, expected) in [
                ([], "401"), (["-u", "writer:\(password)"], "200"), (["-u", "writer:wrong wrong"], "401"),
            ] {
                let done = try await at.command("curl", status + more + [url]).run()
                #expect(done.text == expected)
            }
        }
    }
}
