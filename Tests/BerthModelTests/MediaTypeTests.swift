import BerthModel
import Testing

private let longest = String(repeating: "a", count: 127)

@Suite("Media types")
struct MediaTypeTests {
    @Test(
        "type and subtype are kept, parameters are left out",
        arguments: [
            ("text/plain", "text/plain"), ("Text/PLAIN", "Text/PLAIN"), ("text/plain;charset=utf-8", "text/plain"),
            ("text/plain; charset=utf-8", "text/plain"), ("text/plain ; charset=\"utf-8\"", "text/plain"),
            ("text/plain;a=b;c=d", "text/plain"), ("text/plain;", "text/plain"), ("text/plain;;a=b;", "text/plain"),
            ("text/plain;a=\"x;y\\\"z\"", "text/plain"), ("text/plain;a=\"\"", "text/plain"),
            (" \ttext/plain \t", "text/plain"), ("a/b", "a/b"), ("0/1", "0/1"),
            ("a!#$&-^_.+/b!#$&-^_.+", "a!#$&-^_.+/b!#$&-^_.+"),
            ("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.manifest.v1+json"),
            ("\(longest)/\(longest)", "\(longest)/\(longest)"), ("text/plain;a=\"é\"", "text/plain"),
        ] as [(String, String)])
    func accepted(text: String, essence: String) throws {
        #expect(try MediaType(text).text == essence)
    }

    @Test(
        "what does not parse is refused",
        arguments: [
            ("", MediaTypeError.noName), (" ", .noName), ("text", .noSlash), ("/", .noName), ("text/", .noName),
            ("/plain", .noName), ("text /plain", .noSlash), ("text/ plain", .noName), ("text//plain", .noName),
            ("text/plain/x", .badParameter(offset: 10)), ("text/plain x", .badParameter(offset: 11)),
            ("text/plain,text/html", .badParameter(offset: 10)), ("text/plain;a", .badParameter(offset: 12)),
            ("text/plain;a=", .badParameter(offset: 13)), ("text/plain;=b", .badParameter(offset: 11)),
            ("text/plain;a = b", .badParameter(offset: 12)), ("text/plain;a=\"b", .badParameter(offset: 15)),
            ("text/plain;a=\"b\\", .badParameter(offset: 16)), ("text/plain;a=b c", .badParameter(offset: 15)),
            ("text/plain;a=\"\u{0}\"", .badParameter(offset: 14)), ("+a/b", .noName), (".a/b", .noName),
            ("*/*", .noName),
            ("text/*", .noName), ("é/a", .noName), ("a/é", .noName), ("a/b\u{0}", .badParameter(offset: 3)),
            ("a\u{0}/b", .noSlash), ("a/b\n", .badParameter(offset: 3)), ("a%/b", .noSlash), ("ſ/b", .noName),
            ("\(longest)a/b", .nameTooLong), ("a/b\(longest)", .nameTooLong),
        ] as [(String, MediaTypeError)])
    func refused(text: String, expected: MediaTypeError) {
        #expect(throws: expected) { try MediaType(text) }
        #expect(!expected.message.isEmpty)
    }

    @Test("letter case does not matter, parameters are noticed")
    func matching() throws {
        #expect(try MediaType("Text/Plain; a=b").matches("text/plain"))
        #expect(try MediaType("text/plain; a=b").hadParameters)
        #expect(try !MediaType("text/plain;").hadParameters)
        #expect(try !MediaType("text/plainer").matches("text/plain"))
    }
}
