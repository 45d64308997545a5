import BerthModel
import Logging
import Testing

@testable import BerthServer

@Suite("Lines of the log")
struct LineTests {
    private let fields: [LogRecord.Field] = [
        .init("plain", .text("abc-1/2:3")), .init("spaced", .text("a b")), .init("empty", .text("")),
        .init("count", .integer(-5)), .init("took", .duration(.microseconds(12_345))),
        .init("done", .flag(true)),
    ]

    @Test("text is readable, and quotes what could be misread")
    func text() {
        #expect(
            TextLines(isColored: false).text(.sample(.warning, fields))
                == "2026-02-28T23:59:58.007Z WARNING  something happened plain=abc-1/2:3 spaced=\"a b\" empty=\"\" "
                + "count=-5 took=12.345 done=true\n")
    }

    @Test("colours are there when asked for")
    func colors() {
        #expect(
            TextLines(isColored: true).text(.sample(.error, [.init("a", .integer(1))]))
                == "\u{1b}[2m2026-02-28T23:59:58.007Z\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m    something happened "
                + "\u{1b}[2ma=\u{1b}[0m1\n")
    }

    @Test("JSON is one object a line")
    func json() {
        #expect(
            JSONLines().text(.sample(.info, fields))
                == #"{"time":"2026-02-28T23:59:58.007Z","level":"info","label":"berth","message":"something happened","#
                + #""metadata":{"plain":"abc-1/2:3","spaced":"a b","empty":"","count":-5,"took":12.345,"done":true}}"#
                + "\n")
        #expect(
            JSONLines().text(.sample(.critical))
                == #"{"time":"2026-02-28T23:59:58.007Z","level":"critical","label":"berth","#
                + #""message":"something happened"}"# + "\n")
    }

    @Test(
        "nothing of others ends a line, leaves its quotation or steers a terminal",
        arguments: [
            ("a\r\nb", #""a\r\nb""#),
            ("\u{1b}[31mred\u{7}", #""\u001b[31mred\u0007""#),
            ("\u{9b}2J\u{7f}\u{1}", #""\u009b2J\u007f\u0001""#),
            (#"", "level":"error"#, #""\", \"level\":\"error""#),
            (#"back\slash"#, #""back\\slash""#),
            ("a\u{2028}b\u{202e}c", #""a\u2028b\u202ec""#),
            ("käse 雪 🐳", #""käse 雪 🐳""#),
            ("tab\there", #""tab\there""#),
        ].map(Hostile.init))
    func escapes(hostile: Hostile) throws {
        let written = hostile.written
        let record = LogRecord.sample(.info, [.init("value", .text(hostile.text))])
        let text = TextLines(isColored: false).text(record)
        #expect(text == "2026-02-28T23:59:58.007Z INFO     something happened value=\(written)\n")
        let json = JSONLines().text(record)
        #expect(json.hasSuffix(#""metadata":{"value":\#(written)}}"# + "\n"))
        #expect(json.utf8.count { $0 == UInt8(ascii: "\n") } == 1)
        guard case .object(let object) = try JSONValue(parsing: Array(json.utf8)),
            case .object(let metadata)? = object["metadata"], case .string(let value)? = metadata["value"]
        else {
            Issue.record("not an object: \(json)")
            return
        }
        #expect(hasSameBytes(value, hostile.text))
    }

    @Test("NUL is escaped like the rest")
    func nul() {
        #expect(TextLines(isColored: false).text(.sample(message: "a\0b")).hasSuffix(#" a\u0000b"# + "\n"))
    }

    @Test("messages, labels and keys are escaped too")
    func escapesEverywhere() {
        let record = LogRecord(
            time: .sample, level: .info, label: "l\nl", message: "m\n\"m\"",
            fields: [.init("k\nk", .integer(1))])
        #expect(
            JSONLines().text(record)
                == #"{"time":"2026-02-28T23:59:58.007Z","level":"info","label":"l\nl","message":"m\n\"m\"","#
                + #""metadata":{"k\nk":1}}"# + "\n")
        #expect(
            TextLines(isColored: false).text(record)
                == #"2026-02-28T23:59:58.007Z INFO     m\n"m" k\nk=1"# + "\n")
    }

    @Test(
        "a field is at most 512 bytes, escapes included, and never cut within a character",
        arguments: [
            (String(repeating: "x", count: 512), String(repeating: "x", count: 512)),
            (String(repeating: "x", count: 513), String(repeating: "x", count: 509) + "…"),
            (String(repeating: "x", count: 1 << 20), String(repeating: "x", count: 509) + "…"),
            (String(repeating: "\n", count: 256), String(repeating: #"\n"#, count: 256)),
            (String(repeating: "\n", count: 257), String(repeating: #"\n"#, count: 254) + "…"),
            (String(repeating: "\u{1b}", count: 1000), String(repeating: #"\u001b"#, count: 84) + "…"),
            (String(repeating: "🐳", count: 1000), String(repeating: "🐳", count: 127) + "…"),
        ])
    func caps(long: String, written: String) {
        var bytes: [UInt8] = []
        bytes.appendEscaped(long, in: .quotes)
        #expect(String(decoding: bytes, as: UTF8.self) == written)
        #expect(bytes.count <= 512)
    }

    @Test(
        "durations are milliseconds with three decimals",
        arguments: [
            (Duration.zero, "0.000"), (.nanoseconds(1), "0.000"), (.nanoseconds(1999), "0.001"),
            (.microseconds(999), "0.999"), (.milliseconds(1), "1.000"), (.seconds(61), "61000.000"),
            (.seconds(-1), "0.000"), (.seconds(Int64.max), "31536000000.000"),
        ])
    func durations(duration: Duration, text: String) {
        #expect(LogValue.duration(duration).literal == text)
    }

    @Test(
        "times are RFC 3339 in UTC",
        arguments: [
            (WallTime(seconds: 0, milliseconds: 0), "1970-01-01T00:00:00.000Z"),
            (WallTime(seconds: 951_782_400, milliseconds: 999), "2000-02-29T00:00:00.999Z"),
            (.sample, "2026-02-28T23:59:58.007Z"),
        ])
    func times(time: WallTime, text: String) {
        var bytes: [UInt8] = []
        time.append(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }

    @Test("what is no terminal gets JSON without being asked, and never colours")
    func formats() throws {
        let pipe = try LinePipe()
        defer { pipe.closeBoth() }
        #expect(LogFormat.auto.lines(for: pipe.writeEnd) is JSONLines)
        #expect(LogFormat.json.lines(for: pipe.writeEnd) is JSONLines)
        #expect((LogFormat.text.lines(for: pipe.writeEnd) as? TextLines)?.isColored == false)
    }
}

/// Text that a line has to survive, and how it is written. The runner tells the latter: it shows arguments as they are.
struct Hostile: Sendable, CustomTestStringConvertible {
    let text: String
    let written: String
    var testDescription: String { written }
}
