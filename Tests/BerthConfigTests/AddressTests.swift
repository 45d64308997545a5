import Testing

@testable import BerthConfig

@Suite("Addresses")
struct AddressTests {
    @Test(
        "a listen address is read, and written in one form",
        arguments: [
            ("127.0.0.1:5000", "127.0.0.1:5000", true), ("[::1]:5000", "[::1]:5000", true),
            ("localhost:0", "localhost:0", true),
            ("LocalHost:1", "localhost:1", true), ("127.9.9.9:80", "127.9.9.9:80", true),
            ("0.0.0.0:5000", "0.0.0.0:5000", false),
            ("[::]:443", "[::]:443", false), ("[2001:DB8:0::1]:443", "[2001:db8::1]:443", false),
            ("[::ffff:127.0.0.1]:5000", "", true), ("registry.example.org:5000", "registry.example.org:5000", false),
            ("unix:/run/berth.sock", "unix:/run/berth.sock", true),
            ("unix:/run/berth.sock?mode=0660", "unix:/run/berth.sock", true),
            ("unix:/run/berth.sock?mode=600", "unix:/run/berth.sock?mode=0600", true),
            ("unix:/run/berth.sock?mode=0666", "unix:/run/berth.sock?mode=0666", false),
            ("unix:run/berth.sock?mode=0770", "unix:run/berth.sock?mode=0770", false),
        ])
    func listenAddresses(text: String, written: String, isLocal: Bool) throws {
        guard !written.isEmpty else {
            // Mapped addresses are IPv4, and IPv4 takes no brackets.
            #expect(hint { () throws(WrongValue) in try ListenAddress(text) } == "no IPv6 address between the brackets")
            return
        }
        let address = try ListenAddress(text)
        #expect("\(address)" == written)
        #expect(address.isLocal == isLocal)
        #expect(try ListenAddress(written) == address)
    }

    @Test(
        "what is no listen address says why",
        arguments: [
            ("", "the port is missing"), ("127.0.0.1", "the port is missing"), ("localhost", "the port is missing"),
            (":5000", "for every address write 0.0.0.0:5000 or [::]:5000"),
            ("127.0.0.1:", "a port is a number up to 65535"),
            ("127.0.0.1:65536", "a port is a number up to 65535"), ("127.0.0.1:http", "a port is a number up to 65535"),
            ("127.0.0.1:+1", "a port is a number up to 65535"),
            ("::1:5000", "an IPv6 address stands in brackets, as in [::1]:5000"),
            ("[::1:5000", "an IPv6 address stands in brackets, as in [::1]:5000"),
            ("[::g]:1", "no IPv6 address between the brackets"),
            ("[127.0.0.1]:1", "no IPv6 address between the brackets"),
            ("[fe80::1%eth0]:1", "no IPv6 address between the brackets"),
            ("127.0.0.300:1", "no"), ("1.2.3:1", "no"), ("a b:1", "no"), ("*:5000", "patterns are not known here"),
            ("http://127.0.0.1:5000", "no scheme or path here; a Unix socket starts with unix:"),
            ("/run/berth.sock", "no scheme or path here; a Unix socket starts with unix:"),
            ("unix:", "the path is missing"), ("unix:?mode=0660", "the path is missing"),
            ("unix:/a\u{0}b", "the path is missing"),
            ("unix:/a?mode=", "a mode is three octal digits, as in mode=0660"),
            ("unix:/a?mode=0888", "a mode is three octal digits, as in mode=0660"),
            ("unix:/a?mode=1777", "a mode is three octal digits, as in mode=0660"),
            ("unix:/a?owner=me", "after ? only mode= is known"),
            ("unix:/" + String(repeating: "a", count: 107), "a socket's path takes at most 107 bytes, this has 108"),
        ])
    func badListenAddresses(text: String, reason: String) {
        #expect(hint { () throws(WrongValue) in try ListenAddress(text) } == reason)
    }

