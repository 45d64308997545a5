import Testing

@testable import BerthConfig

@Suite("What must hold between keys")
struct RuleTests {
    private static let advice =
        "make an account (berth user add), set access.anonymous to pull or push to open the registry, or"

    @Test(
        "the registry opens to others only where somebody said so",
        arguments: [
            (["127.0.0.1:5000", "[::1]:5000", "unix:/run/b.sock"], nil, []),
            (["0.0.0.0:5000"], "pull", []), (["0.0.0.0:5000"], "push", []), (["unix:/b?mode=0666"], "push", []),
            (["127.0.0.1:5000"], "none", []),
            (
                ["0.0.0.0:5000"], nil,
                [
                    "BERTH_HTTP_LISTEN: http.listen has 0.0.0.0:5000: the network reaches it, and access.anonymous is not set; \(advice) listen on 127.0.0.1 or [::1]"
                ]
            ),
            (
                ["127.0.0.1:1", "registry.example.org:5000"], nil,
                [
                    "BERTH_HTTP_LISTEN: http.listen has registry.example.org:5000: the network reaches it, and access.anonymous is not set; \(advice) listen on 127.0.0.1 or [::1]"
                ]
            ),
            (
                ["[::]:5000"], "none",
                [
                    "BERTH_HTTP_LISTEN: http.listen has [::]:5000: the network reaches it, and access.anonymous is none, and there are no accounts; \(advice) listen on 127.0.0.1 or [::1]"
                ]
            ),
            (
                ["unix:/b?mode=0666"], nil,
                [
                    "BERTH_HTTP_LISTEN: http.listen has unix:/b?mode=0666: every user of this machine reaches it, and access.anonymous is not set; \(advice) give the socket mode=0660 or narrower"
                ]
            ),
        ] as [([String], String?, [String])])
    func safeStart(addresses: [String], anonymous: String?, expected: [String]) throws {
        var environment = ["BERTH_HTTP_LISTEN": addresses.joined(separator: ",")]
        environment["BERTH_ACCESS_ANONYMOUS"] = anonymous
        let said = try load(environment: environment).withoutAccounts?.problems.map { "\($0)" } ?? []
        #expect(said == expected)
    }

    @Test("a wrong value is told once, and no rule adds to it")
    func once() throws {
        let said = try complaints(file: "http: {listen: ['0.0.0.0:1']}\naccess: {anonymous: pulll}")
        #expect(said == ["berth.yaml:2: access.anonymous is \"pulll\"; expected none, pull or push"])
    }

    @Test(
        "other conflicts name the key that was set",
        arguments: [
            (
                "http: {tls: {certificate: /c}}",
                "berth.yaml:1: http.tls.certificate is set and http.tls.key is not; TLS takes both"
            ),
            (
                "http: {tls: {key: /k}}",
                "berth.yaml:1: http.tls.key is set and http.tls.certificate is not; TLS takes both"
            ),
            (
                "http: {tls: {certificate: /c, key: /k, self_signed: true}}",
                "berth.yaml:1: http.tls.self_signed is true, and there is http.tls.certificate; TLS takes one of them"
            ),
            (
                "http: {tls: {additional: ['/c:/k']}}",
                "berth.yaml:1: http.tls.additional is set and http.tls.certificate is not; that is for all names that none is for"
            ),
            (
                "http: {tls: {self_signed: true, client_auth: required}}",
                "berth.yaml:1: http.tls.client_auth is required and http.tls.client_ca is not set; nobody's certificate is good"
            ),
            (
                "http: {tls: {client_ca: /c, client_auth: optional}}",
                "berth.yaml:1: http.tls.client_auth is optional, and without http.tls.certificate there is no TLS"
            ),
            (
                "http: {tls: {certificate: /c, key: /k, additional: ['/c']}}",
                "berth.yaml:1: http.tls.additional has \"/c\"; expected two paths, CERTIFICATE:KEY"
            ),
            (
                "admin: {listen: '0.0.0.0:5002'}",
                "berth.yaml:1: admin.listen is 0.0.0.0:5002, and there is no TLS (http.tls): passwords could be read on the way; or listen on 127.0.0.1"
            ),
            (
                "admin: {listen: '127.0.0.1:5001'}",
                "berth.yaml:1: admin.listen is 127.0.0.1:5001, which another listener has; it takes one of its own"
            ),
            ("http: {listen: []}", "berth.yaml:1: http.listen is empty; the registry would serve nobody"),
            ("http: {listen: ['[::1]:1', '[0::1]:1']}", "berth.yaml:1: http.listen has [::1]:1 twice"),
            (
                "metrics: {listen: '127.0.0.1:5000'}",
                "berth.yaml:1: metrics.listen is 127.0.0.1:5000, which http.listen has too; metrics take a listener of their own"
            ),
            (
                "manifests: {max_size: 64MiB}\nhttp: {limits: {body_memory: 32MiB}}",
                "berth.yaml:1: manifests.max_size is 64MiB, more than http.limits.body_memory (32MiB)"
            ),
        ])
    func conflicts(text: String, complaint: String) throws { #expect(try complaints(file: text) == [complaint]) }

    @Test("a default in the way is told where the other value was set")
    func defaultInTheWay() throws {
        let said = try complaints(environment: ["BERTH_HTTP_LISTEN": "127.0.0.1:5001"])
        #expect(
            said == [
                "BERTH_HTTP_LISTEN: metrics.listen is 127.0.0.1:5001, which http.listen has too; metrics take a listener of their own"
            ])
    }

    @Test("port 0 may be asked for often")
    func anyPort() throws {
        #expect(
            try complaints(environment: [
                "BERTH_HTTP_LISTEN": "127.0.0.1:0,127.0.0.1:0", "BERTH_METRICS_LISTEN": "127.0.0.1:0",
            ]).isEmpty)
    }

    @Test("what is allowed and bold is a warning")
    func warnings() throws {
        #expect(Configuration().warnings.isEmpty)
        var bold = Configuration()
        bold.http.listen = [try ListenAddress("0.0.0.0:80")]
        bold.storage.sync = .never
        bold.access.anonymous = .push
        #expect(
            bold.warnings == [
                "storage.sync is never: what clients push can be lost with the power",
                "http.listen has 0.0.0.0:80 without TLS: everybody on the way reads along",
                "access.anonymous is push: everybody who reaches 0.0.0.0:80 may push and delete",
            ])
        var idle = Configuration()
        idle.http.tls.clientCA = "/c"
        #expect(
            idle.warnings == [
                "http.tls.client_ca is set, and http.tls.client_auth is off: no client is asked for a certificate"
            ])
        var secured = Configuration()
        secured.http.listen = [try ListenAddress("0.0.0.0:443")]
        secured.http.tls.isSelfSigned = true
        #expect(secured.warnings.isEmpty)
        var proxied = Configuration()
        proxied.http.trustedProxies = [.unix, try TrustedProxy("0.0.0.0/0")]
        #expect(proxied.warnings == ["http.trusted_proxies has 0.0.0.0/0: every client can claim any address"])
    }
}
