import BerthTestSupport
import Foundation
import Testing

/// The commands that administer, on a stopped registry and on a running one.
@Suite("Administering")
struct AdminCommandTests {
    @Test("the first account is one command on a registry that does not exist yet, and closes it")
    func firstAccount() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let made = try await berth(["user", "add", "--admin", "root", "--root", root])
            #expect(made.status == 0, "\(made.complaint)")
            let password = try #require(made.output.firstMatch(of: /shown only now: ([a-z0-9-]{20,})/)?.1)
            let again = try await berth(["user", "add", "--admin", "root", "--root", root])
            #expect(again.status == 0 && again.output == "User root is there already; nothing was changed.\n")
            let server = try await BerthProcess.start(root: root)
            let connection = try server.connect()
            #expect(try await connection.send("GET", "/v2/").status == 401)
            #expect(try await connection.send("GET", "/v2/_catalog", [basic("root", String(password))]).status == 200)
            try await server.stop()
        }
    }

    @Test("the same commands work on a running server, and count with the next request", arguments: [true, false])
    func everything(isRunning: Bool) async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let server = isRunning ? try await BerthProcess.start(root: root) : nil
            func run(_ arguments: String..., input: String? = nil) async throws -> String {
                let outcome: Outcome
                if let input {
                    outcome = try await shell("printf '%s\\n' '\(input)' |", arguments + ["--root", root])
                } else {
                    outcome = try await berth(arguments + ["--root", root])
                }
                #expect(outcome.status == 0, "\(arguments): \(outcome.complaint)")
                return outcome.output
            }
            _ = try await run("user", "add", "ann", "--password-stdin", input: testPassword)
            _ = try await run("group", "add", "builders")
            #expect(try await run("group", "join", "builders", "ann") == "ann is in builders now.\n")
            #expect(try await run("group", "join", "builders", "ann") == "ann is in builders already.\n")
            _ = try await run("grant", "add", "group:builders", "writer", "team/**")
            _ = try await run("grant", "add", "everyone", "reader", "public/**")
            _ = try await run("robot", "add", "team+ci")
            let secret = try #require(
                try await run(
                    "token", "add", "team+ci", "--label", "jenkins", "--scope", "pull:team/**", "--expires", "90d"
                )
                .firstMatch(of: /berth_rob_[a-z0-9_]+/)?.output)
            #expect(try await run("user", "list").contains("ann") == true)
            #expect(try await run("user", "show", "ann").contains("builders"))
            #expect(try await run("token", "list").contains("jenkins"))
            #expect(!(try await run("token", "list").contains(secret)))
            #expect(try await run("grant", "list").contains("team/**"))
            let spiffe = "uri:spiffe://example.org/ci"
            #expect(try await run("certificate", "add", spiffe, "team+ci").contains("open the account of team+ci now"))
            #expect(try await run("certificate", "add", spiffe, "team+ci").contains("already"))
            #expect(try await run("certificate", "list").contains(spiffe))
            #expect(try await run("certificate", "disable", spiffe).contains("for now"))
            #expect(try await run("certificate", "enable", spiffe).contains("again"))
            #expect(try await run("certificate", "remove", spiffe).contains("any more"))
            #expect(try await run("certificate", "remove", spiffe).contains("There is no rule"))
            #expect(try await run("key", "list").split(separator: "\n").count == 2)
            #expect(try await run("key", "rotate").contains("is published"))
            #expect(try await run("key", "add").contains("is published already"), "the two are one")
            #expect(try await run("audit").contains("grant.add"))
            let list = try await run("grant", "list", "--json")
            let grants = try JSONSerialization.jsonObject(with: Data(list.utf8)) as? [String: [[String: Any]]]
            #expect(grants?["grants"]?.count == 2)
            let one = try await isRunning ? nil : BerthProcess.start(root: root)
            let registry = try #require(server ?? one)
            let connection = try registry.connect()
            func status(_ name: String, _ password: String) async throws -> Int {
                try await connection.send("GET", "/v2/team/a/tags/list", [basic(name, password)]).status
            }
            #expect(try await status("ann", testPassword) == 404)
            #expect(try await status("team+ci", String(secret)) == 404)
            _ = try await connection.send("GET", "/auth/token?offline_token=true", [basic("team+ci", String(secret))])
            let logins = try await run("token", "logins", "team+ci").split(separator: "\n")
            #expect(logins.count == 2)
            let login = try #require(logins.last?.split(separator: " ").first.map(String.init))
            #expect(try await run("token", "remove", login) == "Token \(login) was removed.\n")
            #expect(try await run("token", "logins", "team+ci").split(separator: "\n").count == 1)
            _ = try await run("user", "disable", "ann")
            #expect(try await status("ann", testPassword) == 401)
            _ = try await run("user", "enable", "ann")
            #expect(try await status("ann", testPassword) == 404)
            _ = try await run("user", "remove", "ann")
            #expect(try await status("ann", testPassword) == 401)
            #expect(try await run("user", "remove", "ann") == "There is no user ann.\n")
            try await registry.stop()
        }
    }

    @Test("tokens, grants, groups, certificates and keys are shown, disabled and enabled", arguments: [true, false])
    func disabling(isRunning: Bool) async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let server = isRunning ? try await BerthProcess.start(root: root) : nil
            func run(_ arguments: [String], status: Int32 = 0) async throws -> String {
                let outcome = try await berth(arguments + ["--root", root])
                #expect(outcome.status == status, "\(arguments): \(outcome.complaint)")
                return outcome.output + outcome.complaint
            }
            func json(_ arguments: String...) async throws -> [String: Any] {
                let text = try await run(arguments + ["--json"])
                return try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
            }
            for command in [
                ["user", "add", "ann"], ["group", "add", "team"], ["group", "join", "team", "ann"],
                ["grant", "add", "group:team", "writer", "team/**"], ["certificate", "add", "dns:ci.test", "ann"],
            ] { _ = try await run(command) }
            let made = try await json("token", "add", "ann")
            let (token, secret) = (made["id"] as? String ?? "", made["secret"] as? String ?? "")
            let key = try #require((try await json("key", "list")["keys"] as? [[String: Any]])?.first?["id"] as? String)
            #expect(try await run(["key", "disable", key], status: 1).contains("make one first with berth key add"))
            _ = try await run(["key", "add"])
            func status() async throws -> Int? {
                let headers = [basic("ann", secret)]
                return try await server?.connect().send("POST", "/v2/team/a/blobs/uploads/", headers).status
            }
            func bearer() async throws -> (String, String)? {
                let target = "/auth/token?service=berth&scope=repository:team/a:pull,push"
                guard let reply = try await server?.connect().send("GET", target, [basic("ann", secret)]) else {
                    return nil
                }
                return ("Authorization", "Bearer \(try reply.json()["token"] as? String ?? "")")
            }
            let header = try await bearer()
            func statusByToken() async throws -> Int? {
                guard let header else { return nil }
                return try await server?.connect().send("POST", "/v2/team/a/blobs/uploads/", [header]).status
            }
            if isRunning { #expect(try await [status(), statusByToken()] == [202, 202]) }
            for (words, what, refusals) in [
                (["token", token], "Token \(token)", [401, 401]),
                (["grant", "group:team", "team/**"], "What group:team was granted on team/**", [403, 403]),
                (["group", "team"], "Group team", [403, 403]), (["key", key], "Key \(key)", [202, 401]),
                (["certificate", "dns:ci.test"], "Certificates with the name dns:ci.test", [202, 202]),
            ] {
                for (verb, refused) in [("disable", refusals), ("enable", [202, 202])] {
                    let command = [words[0], verb] + words[1...]
                    #expect(try await run(command).hasPrefix(what))
                    if isRunning { #expect(try await [status(), statusByToken()] == refused, "\(command)") }
                    #expect(try await run(command).contains("already"))
                    #expect(try await run(command + ["--json"]) == "{\"changed\":false}\n")
                    let shown = try await run([words[0], "show"] + words[1...] + ["--json"])
                    #expect(shown.contains("\"disabled\":\(verb == "disable")"), "\(shown)")
                    let table = try await run([words[0], "show"] + words[1...])
                    #expect(table.contains(/disabled +(yes|no)\n/) && !table.contains(secret))
                }
            }
            _ = try await run(["grant", "disable", "group:team", "team/**"])
            #expect(
                try await run(["grant", "add", "group:team", "reader", "team/**"])
                    == """
                    group:team is reader of team/** now.
                    That is disabled; let it count with: berth grant enable group:team 'team/**'

                    """)
            for (add, name, word) in [
                (["certificate", "add", "dns:ci.test", "ann"], "dns:ci.test", "open the account of ann already."),
                (["group", "add", "team"], "team", "Group team is there already."),
                (["user", "add", "ann"], "ann", "User ann is there already; nothing was changed."),
            ] {
                _ = try await run([add[0], "disable", name])
                let told = try await run(add)
                #expect(
                    told.hasSuffix("\(word)\nThat is disabled; let it count with: berth \(add[0]) enable \(name)\n"))
            }
            try await server?.stop()
        }
    }

    @Test("trust rules: added, listed, shown, changed, disabled, removed", arguments: [true, false])
    func trust(isRunning: Bool) async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let server = isRunning ? try await BerthProcess.start(root: root) : nil
            func run(_ arguments: String..., status: Int32 = 0) async throws -> String {
                let outcome = try await berth(arguments + ["--root", root])
                #expect(outcome.status == status, "\(arguments): \(outcome.complaint)")
                return outcome.output + outcome.complaint
            }
            let add = [
                "trust", "add", "github", "--issuer", "https://token.actions.githubusercontent.com", "--audience",
                "https://registry.test", "--claim", "repository=org/app", "--claim", "ref=refs/heads/main", "--grant",
                "writer:team/**", "--root", root,
            ]
            #expect(try await berth(add).output == "Rule github was added: its jobs log in as oidc.\n")
            #expect(try await berth(add).output == "Rule github is there already.\n")
            for command in [["trust", "%", "github"], ["grant", "%", "trust:github", "team/**"]] {
                let words = ["disable", "enable"].map { verb in
                    command.map { $0 == "%" ? verb : $0 } + ["--root", root]
                }
                #expect(try await berth(words[0]).status == 0)
                let told = try await berth(add).output
                #expect(
                    told.hasPrefix("Rule github is there already.\n") && told.contains("disabled; let it count with"))
                #expect(try await berth(words[1]).status == 0)
            }
            let key = try await IssuerKey()
            let keys = folder + "/keys.json"
            try IssuerKey.set([key]).write(toFile: keys, atomically: true, encoding: .utf8)
            #expect(try await run("trust", "update", "github", "--keys", keys) == "Rule github was changed.\n")
            #expect(try await run("trust", "check", "github").contains("first  ES256"))
            #expect(try await run("trust", "update", "github", status: 2).contains("Say --ca or --keys."))
            #expect(try await run("trust", "list").contains("repository=org/app ref=refs/heads/main  writer:team/**"))
            #expect(try await run("trust", "show", "github").contains("https://registry.test"))
            #expect(try await run("grant", "list").contains("trust:github"))
            let list = try await run("trust", "list", "--json")
            let rules = try JSONSerialization.jsonObject(with: Data(list.utf8)) as? [String: [[String: Any]]]
            #expect(rules?["rules"]?.first?["keys"] as? Bool == true && !list.contains(key.document["x"] ?? "?"))
            let one = try await isRunning ? nil : BerthProcess.start(root: root)
            let registry = try #require(server ?? one)
            let connection = try registry.connect()
            let now = Int64(Date().timeIntervalSince1970)
            let issuer = "https://token.actions.githubusercontent.com"
            let token = try IdentityTokenDraft(key, issuer: issuer, at: now).text()
            func status() async throws -> Int {
                try await connection.send("POST", "/v2/team/app/blobs/uploads/", [basic("oidc", token)]).status
            }
            #expect(try await status() == 202)
            _ = try await run("trust", "disable", "github")
            #expect(try await status() == 401)
            _ = try await run("trust", "enable", "github")
            #expect(try await status() == 202, "the token itself is valid still")
            #expect(try await run("trust", "remove", "github") == "Rule github was removed.\n")
            #expect(try await status() == 401)
            #expect(try await run("trust", "remove", "github") == "There is no rule github.\n")
            #expect(try await run("audit").contains("job.login"))
            #expect(!registry.log.contains(token))
            try await registry.stop()
        }
    }

    @Test("the rules of the README are taken as they stand there")
    func readme() async throws {
        try await withTemporaryFolder { folder in
            let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            let readme = try String(contentsOf: package.appending(path: "README.md"), encoding: .utf8)
            let commands = readme.replacing("\\\n", with: "").split(separator: "\n")
                .filter { $0.hasPrefix("berth trust add ") || $0.hasPrefix("berth grant add trust:") }
            #expect(commands.count == 5)
            try IssuerKey.set([try await IssuerKey("RS256")])
                .write(toFile: folder + "/keys.json", atomically: true, encoding: .utf8)
            let folders = "\(URL(filePath: binary).deletingLastPathComponent().path):/usr/bin:/bin"
            for command in commands {
                let done = try await runToEnd(
                    ["/bin/sh", "-c", "cd '\(folder)' && \(command)"],
                    environment: [
                        "PATH": folders, "BERTH_STORAGE_ROOT": folder + "/data",
                        "BERTH_HTTP_EXTERNAL_URL": "https://registry.example.org",
                    ])
                #expect(done.status == 0, "\(command): \(done.complaint)")
            }
        }
    }

    @Test("an htpasswd file is imported, bcrypt and nothing weaker")
    func htpasswd() async throws {
        try await withTemporaryFolder { folder in
            let file = folder + "/htpasswd"
            let bcrypt = "$2y$05$c4WoMPo3SXsafkva.HHa6utkEDXhmZdBCPvlkDfCPAzcXseCiv2NG"
            try "# people\nann:\(bcrypt)\n\nbob:\(bcrypt)\n".write(toFile: file, atomically: true, encoding: .utf8)
            let root = folder + "/data"
            #expect(try await berth(["user", "import", file, "--root", root]).output == "2 users were added.\n")
            #expect(try await berth(["user", "import", file, "--root", root]).output == "0 users were added.\n")
            let server = try await BerthProcess.start(root: root)
            let connection = try server.connect()
            #expect(try await connection.send("GET", "/v2/", [basic("ann", "secret seven")]).status == 200)
            #expect(try await connection.send("GET", "/v2/", [basic("bob", "secret eight")]).status == 401)
            try await server.stop()
            let again = try await berth(["user", "import", file, "--json", "--root", root])
            #expect(again.output == #"{"added":0,"disabled":[],"unchanged":2}"# + "\n", "\(again.output)")
            #expect(try await berth(["user", "disable", "ann", "--root", root]).status == 0)
            #expect(
                try await berth(["user", "import", file, "--root", root]).output
                    == "0 users were added.\nThere already, and disabled: ann\n")
            try "carol:$apr1$abc$def\n".write(toFile: file, atomically: true, encoding: .utf8)
            #expect(try await berth(["user", "import", file, "--root", root]).status == 1)
        }
    }

    @Test("a registry whose users stand in an htpasswd file follows it while it runs")
    func liveHtpasswd() async throws {
        try await withTemporaryFolder { folder in
            let file = folder + "/htpasswd"
            let bcrypt = "$2y$05$c4WoMPo3SXsafkva.HHa6utkEDXhmZdBCPvlkDfCPAzcXseCiv2NG"
            try writeFile("ann:\(bcrypt)\n", to: file)
            let server = try await BerthProcess.start(root: folder + "/data", settings: ["access.htpasswd=\(file)"])
            @Sendable func status(_ name: String) async throws -> Int {
                try await server.connect().send("GET", "/v2/", [basic(name, "secret seven")]).status
            }
            #expect(try await status("ann") == 200)
            #expect(try await status("bob") == 401)
            let token = try await berth(["token", "add", "ann", "--root", folder + "/data", "--json"])
            let secret = try #require(token.output.firstMatch(of: /"secret":"([^"]+)"/)?.1)
            try writeFile("bob:\(bcrypt)\n", to: file)
            try await eventually("the file is taken over") { try await status("bob") == 200 }
            #expect(try await status("ann") == 401)
            try writeFile("nonsense", to: file)
            try await eventually("it is told what is wrong") { server.log.contains("was not taken over") }
            #expect(try await status("bob") == 200)
            try await server.stop()
            let refused = try await berth([
                "serve", "--root", folder + "/data", "--listen", "127.0.0.1:0", "--set", "access.htpasswd=\(file)",
                "--set", "metrics.listen=off",
            ])
            #expect(refused.status == 1 && refused.complaint.contains("access.htpasswd: the file \(file)"))
            // A start without the file lets nobody in again.
            let without = try await BerthProcess.start(root: folder + "/data")
            #expect(without.log.contains("access.htpasswd is not set any more"))
            let back = try await without.connect().send("GET", "/v2/", [basic("ann", String(secret))])
            #expect(back.status == 401)
            try await without.stop()
        }
    }

    @Test("that clients come under a name which is not known is told to the operator, once")
    func foreignName() async throws {
        try await withTemporaryFolder { folder in
            let server = try await BerthProcess.start(root: folder + "/data")
            #expect(try await berth(["user", "add", "ann", "--root", folder + "/data"]).status == 0)
            for _ in 0..<3 {
                let reply = try await server.connect().send("GET", "/v2/", [("Host", "registry.example.org")])
                #expect(reply.status == 400)
            }
            try await server.stop()
            #expect(server.log.components(separatedBy: "set http.external_url").count == 2)
        }
    }

    @Test("what others have named does not steer the terminal, and forges no line")
    func steering() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let server = try await BerthProcess.start(root: root)
            #expect(try await berth(["user", "add", "ann", "--root", root]).status == 0)
            let form =
                "grant_type=password&password=y&username=x%0A2026-03-01%20%20user:admin%1B%5B8m%C2%9B2J%7F%E2%80%AE"
            let refused = try await server.connect().send(
                "POST", "/auth/token", [("Content-Type", "application/x-www-form-urlencoded")], body: Array(form.utf8))
            #expect(refused.status == 401)
            for json in [[], ["--json"]] {
                try await eventually("it is noted") {
                    try await berth(["audit", "--root", root] + json).output.contains("user:admin")
                }
                let audit = try await berth(["audit", "--root", root] + json).output
                #expect(audit.unicodeScalars.allSatisfy { $0 == "\n" || !(0...0x1F).contains($0.value) })
                #expect(!audit.unicodeScalars.contains { (0x7F...0x9F).contains($0.value) || $0.value == 0x202E })
                #expect(!audit.split(separator: "\n").contains { $0.hasPrefix("2026-03-01") })
            }
            try await server.stop()
            // A key's id is its issuer's.
            let point = String(repeating: "A", count: 43)
            let keys = #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"\#(point)","kid":"a\u001b[2J\u009b"}]}"#
            try writeFile(keys, to: folder + "/keys.json")
            let rule = ["--issuer", "https://a", "--audience", "b", "--claim", "repository=a/b"]
            let added = try await berth(
                ["trust", "add", "ci", "--keys", folder + "/keys.json", "--root", root] + rule)
            #expect(added.status == 0, "\(added.complaint)")
            let check = try await berth(["trust", "check", "ci", "--root", root])
            #expect(check.output.contains(#"a\u001b[2J\u009b"#), "\(check.output) \(check.complaint)")
            let complaint = try await berth(["user", "show", "ann", "\u{1B}[2J"]).complaint
            #expect(complaint.contains(#"\u001b[2J"#) && !complaint.contains("\u{1B}"))
        }
    }

    @Test(
        "what cannot be is refused with status 1 and a sentence",
        arguments: [
            ["user", "show", "ghost"], ["user", "password", "ghost"], ["grant", "add", "everyone", "writer", "**"],
            ["grant", "add", "user:ghost", "reader", "**"], ["token", "add", "ghost"], ["robot", "add", "ci"],
            ["key", "rotate"], ["certificate", "add", "dns:a", "ghost"], ["certificate", "add", "ghost", "ghost"],
            ["trust", "show", "ghost"], ["trust", "check", "ghost"], ["token", "show", "ghost"],
            ["token", "disable", "ghost"], ["key", "show", "ghost"], ["key", "disable", "ghost"],
            ["group", "disable", "ghost"], ["certificate", "show", "dns:ghost"], ["grant", "show", "everyone", "**"],
            ["grant", "disable", "user:ghost", "**"],
            ["trust", "add", "a", "--issuer", "https://a", "--claim", "sub=x"],
            ["group", "join", "none", "nobody"],
        ])
    func refused(arguments: [String]) async throws {
        try await withTemporaryFolder { folder in
            let outcome = try await berth(arguments + ["--root", folder + "/data"])
            #expect(outcome.status == 1 && outcome.output.isEmpty)
            #expect(outcome.complaint.hasSuffix(".\n") && outcome.complaint.count > 10)
        }
    }

    @Test("beyond this machine nothing is served without accounts; with them and a URL it is")
    func network() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let listen = ["--set", "http.listen=0.0.0.0:0", "--set", "metrics.listen=off"]
            let open = try await berth(["serve", "--root", root] + listen)
            #expect(open.status == 3 && open.complaint.contains("make an account"))
            #expect(!FileManager.default.fileExists(atPath: root), "and nothing was made")
            #expect(try await berth(["user", "add", "root", "--admin", "--root", root]).status == 0)
            let homeless = try await berth(["serve", "--root", root] + listen)
            #expect(homeless.status == 1 && homeless.complaint.contains("http.external_url"))
        }
    }

    @Test("a registry that could not tell where to log in gets no first account, and starts again as it was")
    func firstAccountNowhere() async throws {
        try await withTemporaryFolder { folder in
            let root = folder + "/data"
            let open = ["http.listen=0.0.0.0:0", "access.anonymous=push"]
            let server = try await BerthProcess.start(root: root, settings: open)
            for arguments in [
                ["user", "add", "ann"], ["robot", "add", "team+ci"],
                ["trust", "add", "a", "--issuer", "https://a", "--audience", "b", "--claim", "repository=a/b"],
            ] {
                let refused = try await berth(arguments + ["--root", root])
                #expect(refused.status == 1 && refused.complaint.contains("set http.external_url"), "\(arguments)")
            }
            #expect(try await server.connect().send("GET", "/v2/").status == 200)
            try await server.stop()
            let again = try await BerthProcess.start(root: root, settings: open)
            try await again.stop()
            let external = open + ["http.external_url=http://registry.example.org:5000"]
            let told = try await BerthProcess.start(root: root, settings: external)
            #expect(try await berth(["user", "add", "ann", "--root", root]).status == 0)
            #expect(try await told.connect().send("GET", "/v2/").status == 401)
            try await told.stop()
        }
    }

    private func shell(_ input: String, _ arguments: [String]) async throws -> Outcome {
        let words = arguments.map { "'\($0)'" }.joined(separator: " ")
        return try await runToEnd(["/bin/sh", "-c", "\(input) '\(binary)' \(words)"])
    }

    private var binary: String {
        URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "berth").path
    }

    private func berth(_ arguments: [String]) async throws -> Outcome { try await runToEnd([binary] + arguments) }
}
