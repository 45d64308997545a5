import BerthTestSupport
import Foundation
import Testing

@testable import BerthAuthority

@Suite("A local authority")
struct AuthorityTests {
    private static let names: [ServerName] = [.dns("localhost"), .dns("box.example.org"), .address([127, 0, 0, 1])]

    private func withAuthority(_ body: (AuthorityFolder, String) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            try await body(AuthorityFolder(path: folder + "/tls"), folder + "/tls")
        }
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test("the first time makes both, for their owner alone; the second time keeps them")
    func kept() async throws {
        try await withAuthority { authority, folder async throws in
            let first = try authority.prepare(names: Self.names)
            #expect(first.isNewAuthority && first.isNewServer)
            let files = ["ca.crt", "authority.pem", "server.pem"]
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == files.sorted())
            for name in files + [""] {
                let mode =
                    try FileManager.default.attributesOfItem(atPath: "\(folder)/\(name)")[.posixPermissions] as? Int
                #expect(mode == (name.isEmpty ? 0o700 : 0o600), "\(name)")
            }
            let server = try text(authority.serverFile)
            let second = try authority.prepare(names: Array(Self.names.reversed()))
            #expect(!second.isNewAuthority && !second.isNewServer && second.expires == first.expires)
            #expect(try text(authority.serverFile) == server)
            #expect(try authority.prepare(names: [.dns("localhost")]).isNewServer == false, "it is for fewer names")
        }
    }

    @Test("another name makes a new certificate of the same authority")
    func names() async throws {
        try await withAuthority { authority, _ async throws in
            _ = try authority.prepare(names: Self.names)
            let known = try text(authority.clientFile)
            let outcome = try authority.prepare(names: Self.names + [.dns("new.example.org")])
            #expect(outcome.isNewServer && !outcome.isNewAuthority)
            #expect(try text(authority.clientFile) == known)
            let identity = try #require(Identity(pem: try text(authority.serverFile)))
            #expect(identity.names == Set(Self.names + [.dns("new.example.org")]))
        }
    }

    @Test("the certificate is renewed 30 days before its end, and never outlives its authority")
    func renewed() async throws {
        try await withAuthority { authority, _ async throws in
            let day: TimeInterval = 24 * 3600
            let start = Date()
            let first = try authority.prepare(names: Self.names, now: start)
            #expect(abs(first.expires.timeIntervalSince(start) - 397 * day) < 2)
            #expect(try authority.prepare(names: Self.names, now: start + 366 * day).isNewServer == false)
            let second = try authority.prepare(names: Self.names, now: start + 368 * day)
            #expect(second.isNewServer && !second.isNewAuthority)
            let late = try authority.prepare(names: Self.names, now: start + 3550 * day)
            #expect(
                !late.isNewAuthority && late.expires <= start + 3650 * day + 1,
                "times in certificates are whole seconds")
            let over = try authority.prepare(names: Self.names, now: start + 3600 * day)
            #expect(over.isNewAuthority && over.isNewServer)
        }
    }

    @Test("a clock that was wrong once does no harm for longer than it is wrong")
    func clock() async throws {
        try await withAuthority { authority, _ async throws in
            _ = try authority.prepare(names: Self.names)
            let future = Date(timeIntervalSinceNow: 370 * 24 * 3600)
            #expect(try authority.prepare(names: Self.names, now: future).isNewServer)
            #expect(try authority.prepare(names: Self.names).isNewServer, "it is not valid yet")
        }
    }

    @Test("a damaged certificate is made anew; a damaged authority is an error that says what to do")
    func damaged() async throws {
        try await withAuthority { authority, folder async throws in
            _ = try authority.prepare(names: Self.names)
            try "nothing".write(toFile: authority.serverFile, atomically: true, encoding: .utf8)
            #expect(try authority.prepare(names: Self.names).isNewServer)
            try FileManager.default.removeItem(atPath: authority.clientFile)
            #expect(try authority.prepare(names: Self.names).isNewServer == false)
            #expect(try text(authority.clientFile).hasPrefix("-----BEGIN CERTIFICATE-----"))
            #expect(try !text(authority.clientFile).contains("PRIVATE"))
            try "nothing".write(toFile: folder + "/authority.pem", atomically: true, encoding: .utf8)
            #expect(throws: AuthorityError.unreadable(path: folder + "/authority.pem")) {
                try authority.prepare(names: Self.names)
            }
        }
    }

    @Test("a certificate of another authority is not kept")
    func another() async throws {
        try await withAuthority { authority, folder async throws in
            _ = try authority.prepare(names: Self.names)
            try FileManager.default.removeItem(atPath: folder + "/authority.pem")
            let outcome = try authority.prepare(names: Self.names)
            #expect(outcome.isNewAuthority && outcome.isNewServer)
        }
    }

    @Test("openssl, which did not make it, finds it good")
    func openssl() async throws {
        try await withAuthority { authority, _ async throws in
            _ = try authority.prepare(names: Self.names)
            func verify(_ more: String...) async throws -> Int32 {
                try await runToEnd(
                    ["/usr/bin/openssl", "verify", "-x509_strict", "-CAfile", authority.clientFile] + more
                        + [authority.serverFile]
                ).status
            }
            #expect(try await verify("-purpose", "sslserver", "-verify_hostname", "box.example.org") == 0)
            #expect(try await verify("-verify_ip", "127.0.0.1") == 0)
            #expect(try await verify("-verify_hostname", "evil.example.org") != 0)
            #expect(try await verify("-purpose", "sslclient") != 0)
        }
    }
}
