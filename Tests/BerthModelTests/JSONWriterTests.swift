import BerthModel
import Testing

@Suite("Writing JSON")
struct JSONWriterTests {
    @Test("commas come where they belong")
    func structure() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("errors")
        writer.beginArray()
        writer.beginObject()
        writer.key("code")
        writer.string("DENIED")
        writer.key("detail")
        writer.beginObject()
        writer.endObject()
        writer.key("n")
        writer.int(-12)
        writer.endObject()
        writer.raw("{\"x\":1}".utf8)
        writer.bool(true)
        writer.null()
        writer.beginArray()
        writer.endArray()
        writer.endArray()
        writer.key("big")
        writer.int(Int64.max)
        writer.key("no")
        writer.bool(false)
        writer.endObject()
        let expected =
            #"{"errors":[{"code":"DENIED","detail":{},"n":-12},{"x":1},true,null,[]],"big":9223372036854775807,"no":false}"#
        #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
    }

    @Test(
        "strings are escaped where they must be and read back the same",
        arguments: [
            ("", #""""#), ("plain", #""plain""#), ("a\"b\\c", #""a\"b\\c""#), ("\n\r\t", #""\n\r\t""#),
            ("\u{0}", #""\u0000""#), ("\u{1F}\u{8}", #""\u001f\u0008""#),
            ("</é😀\u{2028}", "\"</é😀\u{2028}\""),
            ("\u{7F}\u{80}a\u{9B}\u{9F}\u{A0}\u{C2}", "\"\\u007f\\u0080a\\u009b\\u009f\u{A0}\u{C2}\""),
        ] as [(String, String)])
    func escaping(text: String, expected: String) throws {
        var writer = JSONWriter()
        writer.string(text)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
        if !text.contains("\u{0}") { #expect(try JSONValue(parsing: writer.bytes) == .string(text)) }
    }

    @Test("every scalar up to U+0800 comes back through the reader")
    func roundTrip() throws {
        let text = String(String.UnicodeScalarView((1...0x800).compactMap(Unicode.Scalar.init)))
        var writer = JSONWriter()
        writer.beginArray()
        writer.string(text)
        writer.endArray()
        guard case .array(let values) = try JSONValue(parsing: writer.bytes), case .string(let back) = values.first
        else {
            Issue.record("no string")
            return
        }
        #expect(hasSameBytes(back, text))
    }
}

@Suite("Characters that steer a terminal")
struct SteeringTests {
    @Test(
        "are shown instead, and all others stay",
        arguments: [
            ("plain é😀\\", "plain é😀\\"), ("\u{1B}[2J\u{7}", "\\u001b[2J\\u0007"), ("a\u{9B}8m", "a\\u009b8m"),
            ("a\nb\tc", "a\nb\\u0009c"), ("a\r\nb", "a\\u000d\nb"), ("\u{202E}x\u{2066}", "\\u202ex\\u2066"),
            ("\u{7F}", "\\u007f"),
        ])
    func shown(text: String, expected: String) { #expect(text.showingSteering(except: "\n") == expected) }
}

@Suite("Base64")
struct Base64Tests {
    @Test(
        "the vectors of RFC 4648 and the empty JSON object",
        arguments: [
            ("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"), ("e30=", "{}"),
        ])
    func accepted(text: String, expected: String) {
        #expect(decodeBase64(text) == Array(expected.utf8))
    }

    @Test("all bytes come back")
    func allBytes() {
        #expect(decodeBase64("AAECAwT+/f/7") == [0, 1, 2, 3, 4, 0xFE, 0xFD, 0xFF, 0xFB])
    }

    @Test(
        "everything but the one spelling is refused",
        arguments: [
            "Z", "Zg", "Zg=", "Zg===", "=", "==", "===", "====", "Zh==", "Zm9=", "Zm9v\n", "Zm 9v", "Zm-_", "Zg==Zg==",
            "Z===", "Zm=v", "é===", "Zm9vYg", "\u{0}\u{0}\u{0}\u{0}",
        ])
    func refused(text: String) {
        #expect(decodeBase64(text) == nil)
    }
}
