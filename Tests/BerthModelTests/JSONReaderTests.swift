import BerthModel
import BerthTestSupport
import Testing

@Suite("Reading JSON")
struct JSONReaderTests {
    @Test(
        "correct documents are read",
        arguments: [
            ("null", JSONValue.null), ("true", .bool(true)), ("false", .bool(false)), (" \t\r\n1 \t\r\n", .integer(1)),
            ("0", .integer(0)), ("-0", .integer(0)), ("-1", .integer(-1)), ("123", .integer(123)),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .otherNumber), ("-9223372036854775809", .otherNumber),
            ("99999999999999999999999999999999999999", .otherNumber), ("1.0", .otherNumber), ("0.5", .otherNumber),
            ("-0.0", .otherNumber), ("1e2", .otherNumber), ("1E+2", .otherNumber), ("1e-2", .otherNumber),
            ("1e400", .otherNumber), ("-1e400", .otherNumber), ("0e0", .otherNumber), ("1.5e300", .otherNumber),
            ("\"\"", .string("")), ("\"a\"", .string("a")), ("\"/\"", .string("/")),
            (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")), (#""\u0041""#, .string("A")),
            (#""x\u00e9y""#, .string("xéy")), (#""\u00E9""#, .string("é")), (#""\ud83d\ude00""#, .string("😀")),
            (#""\uD800\uDC00""#, .string("\u{10000}")), (#""\uDBFF\uDFFF""#, .string("\u{10FFFF}")),
            (#""\uFFFF""#, .string("\u{FFFF}")), (#""\uFEFF""#, .string("\u{FEFF}")),
            ("\"é😀\u{7F}\"", .string("é😀\u{7F}")),
            (#""\u2028\u0001""#, .string("\u{2028}\u{1}")), ("\"\u{2028}\"", .string("\u{2028}")),
            (#""\\u0000""#, .string("\\u0000")), ("[]", .array([])), ("[ ]", .array([])),
            ("[1]", .array([.integer(1)])),
            ("[[],[[]]]", .array([.array([]), .array([.array([])])])), ("[null , 1]", .array([.null, .integer(1)])),
            ("{}", .object(JSONObject(members: []))), ("{ }", .object(JSONObject(members: []))),
            ("{\"a\" : {\"a\":1}}", object([("a", object([("a", .integer(1))]))])),
            ("{\"b\":1,\"a\":[]}", object([("b", .integer(1)), ("a", .array([]))])),
            ("{\"\":0}", object([("", .integer(0))])),
            // Different bytes are different keys, whatever Unicode says.
            ("{\"\u{E9}\":1,\"e\u{301}\":2}", object([("\u{E9}", .integer(1)), ("e\u{301}", .integer(2))])),
            ("{\"K\":1,\"\u{212A}\":2}", object([("K", .integer(1)), ("\u{212A}", .integer(2))])),
        ] as [(String, JSONValue)])
    func accepted(text: String, expected: JSONValue) throws {
        #expect(try JSONValue(parsing: Array(text.utf8)) == expected)
    }

    @Test(
        "wrong ones are refused, for the right reason",
        arguments: [
            ("", JSONError.Problem.unexpectedEnd), (" ", .unexpectedEnd), ("[", .unexpectedEnd), ("[1", .unexpectedEnd),
            ("[1,", .unexpectedEnd), ("{", .unexpectedEnd), ("{\"a\"", .unexpectedEnd), ("{\"a\":", .unexpectedEnd),
            ("{\"a\":1", .unexpectedEnd), ("{\"a\":1,", .unexpectedEnd), ("\"a", .unexpectedEnd),
            ("\"\\", .unexpectedEnd),
            ("\"\\u00", .unexpectedEnd), ("tru", .unexpectedEnd), ("-", .badNumber), ("+1", .unexpectedByte(0x2B)),
            ("01", .leadingZero), ("-01", .leadingZero), ("00", .leadingZero), ("1.", .badNumber),
            (".5", .unexpectedByte(0x2E)),
            ("1e", .badNumber), ("1e+", .badNumber), ("1.e1", .badNumber), ("--1", .badNumber), ("-a", .badNumber),
            ("0x10", .trailingBytes), ("1_000", .trailingBytes), ("1 2", .trailingBytes), ("[]]", .trailingBytes),
            ("{}{}", .trailingBytes), ("null\u{0}", .trailingBytes), ("{} //", .trailingBytes),
            ("nullx", .trailingBytes),
            ("True", .unexpectedByte(0x54)), ("nul1", .unexpectedByte(0x31)), ("NaN", .unexpectedByte(0x4E)),
            ("Infinity", .unexpectedByte(0x49)), ("-Infinity", .badNumber), ("undefined", .unexpectedByte(0x75)),
            ("[1,]", .unexpectedByte(0x5D)), ("[,1]", .unexpectedByte(0x2C)), ("[1 2]", .unexpectedByte(0x32)),
            ("[1,,2]", .unexpectedByte(0x2C)), ("[1}", .unexpectedByte(0x7D)), ("{\"a\":1]", .unexpectedByte(0x5D)),
            ("[\"a\":1]", .unexpectedByte(0x3A)), ("{\"a\":1,}", .unexpectedByte(0x7D)), ("{,}", .unexpectedByte(0x2C)),
            ("{a:1}", .unexpectedByte(0x61)), ("{'a':1}", .unexpectedByte(0x27)), ("{1:1}", .unexpectedByte(0x31)),
            ("{\"a\" 1}", .unexpectedByte(0x31)), ("{\"a\"}", .unexpectedByte(0x7D)),
            ("{\"a\":}", .unexpectedByte(0x7D)),
            ("{\"a\":1 \"b\":2}", .unexpectedByte(0x22)), ("{\"a\",1}", .unexpectedByte(0x2C)),
            ("]", .unexpectedByte(0x5D)),
            ("'a'", .unexpectedByte(0x27)), ("/* */1", .unexpectedByte(0x2F)), ("\u{C}1", .unexpectedByte(0x0C)),
            ("\u{A0}1", .unexpectedByte(0xC2)), ("\u{FEFF}{}", .byteOrderMark), ("[\u{FEFF}]", .unexpectedByte(0xEF)),
            ("\"\n\"", .controlCharacter(0x0A)), ("\"\t\"", .controlCharacter(0x09)),
            ("\"\u{0}\"", .controlCharacter(0)),
            ("\"\\n\u{1F}\"", .controlCharacter(0x1F)), (#""\a""#, .badEscape), (#""\'""#, .badEscape),
            (#""\x41""#, .badEscape),
            (#""\U0041""#, .badEscape), (#""\u00g0""#, .badEscape), (#""\u 041""#, .badEscape),
            (#""\u+041""#, .badEscape),
            (#""\u0000""#, .nul), (#"{"a\u0000":1}"#, .nul), (#""\ud800""#, .loneSurrogate),
            (#""\udc00""#, .loneSurrogate),
            (#""\ud800x""#, .loneSurrogate), (#""\ud800\n""#, .loneSurrogate), (#""\ud800\u0041""#, .loneSurrogate),
            (#""\ud800\ud800\udc00""#, .loneSurrogate), (#""\udc00\ud800""#, .loneSurrogate),
            ("{\"a\":1,\"a\":1}", .duplicateKey("a")), (#"{"a":1,"\u0061":2}"#, .duplicateKey("a")),
            ("{\"\":1,\"\":2}", .duplicateKey("")), ("[{\"x\":{\"b\":1,\"c\":2,\"b\":3}}]", .duplicateKey("b")),
            (
                "{\"0\":0,\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"9\":0,\"3\":1}",
                .duplicateKey("3")
            ),
            (#"{"é":1,"\u00e9":2}"#, .duplicateKey("é")),
        ] as [(String, JSONError.Problem)])
    func refused(text: String, expected: JSONError.Problem) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text.utf8)) }
        #expect(error?.problem == expected)
        #expect((0...text.utf8.count).contains(error?.offset ?? -1))
        #expect(error?.message.isEmpty == false)
    }

    @Test(
        "bytes that are not UTF-8 are refused",
        arguments: [
            [0xFF], [0x80], [0xC3], [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
            [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x80, 0x80, 0xAF], [0xC3, 0x28], [0xE2, 0x82], [0xC0, 0x80],
            [0xF8, 0x88, 0x80, 0x80, 0x80],
        ] as [[UInt8]])
    func badUTF8(bytes: [UInt8]) {
        for prefix in ["", "\\n"] {  // with and without an escape before: two ways through the reader
            let text: [UInt8] = Array("\"\(prefix)".utf8) + bytes + [0x22]
            let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
            #expect(error?.problem == .notUTF8)
        }
        #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x7B, 0x22] + bytes + [0x22, 0x3A, 0x31, 0x7D]) }
    }

    @Test("UTF-16 is not read")
    func utf16() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0xFF, 0xFE, 0x7B, 0, 0x7D, 0]) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0, 0x7B, 0, 0x7D]) }
    }

    @Test("limits are met exactly, for arrays and objects alike")
    func limits() throws {
        func problem(_ text: String, _ limits: JSONLimits = JSONLimits()) -> JSONError.Problem? {
            do { _ = try JSONValue(parsing: Array(text.utf8), limits: limits) } catch { return error.problem }
            return nil
        }
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(problem(nested(64)) == nil)
        #expect(problem(nested(65)) == .tooDeep(limit: 64))
        #expect(problem(nested(100_000)) == .tooDeep(limit: 64))
        #expect(problem(String(repeating: "[", count: 100_000)) == .tooDeep(limit: 64))
        #expect(problem(String(repeating: "{\"a\":", count: 100_000)) == .tooDeep(limit: 64))

        var few = JSONLimits()
        few.children = 3
        #expect(problem("[1,2,3]", few) == nil)
        #expect(problem("[1,2,3,4]", few) == .tooManyChildren(limit: 3))
        #expect(problem("{\"a\":1,\"b\":2,\"c\":3}", few) == nil)
        #expect(problem("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}", few) == .tooManyChildren(limit: 3))

        few = JSONLimits()
        few.values = 4
        #expect(problem("[1,[2],3]", few) == .tooManyValues(limit: 4))
        #expect(problem("[1,[2]]", few) == nil)
        #expect(problem("[[],{},[],{}]", few) == .tooManyValues(limit: 4))
    }

    @Test("members are found by bytes alone")
    func lookup() throws {
        guard case .object(let object) = try JSONValue(parsing: Array("{\"\u{212A}\":1,\"e\u{301}\":2}".utf8)) else {
            Issue.record("no object")
            return
        }
        #expect(object["K"] == nil)
        #expect(object["\u{E9}"] == nil)
        #expect(object["e\u{301}"] == .integer(2))
    }

    @Test("random bytes never trap", arguments: 1...8 as ClosedRange<UInt64>)
    func random(seed: UInt64) {
        var random = SeededNumbers(seed: seed)
        let alphabet = Array("{}[]\",:\\u0019aef-+.E tnl\n\u{0}é😀".utf8) + [0xFF, 0x80, 0xED]
        for _ in 0..<400 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            _ = try? JSONValue(parsing: bytes)
        }
    }
}

private func object(_ members: [(String, JSONValue)]) -> JSONValue {
    .object(JSONObject(members: members.map { JSONObject.Member(key: $0.0, value: $0.1) }))
}
