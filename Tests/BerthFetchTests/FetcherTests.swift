import BerthTestSupport
import NIOCore
import Synchronization
import Testing

@testable import BerthFetch

@Suite("Fetching a document")
struct FetcherTests {
    @Test("a document of a host that its authority vouches for is fetched, by address and by name")
    func good() async throws {
        try await withIssuer { issuer async throws in
            issuer.behave(.text("{}"))
            let fetched = try await issuer.fetch("/a/b?c=d")
            #expect(fetched == Array("{}".utf8))
            #expect(issuer.asked == ["/a/b"])
            // Nobody but the test knows this name: the address is the one that was looked up here.
            let named = Fetcher(limit: .seconds(60)) { host, _ throws(FetchError) in
                #expect(host == "issuer.test")
                return [NetworkAddress("127.0.0.1")].compactMap { $0 }
            }
            let address = try HTTPSAddress("https://issuer.test:\(issuer.port())/")
            let order = FetchOrder(address, authority: issuer.authority, allowsPrivate: true)
            #expect(try await named.fetch(order) == Array("{}".utf8))
        }
    }

    @Test("who is not vouched for is not believed", arguments: ["machine", "other", "name"])
    func strangers(kind: String) async throws {
        try await withIssuer { issuer async throws in
            try await withIssuer { other async throws in
                let named = Fetcher(limit: .seconds(60)) { _, _ throws(FetchError) in
                    [NetworkAddress("127.0.0.1")].compactMap { $0 }
                }
                let host = kind == "name" ? "another.test" : "127.0.0.1"
                let address = try HTTPSAddress("https://\(host):\(issuer.port())/")
                let authority = kind == "machine" ? nil : kind == "other" ? other.authority : issuer.authority
                let order = FetchOrder(address, authority: authority, allowsPrivate: true)
                let error = await #expect(throws: FetchError.self) { try await named.fetch(order) }
                if case .failed = error {} else { Issue.record("\(String(describing: error))") }
                #expect(issuer.asked.isEmpty)
            }
        }
    }

    @Test("no redirect is followed, and nothing but 200 is an answer", arguments: [302, 201, 204, 404, 500])
    func statuses(status: Int) async throws {
        try await withIssuer { issuer async throws in
            issuer.behave(status == 302 ? .redirects : .status(status))
            await #expect(throws: FetchError.status(status)) { try await issuer.fetch("/x") }
            #expect(issuer.asked == ["/x"])
        }
    }

    @Test("no more than 256 KiB are taken", arguments: [true, false])
    func huge(saysLength: Bool) async throws {
        try await withIssuer { issuer async throws in
            issuer.behave(.huge(saysLength: saysLength))
            await #expect(throws: FetchError.tooLarge(Fetcher.mostBytes)) { try await issuer.fetch("/x") }
            issuer.behave(.text(String(repeating: "x", count: Fetcher.mostBytes)))
            #expect(try await issuer.fetch("/x").count == Fetcher.mostBytes)
        }
    }

    @Test("an answer has its time as a whole, and so has a name", arguments: ["hangs", "drips", "name"])
    func slow(kind: String) async throws {
        try await withIssuer { issuer async throws in
            issuer.behave(kind == "drips" ? .drips : .hangs)
            let fetcher = Fetcher(limit: .milliseconds(200)) { _, _ throws(FetchError) in
                if kind == "name" { throw .timedOut }
                return [NetworkAddress("127.0.0.1")].compactMap { $0 }
            }
            let order = FetchOrder(try HTTPSAddress(issuer.url), authority: issuer.authority, allowsPrivate: true)
            await #expect(throws: FetchError.timedOut) { try await fetcher.fetch(order) }
        }
    }

    @Test("a private address is refused before anything is sent, also as one of several")
    func privateAddress() async throws {
        try await withIssuer { issuer async throws in
            let order = FetchOrder(try HTTPSAddress(issuer.url), authority: issuer.authority)
            await #expect(throws: FetchError.privateAddress("127.0.0.1")) {
                try await Fetcher(limit: .seconds(60)).fetch(order)
            }
            let local = FetchOrder(try HTTPSAddress("https://localhost:\(issuer.port())"))
            await #expect(throws: FetchError.self) { try await Fetcher().fetch(local) }
            let mixed = Fetcher(limit: .seconds(60)) { _, _ throws(FetchError) in
                ["192.0.32.8", "::ffff:127.0.0.1"].compactMap { NetworkAddress($0) }
            }
            let named = FetchOrder(try HTTPSAddress("https://issuer.test:\(issuer.port())"))
            await #expect(throws: FetchError.privateAddress("::ffff:127.0.0.1")) { try await mixed.fetch(named) }
            #expect(issuer.asked.isEmpty)
        }
    }

    @Test("a name is looked up once: who changes it between check and connection wins nothing")
    func rebinding() async throws {
        try await withIssuer { issuer async throws in
            issuer.behave(.text("{}"))
            let lookups = Mutex(0)
            let fetcher = Fetcher(limit: .seconds(60)) { _, _ throws(FetchError) in
                let count = lookups.withLock { lookups in
                    lookups += 1
                    return lookups
                }
                // A second answer would lead where nobody listens.
                return [NetworkAddress(count == 1 ? "127.0.0.1" : "127.0.0.2")].compactMap { $0 }
            }
            let address = try HTTPSAddress("https://issuer.test:\(issuer.port())/x")
            let order = FetchOrder(address, authority: issuer.authority, allowsPrivate: true)
            #expect(try await fetcher.fetch(order) == Array("{}".utf8))
            #expect(lookups.withLock { $0 } == 1)
        }
    }

    @Test("where one address of a host does not answer, the next is tried")
    func secondAddress() async throws {
        try await withIssuer { issuer async throws in
            issuer.behave(.text("{}"))
            let fetcher = Fetcher(limit: .seconds(60)) { _, _ throws(FetchError) in
                ["127.0.0.2", "127.0.0.1"].compactMap { NetworkAddress($0) }
            }
            let address = try HTTPSAddress("https://issuer.test:\(issuer.port())/x")
            let order = FetchOrder(address, authority: issuer.authority, allowsPrivate: true)
            #expect(try await fetcher.fetch(order) == Array("{}".utf8))
        }
    }

    @Test("an authority that is none")
    func badAuthority() async throws {
        let order = FetchOrder(try HTTPSAddress("https://192.0.32.8/"), authority: "-----BEGIN nothing")
        await #expect(throws: FetchError.badAuthority) { try await Fetcher(limit: .seconds(60)).fetch(order) }
        #expect(!Fetcher.isAuthority("") && !Fetcher.isAuthority("x"))
    }
}