    @Test(
        "a network contains what it should",
        arguments: [
            ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false), ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false), ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "::1", false),
            ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe00::1", false), ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("192.168.4.0/22", "192.168.7.255", true), ("192.168.4.0/22", "192.168.8.0", false),
            ("::/0", "10.0.0.1", false),
        ])
    func networks(network: String, address: String, isInside: Bool) throws {
        let address = try #require(IPAddress(address))
        #expect(try CIDR(network).contains(address) == isInside)
        #expect(try CIDR(network).description == network)
    }

    @Test(
        "what is no network says why",
        arguments: [
            ("", "no"), ("10.0.0.0/", "no"), ("10.0.0.0/33", "no"), ("10.0.0.0/-1", "no"), ("10.0.0.0/8/8", "no"),
            ("10.0.0/8", "no"),
            ("example.org", "no"), ("::/129", "no"), ("010.0.0.0/8", "no"), ("10.0.0.0\u{0}", "no"),
            ("10.0.0.1/8", "bits beyond the prefix are set; the network is 10.0.0.0/8"),
        ])
    func badNetworks(text: String, reason: String) {
        #expect(hint { () throws(WrongValue) in try CIDR(text) } == reason)
    }

    @Test(
        "an address is written in its shortest form",
        arguments: [
            ("::1", "::1"), ("0:0:0:0:0:0:0:1", "::1"), ("2001:DB8::", "2001:db8::"), ("::ffff:192.0.2.7", "192.0.2.7"),
            ("127.0.0.1", "127.0.0.1"),
        ])
    func addresses(text: String, written: String) { #expect(IPAddress(text)?.description == written) }
}

@Suite("Hosts and URLs")
struct HostTests {
    @Test(
        "a host is read in lower case",
        arguments: [
            ("registry.example.org", "registry.example.org"), ("Registry", "registry"), ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "::1"),
            ("::1", "::1"), ("my_service", "my_service"), ("a-1.b", "a-1.b"),
        ])
    func hosts(text: String, written: String) throws { #expect(try HostName(text).text == written) }

    @Test(
        "what is no host says why",
        arguments: [
            ("", "no"), ("a..b", "no"), (".a", "no"), ("a.", "no"), ("-a", "no"), ("a-", "no"), ("a b", "no"),
            ("ä.org", "no"),
            ("[a]", "no"), ("127.0.0.300", "no"), ("example.org:5000", "without a scheme or port"),
            ("https://example.org", "without a scheme or port"), ("*.example.org", "patterns are not known here"),
            (String(repeating: "a", count: 64), "no"), (String(repeating: "a.", count: 127) + "a", "no"),
        ])
    func badHosts(text: String, reason: String) {
        #expect(hint { () throws(WrongValue) in try HostName(text) } == reason)
    }

    @Test(
        "a URL is read, and written in one form",
        arguments: [
            ("https://registry.example.org", "https://registry.example.org"),
            ("https://Registry.example.org/", "https://registry.example.org"),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000"), ("https://[::1]:5000/a/b/", "https://[::1]:5000/a/b"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ])
    func urls(text: String, written: String) throws { #expect(try ExternalURL(text).description == written) }

    @Test(
        "what is no URL says why",
        arguments: [
            ("", "the scheme is missing"), ("registry.example.org", "the scheme is missing"),
            ("ftp://a", "the scheme is missing"),
            ("HTTPS://a", "the scheme is missing"), ("https://", "the host is missing"),
            ("https:///a", "the host is missing"),
            ("https://a:b@c", "a URL that everybody sees holds no credentials"),
            ("https://a:0", "a port is a number from 1 to 65535"),
            ("https://a:99999", "a port is a number from 1 to 65535"), ("https://a/?b", "no query and no fragment"),
            ("https://a/#b", "no query and no fragment"),
            ("https://a/../b", "the path has an empty, a dot or an encoded segment"),
            ("https://a//b", "the path has an empty, a dot or an encoded segment"),
            ("https://a/%2e", "the path has an empty, a dot or an encoded segment"), ("https://a b", "no"),
            ("https://a?b", "no"),
        ])
    func badURLs(text: String, reason: String) {
        #expect(hint { () throws(WrongValue) in try ExternalURL(text) } == reason)
    }
}
