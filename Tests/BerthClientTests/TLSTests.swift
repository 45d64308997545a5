import Foundation
import Testing

/// Clients at a registry with TLS of its own authority and with accounts: they check its certificate, log in, and are
/// known by certificates of their own.
@Suite("A registry with TLS", .serialized)
struct TLSTests {
    private let password = Registry.password

    @Test("skopeo: the authority, credentials right, refused and too little, client certificates")
    func skopeo() async throws {
        try await withClients(.skopeo, of: Registry.secure) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            let image = "docker://\(at.image("box:1"))"
            let unknown = try await at.fail("skopeo", "inspect", "--creds", "reader:\(password)", image)
            #expect(unknown.errors.contains("x509") || unknown.errors.contains("certificate"))

            try at.trust()
            try await at.run("skopeo", "copy", "-q", "--dest-creds", "writer:\(password)", "oci:layout:1", image)
            try await at.fail("skopeo", "inspect", image)
            try await at.fail("skopeo", "inspect", "--creds", "reader:wrong wrong", image)
            try await at.run("skopeo", "inspect", "--creds", "reader:\(password)", image)
            let denied = try await at.fail(
                "skopeo", "copy", "-q", "--dest-creds", "reader:\(password)", "oci:layout:1", image)
            #expect(denied.errors.contains("denied"))

            // By certificate, without a login.
            let other = "docker://\(at.image("other:1"))"
            let writer = try at.certificates(of: "writer")
            let reader = try at.certificates(of: "reader")
            try await at.run("skopeo", "copy", "-q", "--dest-cert-dir", writer, "oci:layout:1", other)
            try await at.run("skopeo", "inspect", "--cert-dir", reader, other)
            let narrow = try await at.fail("skopeo", "copy", "-q", "--dest-cert-dir", reader, "oci:layout:1", other)
            #expect(narrow.errors.contains("denied"))
            try await at.fail("skopeo", "inspect", "--cert-dir", try at.certificates(of: "stranger"), other)
            // Whom the certificate opens an account for is not asked for a login, and such clients send none unasked.
            try await at.run(
                "skopeo", "copy", "-q", "--dest-cert-dir", writer, "--dest-creds", "reader:\(password)",
                "oci:layout:1", other)
            try at.trust(as: "writer")
            try await at.run("skopeo", "delete", other)
        }
    }

    @Test("podman and buildah: login, push, pull, and by certificate")
    func podman() async throws {
        try await withClients(.podman, .buildah, .skopeo, of: Registry.secure) { at in
            let address = at.registry.address
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            try await at.fail("podman", "login", "-u", "writer", "-p", password, address)
            try at.trust()
            try await at.fail("podman", "login", "-u", "writer", "-p", "wrong wrong", address)
            try await at.run("podman", "login", "-u", "writer", "-p", password, address)
            try await at.run(
                "skopeo", "copy", "-q", "--dest-creds", "writer:\(password)", "oci:layout:1",
                "docker://\(at.image("first:1"))")
            try await at.run("podman", "pull", "-q", at.image("first:1"))
            let id = try await at.run("podman", "images", "-q").lines.first ?? ""
            try await at.run("podman", "push", "-q", id, at.image("box:1"))
            try await at.run("buildah", "push", "-q", id, "docker://\(at.image("built:1"))")
            try await at.run("podman", "logout", address)
            try await at.fail("podman", "pull", "-q", at.image("built:1"))

            let writer = try at.certificates(of: "writer")
            let reader = try at.certificates(of: "reader")
            try await at.run("podman", "push", "-q", "--cert-dir", writer, id, at.image("certified:1"))
            try await at.run("podman", "pull", "-q", "--cert-dir", reader, at.image("certified:1"))
            try await at.fail("podman", "push", "-q", "--cert-dir", reader, id, at.image("certified:1"))
            try await at.run("buildah", "pull", "-q", "--cert-dir", reader, at.image("built:1"))
            try await at.run("buildah", "push", "-q", "--cert-dir", writer, id, "docker://\(at.image("built:2"))")
        }
    }

    @Test("Docker: checks the authority, logs in, pushes and pulls, is refused, and is known by its certificate")
    func docker() async throws {
        try await withClients(.docker, .skopeo, of: Registry.secure) { at in
            let engine: SecureDocker
            do { engine = try await SecureDocker.shared.value } catch let error as DaemonError
                where error.log.contains("Operation not permitted")
            {
                return Tally.refused("docker with TLS", "no network namespace of its own")
            }
            func docker(_ arguments: String...) async throws -> Finished {
                try await at.command("docker", ["--host", "unix://\(engine.folder)/socket"] + arguments).run()
            }
            let address = SecureDocker.address
            let image = "\(address)/\(at.namespace)/box:1"
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            try await at.run("skopeo", "copy", "-q", "oci:layout:1", "docker-archive:box.tar:\(image)")
            let loaded = try await docker("load", "-i", "\(at.folder)/box.tar")
            #expect(loaded.status == 0, "\(loaded.all)")

            let unknown = try await docker("login", "-u", "writer", "-p", password, address)
            #expect(unknown.status != 0 && unknown.all.contains("x509"), "\(unknown.all)")
            let folder = "\(engine.folder)/etc/certs.d/\(address)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                atPath: "\(engine.folder)/data/keys/tls/ca.crt", toPath: "\(folder)/ca.crt")
            #expect(try await docker("login", "-u", "writer", "-p", "wrong wrong", address).status != 0)
            #expect(try await docker("push", image).status != 0)
            let login = try await docker("login", "-u", "writer", "-p", password, address)
            #expect(login.status == 0, "\(login.all)")
            let pushed = try await docker("push", image)
            #expect(pushed.status == 0, "\(pushed.all)")
            _ = try await docker("rmi", image)
            let pulled = try await docker("pull", image)
            #expect(pulled.status == 0, "\(pulled.all)")
            _ = try await docker("logout", address)
            #expect(try await docker("pull", image).status != 0)

            for (name, isAllowed) in [("reader", false), ("writer", true)] {
                for end in ["cert", "key"] {
                    try Data(contentsOf: URL(filePath: "\(engine.folder)/\(name).\(end)"))
                        .write(to: URL(filePath: "\(folder)/client.\(end)"))
                }
                _ = try await docker("rmi", image)
                let pulled = try await docker("pull", image)
                #expect(pulled.status == 0, "\(pulled.all)")
                let copy = "\(address)/\(at.namespace)/by-\(name):1"
                _ = try await docker("tag", image, copy)
                let pushed = try await docker("push", copy)
                #expect((pushed.status == 0) == isAllowed, "\(pushed.all)")
                if !isAllowed { #expect(pushed.all.contains("denied")) }
            }
        }
    }

    @Test("containerd: ctr with a folder of hosts, with -u and with a certificate")
    func containerd() async throws {
        try await withClients(.containerd, .skopeo, of: Registry.secure) { at in
            let socket = ["--address", try await ContainerdEngine.shared.value.socket]
            func ctr(_ arguments: String...) async throws -> Finished {
                try await at.command("ctr", socket + arguments).run()
            }
            try at.trust()
            let image = at.image("box:1")
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            try await at.run(
                "skopeo", "copy", "-q", "--dest-creds", "writer:\(password)", "oci:layout:1", "docker://\(image)")
            // Without a folder of hosts it speaks plain HTTP with loopback addresses, whatever authority it is given.
            let authority = at.registry.authority
            let hosts = ["--hosts-dir", "\(at.folder)/hosts"]
            func tell(_ lines: String...) throws {
                try at.makeFolder("hosts/\(at.registry.address)")
                let text = (["[host.\"https://\(at.registry.address)\"]"] + lines).joined(separator: "\n") + "\n"
                try at.write(text, to: "hosts/\(at.registry.address)/hosts.toml")
            }
            func images(_ verb: String, _ more: String...) async throws -> Finished {
                try await at.command("ctr", socket + ["images", verb] + hosts + more).run()
            }
            try tell()
            let unknown = try await images("pull", "-u", "reader:\(password)", image)
            #expect(unknown.status != 0 && unknown.all.contains("unknown authority"), "\(unknown.all)")
            // As the registry tells at its start.
            try tell("ca = \"\(authority)\"")
            #expect(try await images("pull", image).status != 0)
            #expect(try await images("pull", "-u", "reader:wrong wrong", image).status != 0)
            let pulled = try await images("pull", "-u", "reader:\(password)", image)
            #expect(pulled.status == 0, "\(pulled.all)")
            for name in ["copy:1", "refused:1", "certified:1"] {
                let tagged = try await ctr("images", "tag", image, at.image(name))
                #expect(tagged.status == 0, "\(tagged.all)")
            }
            let pushed = try await images("push", "-u", "writer:\(password)", at.image("copy:1"))
            #expect(pushed.status == 0, "\(pushed.all)")
            #expect(try await images("push", "-u", "reader:\(password)", at.image("refused:1")).status != 0)

            let folder = at.registry.folder
            try tell("ca = \"\(authority)\"", "client = [[\"\(folder)/reader.cert\", \"\(folder)/reader.key\"]]")
            let certified = try await images("pull", image)
            #expect(certified.status == 0, "\(certified.all)")
            #expect(try await images("push", at.image("certified:1")).status != 0)
            try tell("ca = \"\(authority)\"", "client = [[\"\(folder)/writer.cert\", \"\(folder)/writer.key\"]]")
            let byWriter = try await images("push", at.image("certified:1"))
            #expect(byWriter.status == 0, "\(byWriter.all)")
        }
    }

    @Test("ORAS and Helm: the authority, a login, refused without one, push and pull")
    func artifacts() async throws {
        try await withClients(.oras, .helm, of: Registry.secure) { at in
            for client in ["oras", "helm"] {
                let ran = try await at.run(
                    Place.python, Place.script("login-client.py"), client, at.registry.address,
                    "\(at.namespace)/\(client)", at.folder, "writer", password, at.registry.authority,
                    with: ["SSL_CERT_FILE": at.registry.authority])
                #expect(ran.text == "\(client) done")
            }
        }
    }

    @Test("curl: the authority, credentials, and a certificate of its own; each with what the other says")
    func curl() async throws {
        try await withClients(.curl, of: Registry.secure) { at in
            let url = "https://\(at.registry.address)/v2/"
            let (folder, authority) = (at.registry.folder, at.registry.authority)
            func shown(_ name: String) -> [String] {
                ["--cert", "\(folder)/\(name).cert", "--key", "\(folder)/\(name).key"]
            }
            let status = ["-s", "-o", "/dev/null", "-w", "%{http_code}"]
            #expect(try await at.command("curl", status + [url]).run().status == 60, "an authority that nobody knows")
            for (more, expected) in [
                ([], "401"), (["-u", "writer:\(password)"], "200"), (["-u", "writer:wrong wrong"], "401"),
                (shown("writer"), "200"), (shown("reader"), "200"),
                (shown("reader") + ["-u", "reader:\(password)"], "200"),
                (shown("writer") + ["-u", "reader:wrong wrong"], "401"),
            ] {
                let done = try await at.command("curl", status + ["--cacert", authority] + more + [url]).run()
                #expect(done.text == expected, "\(more)")
            }
            let stranger = try await at.command(
                "curl", status + ["--cacert", authority] + shown("stranger") + [url]
            ).run()
            #expect(stranger.status != 0 && stranger.text == "000")
            for version in ["--tlsv1.2", "--tlsv1.3"] {
                let top = version == "--tlsv1.2" ? "1.2" : "1.3"
                let done = try await at.command(
                    "curl", status + ["--cacert", authority, version, "--tls-max", top] + shown("writer") + [url]
                ).run()
                #expect(done.text == "200")
            }
        }
    }
}

extension Scratch {
    /// Makes the containers family know the registry's authority, and show a certificate.
    fileprivate func trust(as name: String? = nil) throws {
        let folder = "home/.config/containers/certs.d/\(registry.address)"
        try makeFolder(folder)
        try write(read(registry.authority), to: "\(folder)/ca.crt")
        guard let name else { return }
        for end in ["cert", "key"] {
            try write(read("\(registry.folder)/\(name).\(end)"), to: "\(folder)/client.\(end)")
        }
    }

    /// A folder as `--cert-dir` takes it.
    fileprivate func certificates(of name: String) throws -> String {
        try makeFolder("certificates-\(name)")
        try write(read(registry.authority), to: "certificates-\(name)/ca.crt")
        for end in ["cert", "key"] {
            try write(read("\(registry.folder)/\(name).\(end)"), to: "certificates-\(name)/client.\(end)")
        }
        return "\(folder)/certificates-\(name)"
    }
}