extension Fetcher {
    /// With more time than a registry gives: tests run many at once.
    fileprivate convenience init(limit: Duration) {
        let lookup = Lookup()
        self.init(limit: limit) { host, limit throws(FetchError) in
            try await lookup.addresses(of: host, within: .seconds(60))
        }
    }
}

@Suite("Addresses")
struct AddressTests {
    @Test(
        "URLs that are taken",
        arguments: [
            ("https://a.example", "a.example", 443, "/"), ("https://A.Example/x", "a.example", 443, "/x"),
            ("https://a.example:8443/x?y=z", "a.example", 8_443, "/x?y=z"), ("https://a?b", "a", 443, "/?b"),
            ("https://[2001:db8::1]:1/", "2001:db8::1", 1, "/"), ("https://192.0.2.1", "192.0.2.1", 443, "/"),
        ])
    func taken(text: String, host: String, port: Int, target: String) throws {
        let address = try HTTPSAddress(text)
        #expect(address.host == host && address.port == port && address.target == target)
        #expect(try HTTPSAddress(address.description) == address)
    }

    @Test(
        "URLs that are not",
        arguments: [
            "", "a", "http://a", "HTTPS://a", "https:/a", "https://", "https:///x", "https://a@b", "https://a:b@c/",
            "https://a#b", "https://a/#b", "https://a:", "https://a:0", "https://a:65536", "https://a:1x",
            "https://a:80:80", "https://[::1", "https://[a]", "https://[127.0.0.1]", "https://[::1]x", "https://::1",
            "https://a b", "https://a\r\nb", "https://a/\u{0}", "https://a%2eb", "https://é", "https://a\\b",
            "https://.a", "file:///etc/passwd", "https://" + String(repeating: "a", count: 254),
            "https://a/" + String(repeating: "a", count: 2_048),
        ])
    func refused(text: String) { #expect(throws: FetchError.self) { try HTTPSAddress(text) } }

    @Test(
        "what is anybody's on the internet, and what is not",
        arguments: [
            ("8.8.8.8", true), ("1.1.1.1", true), ("223.255.255.254", true), ("100.63.255.255", true),
            ("100.128.0.0", true), ("172.15.0.1", true), ("172.32.0.1", true), ("192.0.1.1", true),
            ("2606:4700::1111", true), ("2a00::1", true), ("::ffff:8.8.8.8", true), ("64:ff9b::8.8.8.8", true),
            ("0.0.0.0", false), ("0.1.2.3", false), ("10.1.2.3", false), ("100.64.0.1", false), ("127.0.0.1", false),
            ("127.255.0.1", false), ("169.254.169.254", false), ("172.16.0.1", false), ("172.31.255.255", false),
            ("192.0.0.1", false), ("192.0.2.1", false), ("192.168.0.1", false), ("198.18.0.1", false),
            ("198.51.100.1", false), ("203.0.113.1", false), ("224.0.0.1", false), ("240.0.0.1", false),
            ("255.255.255.255", false), ("::", false), ("::1", false), ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", false), ("::127.0.0.1", false), ("64:ff9b::169.254.169.254", false),
            ("64:ff9b:1::1", false), ("fe80::1", false), ("fc00::1", false), ("fd12::1", false), ("ff02::1", false),
            ("2001:db8::1", false), ("2001::1", false), ("2002:7f00:1::", false), ("3fff::1", false), ("100::1", false),
        ])
    func publicness(text: String, isPublic: Bool) throws {
        #expect(try #require(NetworkAddress(text)).isPublic == isPublic)
    }

    @Test(
        "a certificate's names",
        arguments: [
            ("a.test", "a.test", true), ("A.Test", "a.test", true), ("a.test", "a.test.", true),
            ("*.a.test", "b.a.test", true), ("*.a.test", "a.test", false), ("*.a.test", "c.b.a.test", false),
            ("*.a.test", ".a.test", false), ("*.test", "a.test", false), ("*", "a", false),
            ("b*.a.test", "bc.a.test", false),
            ("a.test", "b.a.test", false), ("b.a.test", "a.test", false), ("", "a.test", false),
            ("a.test\0", "a.test", false),
        ])
    func names(name: String, host: String, isMatch: Bool) { #expect(HostNames.matches(name, host) == isMatch) }

    @Test("the machine's own names lead to private addresses")
    func local() async throws {
        let found = try await Lookup().addresses(of: "localhost", within: .seconds(30))
        #expect(!found.isEmpty && found.allSatisfy { !$0.isPublic })
    }
}

extension TestIssuer {
    fileprivate func fetch(_ target: String) async throws -> [UInt8] {
        let order = FetchOrder(try HTTPSAddress(url + target), authority: authority, allowsPrivate: true)
        return try await Fetcher(limit: .seconds(60)).fetch(order)
    }
}
