import Foundation
import Testing

/// CI jobs publish without a stored secret: the job's identity token is the password of `oidc`. It is good for seconds
/// alone, as a job's may be for minutes: the login takes place in time, and the push when it has expired.
@Suite("Jobs with identity tokens", .serialized)
struct JobTests {
    @Test("Docker: login, the token expires, push and pull go on; without a login in time nothing goes")
    func docker() async throws {
        try await withClients(.docker, .skopeo, .curl, of: Registry.trusting) { at in
            let host = ["--host", try await DockerEngine.shared.value.socket]
            func docker(_ arguments: String...) async throws -> Finished {
                try await at.command("docker", host + arguments).run()
            }
            let issuer = try await Issuer.shared.value
            let address = at.registry.address
            for token in [
                try await issuer.token(life: -1, at: at),
                try await issuer.token(life: 60, repository: "evil/app", at: at),
            ] { #expect(try await docker("login", "-u", "oidc", "-p", token, address).status != 0) }
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            try await at.run("skopeo", "copy", "-q", "oci:layout:1", "docker-archive:box.tar:\(at.image("box:1"))")
            #expect(try await docker("load", "-q", "-i", "\(at.folder)/box.tar").status == 0)
            let token = try await at.expiredLogin { try await docker("login", "-u", "oidc", "-p", $0, address) }
            let pushed = try await docker("push", at.image("box:1"))
            #expect(pushed.status == 0, "\(pushed.all)")
            #expect(try await docker("pull", at.image("box:1")).status == 0)
            let again = try await docker("login", "-u", "oidc", "-p", token, address)
            #expect(again.status == 0, "a later step of the job logs in with the same token: \(again.all)")
        }
    }

    @Test("skopeo: login, the token expires, copy and inspect go on")
    func skopeo() async throws {
        try await withClients(.skopeo, .curl, of: Registry.trusting) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            let file = ["--authfile", "\(at.folder)/auth.json"]
            let token = try await at.expiredLogin { token in
                let login = ["login", "--tls-verify=false", "-u", "oidc", "-p", token] + file
                return try await at.command("skopeo", login + [at.registry.address]).run()
            }
            let image = "docker://\(at.image("box:1"))"
            try await at.run("skopeo", "copy", "-q", file[0], file[1], "oci:layout:1", image)
            try await at.run("skopeo", "inspect", "--creds", "oidc:\(token)", image)
            let elsewhere = "docker://\(at.registry.address)/elsewhere/box:1"
            let denied = try await at.fail("skopeo", "copy", "-q", file[0], file[1], "oci:layout:1", elsewhere)
            #expect(denied.errors.contains("denied"))
        }
    }

    @Test("podman and buildah: login, the token expires, push goes on")
    func podman() async throws {
        try await withClients(.podman, .buildah, .skopeo, .curl, of: Registry.trusting) { at in
            let layout = try Layout("layout", in: at)
            try await at.box(layout, tag: "1")
            try await at.run("skopeo", "copy", "-q", "oci:layout:1", "docker-archive:box.tar:box:1")
            try await at.run("podman", "load", "-q", "-i", "\(at.folder)/box.tar")
            let id = try await at.run("podman", "images", "-q").lines.first ?? ""
            _ = try await at.expiredLogin { token in
                try await at.command(
                    "podman", ["login", "--tls-verify=false", "-u", "oidc", "-p", token, at.registry.address]
                ).run()
            }
            try await at.run("podman", "push", "-q", "--tls-verify=false", id, at.image("box:1"))
            try await at.run("buildah", "push", "-q", "--tls-verify=false", id, "docker://\(at.image("built:1"))")
            try await at.run("podman", "pull", "-q", "--tls-verify=false", at.image("built:1"))
        }
    }

    @Test("ORAS and Helm: login, the token expires, push goes on", arguments: ["oras", "helm"])
    func artifacts(client: String) async throws {
        try await withClients(client == "oras" ? .oras : .helm, .curl, of: Registry.trusting) { at in
            func step(_ step: String, _ token: String) async throws -> Finished {
                try await at.command(
                    Place.python,
                    [
                        Place.script("job-client.py"), client, at.registry.address, "\(at.namespace)/\(client)",
                        at.folder, step, token,
                    ]
                ).run()
            }
            let token = try await at.expiredLogin { try await step("login", $0) }
            let pushed = try await step("push", token)
            #expect(pushed.text == "\(client) push done", "\(pushed.all)")
        }
    }

    @Test("curl: the token straight at the API, and one exchanged for a session's secret")
    func curl() async throws {
        try await withClients(.curl, of: Registry.trusting) { at in
            let url = "http://\(at.registry.address)/v2/"
            let status = ["-s", "-o", "/dev/null", "-w", "%{http_code}"]
            let token = try await at.expiredLogin { token in
                try await at.command("curl", ["-sSf", "-o", "/dev/null", "-u", "oidc:\(token)", url]).run()
            }
            #expect(try await at.command("curl", status + ["-u", "oidc:\(token)", url]).run().text == "200")
            let fresh = try await Issuer.shared.value.token(life: 60, at: at)
            let answer = try await at.run(
                "curl", "-sSf", "--data-urlencode", "grant_type=urn:ietf:params:oauth:grant-type:token-exchange",
                "--data-urlencode", "subject_token_type=urn:ietf:params:oauth:token-type:id_token", "--data-urlencode",
                "subject_token=\(fresh)", "http://\(at.registry.address)/auth/token")
            let secret = try #require(answer.text.firstMatch(of: /berth_job_[a-z0-9_]+/)?.output)
            for more in [["-u", "oidc:\(secret)"], ["-H", "Authorization: Bearer \(secret)"]] {
                #expect(try await at.command("curl", status + more + [url]).run().text == "200")
            }
        }
    }
}
