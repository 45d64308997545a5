import BerthModel
import Testing

@Suite("Names in certificates")
struct CertificateNameTests {
    @Test(
        "what a rule may name is read, and written the same",
        arguments: [
            ("dns:ci.example.org", "dns:ci.example.org"), ("dns:CI.Example.ORG", "dns:ci.example.org"),
            ("dns:runner_1", "dns:runner_1"), ("uri:spiffe://example.org/ns/ci", "uri:spiffe://example.org/ns/ci"),
            ("uri:https://Example.org/A?b#c", "uri:https://Example.org/A?b#c"), ("uri:urn:x", "uri:urn:x"),
        ])
    func good(text: String, written: String) throws {
        let name = try #require(CertificateName(text))
        #expect("\(name)" == written)
        #expect(CertificateName(written) == name)
    }

    @Test(
        "wildcards, other kinds, and what is no name are none",
        arguments: [
            "", "dns:", "uri:", "dns:*.example.org", "dns:a..b", "dns:a.", "dns:-a", "dns:a b", "dns:a\0b", "dns:ä.org",
            "ci.example.org", "DNS:a", "email:ann@example.org", "ip:127.0.0.1", "uri:x", "uri::x", "uri:1x:y", "uri:a:",
            "uri:a: b", "uri:a:\u{212A}", "dns:\u{212A}", "uri:a:" + String(repeating: "x", count: 2_100),
            "dns:" + String(repeating: "a.", count: 130) + "b", "dns:" + String(repeating: "a", count: 64),
        ])
    func bad(text: String) { #expect(CertificateName(text) == nil) }

    @Test("a URI is compared byte for byte, a DNS name whatever its case")
    func comparison() {
        #expect(CertificateName("uri:spiffe://a/B") != CertificateName("uri:spiffe://a/b"))
        #expect(CertificateName("dns:A.b") == CertificateName("dns:a.B"))
        #expect(CertificateName("dns:a") != CertificateName("uri:dns:a"))
    }
}
