import BerthAccess
import BerthCatalog
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import Testing

@Suite("Pulling a tag as it was")
struct TagMomentTests {
    private func form(_ date: Date) -> String {
        let plain = Timestamp.text(milliseconds: Int64(date.timeIntervalSince1970) * 1_000)
        return plain.prefix(19).filter { $0 != "-" && $0 != ":" } + "Z"
    }

    /// Waits until the clock shows another second.
    private func nextSecond() async throws {
        let now = Int64(Date().timeIntervalSince1970)
        try await eventually("the next second", within: 10) { Int64(Date().timeIntervalSince1970) > now }
    }

    @Test("TAG--at-… answers what TAG was then, by GET and HEAD, is never listed, and moves with nothing")
    func pull() async throws {
        try await withLiveServer { server in
            let first = try await server.pushImage("one", to: "team/app", as: "latest")
            let then = form(Date())
            try await nextSecond()
            let second = try await server.pushImage("two", to: "team/app", as: "latest")
            let path = "/v2/team/app/manifests/latest--at-\(then)"
            let reply = try await server.get(path)
            #expect(reply.status == 200 && reply.body == first.bytes, "\(reply.text)")
            #expect(reply.header("Docker-Content-Digest") == first.digest.text)
            #expect(reply.header("Cache-Control") == "private, no-cache")
            #expect(try await server.head(path).header("Docker-Content-Digest") == first.digest.text)
            #expect(try await server.get(path, [("If-None-Match", "\"\(first.digest)\"")]).status == 304)
            #expect(try await server.get("/v2/team/app/manifests/latest").body == second.bytes)
            let now = try await server.get("/v2/team/app/manifests/latest--at-\(form(Date()))")
            #expect(now.body == second.bytes)
            #expect(try await server.get("/v2/team/app/tags/list").json()["tags"] as? [String] == ["latest"])
            try await server.delete("/v2/team/app/manifests/\(first.digest)")
            let gone = try await server.get(path)
            #expect(gone.status == 404 && gone.errorCodes == ["MANIFEST_UNKNOWN"])
            #expect(gone.text.contains("deleted since"))
        }
    }

    @Test("where there is nothing to show the answer is 404 with the reason")
    func nothing() async throws {
        try await withLiveServer { server in
            try await server.pushImage("one", to: "team/app", as: "latest")
            for (tag, reason) in [
                ("latest--at-20000101T0000Z", "set for the first time at"), ("other--at-20000101T0000Z", "never was"),
                ("latest--at-99991231T2359Z", "has not come yet"), ("latest--at-20261301T0000Z", "no such time"),
            ] {
                let reply = try await server.get("/v2/team/app/manifests/\(tag)")
                #expect(reply.status == 404 && reply.errorCodes == ["MANIFEST_UNKNOWN"])
                #expect(reply.text.contains(reason), "\(reply.text)")
            }
            let elsewhere = try await server.get("/v2/team/none/manifests/latest--at-20000101T0000Z")
            #expect(elsewhere.status == 404 && elsewhere.errorCodes == ["NAME_UNKNOWN"])
        }
    }

    @Test("nothing is stored under such a name: 403, and 400 where the time is none")
    func writing() async throws {
        try await withLiveServer { server in
            let image = try await server.pushImage("one", to: "team/app", as: "latest")
            for (tag, status, code) in [
                ("latest--at-20260501T1200Z", 403, "DENIED"), ("latest--at-20261301T1200Z", 400, "UNSUPPORTED"),
            ] {
                let put = try await server.put(image, to: "team/app", as: tag)
                #expect(put.status == status && put.errorCodes == [code], "\(put.text)")
                let both = try await server.put(image, to: "team/app", as: "\(image.digest)?tag=new&tag=\(tag)")
                #expect(both.status == status && both.errorCodes == [code])
                let deleted = try await server.delete("/v2/team/app/manifests/\(tag)")
                #expect(deleted.status == status && deleted.errorCodes == [code])
            }
            #expect(try await server.get("/v2/team/app/tags/list").json()["tags"] as? [String] == ["latest"])
        }
    }

    @Test("a kept tag is 403 DENIED with the rule's name, for a move, its deletion and its manifest's")
    func kept() async throws {
        try await withLiveServer { server in
            let rule = try TagRule(
                name: try #require(RuleName("releases")), repositories: .everything, tags: [TagPattern("v*")],
                exceptions: [])
            _ = try await server.server.registry.catalog.add(rule, by: .user("operator"))
            let first = try await server.pushImage("one", to: "team/app", as: "v1")
            let second = try await server.pushImage("two", to: "team/app", as: "latest")
            #expect(try await server.put(first, to: "team/app", as: "v1").status == 201)
            let refused = [
                try await server.put(second, to: "team/app", as: "v1"),
                try await server.put(second, to: "team/app", as: "\(second.digest)?tag=v1"),
                try await server.delete("/v2/team/app/manifests/v1"),
                try await server.delete("/v2/team/app/manifests/\(first.digest)"),
            ]
            for reply in refused {
                #expect(reply.status == 403 && reply.errorCodes == ["DENIED"], "\(reply.text)")
                #expect(reply.detail["rule"] as? String == "releases")
                #expect(reply.header("WWW-Authenticate") == nil)
            }
            #expect(try await server.get("/v2/team/app/manifests/v1").body == first.bytes)
        }
    }

    @Test("who may pull a tag as it was is who may pull it today")
    func rights() async throws {
        try await withLiveServer { server async throws in
            let image = try await server.pushImage("one", to: "team/app", as: "latest")
            for name in ["ann", "bob"] { try await server.addUser(name) }
            try await server.grant("user:ann", .reader, on: "team/**")
            let (tag, then) = ("/v2/team/app/manifests/latest", form(Date()))
            func expectPulls(_ name: String, _ maySee: Bool) async throws {
                let today = try await server.get(tag, [basic(name)])
                let past = try await server.get("\(tag)--at-\(then)", [basic(name)])
                #expect(past.status == today.status && past.errorCodes == today.errorCodes, "\(name): \(past.text)")
                #expect((past.status == 200 && past.body == image.bytes) == maySee, "\(name): \(past.status)")
            }
            try await expectPulls("ann", true)
            try await expectPulls("bob", false)
            try await server.revoke("user:ann", on: "team/**")
            try await server.grant("user:bob", .reader, on: "team/**")
            try await expectPulls("ann", false)
            try await expectPulls("bob", true)
        }
    }
}
